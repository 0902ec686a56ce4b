// https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
import assert from "node:assert/strict";
import test from "node:test";
import { Parser } from "../src/parser.js";

/** Return the events of the pieces, as an EventSource would dispatch them. */
function parsed(...pieces) {
  const events = [];
  const take = ({ type, id, data }) => data !== undefined && events.push([type, data, id]);
  const stream = { hear() {}, take, retry: undefined };
  const parser = new Parser(stream);
  for (const piece of pieces) parser.write(piece);
  return { events, retry: stream.retry };
}

const cases = [
  ["an event has a type, data and an id", "id: 1\nevent: progress\ndata: x\n\n", [["progress", "x", "1"]]],
  ["without a type it is a message", "data: x\n\n", [["message", "x", undefined]]],
  ["an empty type is none", "event:\ndata: x\n\n", [["message", "x", undefined]]],
  ["of two types the last counts", "event: a\nevent: b\ndata: x\n\n", [["b", "x", undefined]]],
  ["a type counts for one event", "event: a\ndata: x\n\ndata: y\n\n", [["a", "x", undefined], ["message", "y", undefined]]],
  ["lines of data are joined", "data: a\ndata: b\n\n", [["message", "a\nb", undefined]]],
  ["data without a value are an empty line", "data\ndata\n\n", [["message", "\n", undefined]]],
  ["one empty line of data is an event", "data\n\n", [["message", "", undefined]]],
  ["no data, no event", "event: a\nid: 1\n\n", []],
  ["one space after the colon is left out", "data:  x\n\ndata:x\n\n", [["message", " x", undefined], ["message", "x", undefined]]],
  ["a tab is not", "data:\tx\n\n", [["message", "\tx", undefined]]],
  ["later colons belong to the value", "data: a: b\n\n", [["message", "a: b", undefined]]],
  ["a comment is nothing", ": heartbeat\n\n:\n:x\ndata: x\n\n", [["message", "x", undefined]]],
  ["an unknown field is nothing", "date: x\n data: y\ndata : z\nDATA: z\ndata: x\n\n", [["message", "x", undefined]]],
  ["an id with NULL in it is nothing", "id: 1\nid: 2\0\ndata: x\n\n", [["message", "x", "1"]]],
  ["an empty id is none to come back with", "id: 1\nid\ndata: x\n\n", [["message", "x", undefined]]],
  ["an unfinished event is dropped", "data: x\n\ndata: y\n", [["message", "x", undefined]]],
  ["lines end with LF, CR or CRLF", "data: a\rdata: b\r\ndata: c\n\r\ndata: d\r\rdata: e\n\n", [["message", "a\nb\nc", undefined], ["message", "d", undefined], ["message", "e", undefined]]],
  ["other line ends of Unicode are none", "data: a\u2028b\u0085c\vd\n\n", [["message", "a\u2028b\u0085c\vd", undefined]]],
];

for (const [name, text, expected] of cases) {
  test(name, () => assert.deepEqual(parsed(text).events, expected));
  test(`${name}, wherever it is split`, () => {
    assert.deepEqual(parsed(...text).events, expected);
    for (let at = 1; at < text.length; at += 1) {
      assert.deepEqual(parsed(text.slice(0, at), text.slice(at)).events, expected, `at ${at}`);
    }
  });
}

for (const [text, expected] of [["10", 10], ["0", 0], ["1.5", undefined], ["-1", undefined], ["1e3", undefined], ["", undefined], ["٣", undefined], ["1 ", undefined]]) {
  test(`retry: ${JSON.stringify(text)} is ${expected}`, () => assert.equal(parsed(`retry: ${text}\n`).retry, expected));
}

test("a line of 10 MB spoils its own event, and no other", () => {
  const long = "1".repeat(2 ** 16);
  const { events } = parsed("id: 1\ndata: ", ...Array(160).fill(long), "\n\nid: 2\ndata: x\n\n");
  assert.equal(events.length, 2);
  assert.throws(() => JSON.parse(events[0][1]), SyntaxError);
  assert.ok(events[0][1].length < 2 ** 20);
  assert.deepEqual(events[1], ["message", "x", "2"]);
});

test("10 MB in many lines of data are bounded, too", () => {
  const lines = `data: ${"1".repeat(2 ** 16)}\n`;
  const { events } = parsed(...Array(160).fill(lines), "\ndata: x\n\n");
  assert.throws(() => JSON.parse(events[0][1]), SyntaxError);
  assert.ok(events[0][1].length <= 2 ** 20);
  assert.deepEqual(events[1], ["message", "x", undefined]);
});

test("a comment of 10 MB is nothing", () => {
  const { events } = parsed(":", ...Array(160).fill("x".repeat(2 ** 16)), "\ndata: x\n\n");
  assert.deepEqual(events, [["message", "x", undefined]]);
});
