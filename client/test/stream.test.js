import assert from "node:assert/strict";
import { createGzip } from "node:zlib";
import test from "node:test";
import { Problem } from "../src/index.js";
import { alarms, broken, ended, event, hostile, listener, open, refused, silent, typed, until } from "./hostile.js";

const SOON = "retry: 1\n\n"; // come back at once
const HEARTBEAT = 1_000_000;

/** Follow the job until it is closed, and return what was told. */
async function followed(server, options, jobId = "a") {
  const told = listener();
  told.subscription = server.client(options).subscribe(jobId, told.handlers);
  await told.closed;
  return told;
}

test("events come in order to the handler of their type and to all", async (t) => {
  const server = await hostile(t, open(event(1, "queued"), event(2, "progress"), event(3, "timed_out")));
  const calls = [];
  const note = (name) => (job, { id }) => calls.push([name, job.job_id, id]);
  const handlers = { onQueued: note("queued"), onProgress: note("progress"), onTimedOut: note("timed out") };
  const subscription = server.client().subscribe("a", handlers);
  for await (const { type } of subscription) calls.push(type);
  assert.deepEqual(calls.filter(Array.isArray), [["queued", "a", "1"], ["progress", "a", "2"], ["timed out", "a", "3"]]);
  assert.deepEqual(calls.filter((call) => !Array.isArray(call)), ["queued", "progress", "timed_out"]);
  assert.equal(subscription.lastEventId, "3");
  assert.equal(subscription.connection, "closed");
  assert.equal(subscription.error, null);
});

for (const [name, end] of [["LF", "\n"], ["CR", "\r"], ["CRLF", "\r\n"]]) {
  test(`every byte may come alone, with lines that end with ${name}, after a BOM`, async (t) => {
    const text = `\uFEFF${event(1, "queued", { stage: "é😀" })}${event(2, "completed")}`.replaceAll("\n", end);
    const bytes = [...Buffer.from(text)].map((byte) => Buffer.from([byte]));
    const server = await hostile(t, open(...bytes));
    const seen = [];
    for await (const { data } of server.client().subscribe("a")) seen.push(data.stage);
    assert.deepEqual(seen, ["é😀", undefined]);
  });
}

test("a BOM is one at the start alone", async (t) => {
  const bom = "\uFEFF";
  const server = await hostile(t, open(`${bom}${bom}${event(1, "queued")}${bom}`, `${event(2, "progress")}`, event(3, "completed")));
  // What it stands before is another field: these events have no id.
  assert.deepEqual((await followed(server)).events, ["undefined queued", "undefined progress", "3 completed"]);
});

test("bytes that are no UTF-8 cost no event", async (t) => {
  const [start, end] = event(1, "completed", { stage: "x" }).split('"x"');
  const bytes = Buffer.concat([Buffer.from(`${start}"`), Buffer.from([0xff, 0xc3, 0xf0, 0x9f]), Buffer.from(`"${end}`)]);
  for await (const { data } of (await hostile(t, open(bytes))).client().subscribe("a")) assert.match(data.stage, /^\uFFFD+$/);
});

test("a line of 10 MB costs its event alone", async (t) => {
  const long = `id: 1\nevent: progress\ndata: {"padding": "${"x".repeat(10_000_000)}"}\n\n`;
  const told = await followed(await hostile(t, open(long, event(2, "completed"))));
  assert.deepEqual(told.events, ["2 completed"]);
  assert.equal(told.warnings.length, 1);
});

test("what is no JSON costs its event alone", async (t) => {
  const told = await followed(await hostile(t, open("id: 1\nevent: queued\ndata: {\n\n", event(2, "completed"))));
  assert.deepEqual(told.events, ["2 completed"]);
  assert.ok(told.warnings[0] instanceof SyntaxError);
});

test("it comes back with the last id, and half an event is none", async (t) => {
  const half = event(2, "completed").slice(0, -1);
  const server = await hostile(t, broken(SOON, event(1, "queued"), half), open(event(2, "completed")));
  const told = await followed(server);
  assert.deepEqual(told.events, ["1 queued", "2 completed"]);
  assert.deepEqual(told.connections, ["open", "reconnecting", "open", "closed"]);
  assert.deepEqual(server.requests.map(({ headers }) => headers["last-event-id"]), [undefined, "1"]);
});

test("what is repeated or late is not told", async (t) => {
  const again = [event(1, "queued"), event(2, "progress"), event(2, "progress"), event(1, "queued")];
  const server = await hostile(t, ended(SOON, ...again), open(...again, event(3, "completed"), event(4, "failed")));
  assert.deepEqual((await followed(server)).events, ["1 queued", "2 progress", "3 completed"]);
});

test("an id without data is one to come back with", async (t) => {
  const server = await hostile(t, ended(SOON, event(1, "queued"), "id: 7\n\n"), open(event(8, "completed")));
  await followed(server);
  assert.equal(server.requests[1].headers["last-event-id"], "7");
});

test("an event without an id is told, and leaves the place", async (t) => {
  const empty = event("", "processing").replace("id: \n", "id:\n");
  const server = await hostile(t, ended(SOON, event(4, "queued"), empty), open(event(5, "completed")));
  assert.deepEqual((await followed(server)).events, ["4 queued", "undefined processing", "5 completed"]);
  assert.equal(server.requests[1].headers["last-event-id"], "4");
});

test("a silent line is given up", async (t) => {
  const server = await hostile(t, open(SOON, event(1, "queued")), silent(), open(event(2, "completed")));
  const set = alarms(t, HEARTBEAT);
  const told = listener();
  server.client({ heartbeat: HEARTBEAT }).subscribe("a", told.handlers);
  await until(() => told.events.length);
  set.at(-1).ring();
  await until(() => server.requests.length === 2);
  set.at(-1).ring();
  await told.closed;
  assert.deepEqual(told.events, ["1 queued", "2 completed"]);
  assert.equal(server.requests.length, 3);
  await server.requests[0].gone;
});

test("a heartbeat keeps a line", async (t) => {
  let line;
  const server = await hostile(t, (response) => open()((line = response)));
  const set = alarms(t, HEARTBEAT);
  const told = listener();
  server.client({ heartbeat: HEARTBEAT }).subscribe("a", told.handlers);
  await until(() => told.connections.includes("open"));
  for (let beats = 0; beats < 10; beats += 1) {
    const count = set.length;
    line.write(": heartbeat\n\n");
    await until(() => set.length > count);
    assert.deepEqual(set.map(({ isSet }) => isSet), [...Array(set.length - 1).fill(false), true]);
  }
  line.end(event(1, "completed"));
  await told.closed;
  assert.equal(server.requests.length, 1);
});

test("a token that is refused is renewed once", async (t) => {
  const server = await hostile(t, refused(401), open(event(1, "completed")));
  const asked = [];
  const getToken = (request) => asked.push(request) && `token${asked.length}`;
  const told = await followed(server, { getToken });
  assert.deepEqual(told.events, ["1 completed"]);
  assert.deepEqual(asked, [{ jobId: "a", expired: false }, { jobId: "a", expired: true }]);
  assert.deepEqual(server.requests.map(({ headers }) => headers.authorization), ["Bearer token1", "Bearer token2"]);
});

test("one that is refused twice ends it", async (t) => {
  const body = JSON.stringify({ status: 401, code: "authentication_failed", detail: "Expired." });
  const server = await hostile(t, refused(401, { "content-type": "application/problem+json" }, body));
  const told = await followed(server, { getToken: () => "t" });
  assert.equal(server.requests.length, 2);
  const [{ name, status, code, message }] = told.errors;
  assert.deepEqual({ name, status, code, message }, { name: "Problem", status: 401, code: "authentication_failed", message: "Expired." });
});

test("one that a transport's server refuses is renewed once, too", async (t) => {
  const server = await hostile(t, open());
  const asked = [];
  const transport = async ({ headers }, stream) => {
    if (headers.Authorization !== "Bearer new") throw new Problem({ status: 401 });
    stream.stop();
  };
  const getToken = ({ expired }) => asked.push(expired) && (expired ? "new" : "old");
  assert.deepEqual((await followed(server, { getToken, transport })).errors, []);
  const told = await followed(server, { getToken: () => "old", transport });
  assert.deepEqual([asked, told.errors.map(({ status }) => status)], [[false, true], [401]]);
});

test("every connection asks for a token", async (t) => {
  const server = await hostile(t, ended(SOON), ended(SOON), open(event(1, "completed")));
  let count = 0;
  await followed(server, { getToken: async () => `t${(count += 1)}` });
  assert.deepEqual(server.requests.map(({ headers }) => headers.authorization), ["Bearer t1", "Bearer t2", "Bearer t3"]);
});

test("a token that cannot be had is asked for again", async (t) => {
  const server = await hostile(t, open(event(1, "completed")));
  let count = 0;
  const getToken = () => {
    if ((count += 1) === 1) throw new Error("away");
    return "t";
  };
  assert.deepEqual((await followed(server, { getToken })).connections, ["reconnecting", "open", "closed"]);
});

test("a grant goes into the address, and no header with it", async (t) => {
  const server = await hostile(t, ended(SOON, event(4, "queued")), open(event(5, "completed")));
  await followed(server, { getToken: () => "e30.e30.x-_", headers: { "X-Mine": "1" } });
  const urls = server.requests.map(({ url }) => url);
  assert.deepEqual(urls, ["/api/v1/events/a?token=e30.e30.x-_&last_event_id=", "/api/v1/events/a?token=e30.e30.x-_&last_event_id=4"]);
  for (const name of ["authorization", "last-event-id", "x-mine"]) assert.equal(server.requests[1].headers[name], undefined);
});

for (const [name, header] of [["seconds", () => "1"], ["a date", () => new Date(Date.now() + 2000).toUTCString()]]) {
  for (const status of [429, 503]) {
    test(`${status} waits for Retry-After in ${name}`, async (t) => {
      const answer = (response) => refused(status, { "retry-after": header() })(response);
      const server = await hostile(t, ended(SOON), answer, open(event(1, "completed")));
      const told = await followed(server);
      assert.deepEqual(told.errors, []);
      const [, busy, next] = server.requests;
      assert.ok(next.at - busy.at >= 950, `${next.at - busy.at} ms`);
    });
  }
}

test("retry is obeyed", async (t) => {
  const server = await hostile(t, ended("retry: 400\n\n", event(1, "queued")), open(event(2, "completed")));
  await followed(server);
  const [first, second] = server.requests;
  assert.ok(second.at - first.at >= 390, `${second.at - first.at} ms`);
});

for (const status of [408, 500, 502, 504]) {
  test(`${status} is tried again`, async (t) => {
    const server = await hostile(t, ended(SOON), refused(status, { "content-type": "text/html" }, "<h1>"), open(event(1, "completed")));
    assert.deepEqual((await followed(server)).events, ["1 completed"]);
  });
}

for (const status of [400, 403, 404, 406, 410]) {
  test(`${status} is final`, async (t) => {
    const server = await hostile(t, refused(status, { "content-type": "text/html" }, "<h1>"));
    const told = await followed(server);
    assert.equal(told.errors[0].status, status);
    assert.equal(told.subscription.error, told.errors[0]);
    assert.deepEqual(told.connections, ["closed"]);
    assert.equal(server.requests.length, 1);
  });
}

test("204 is the end", async (t) => {
  const server = await hostile(t, ended(SOON, event(1, "queued")), refused(204));
  const told = await followed(server);
  assert.deepEqual([told.connections.at(-1), told.errors], ["closed", []]);
  assert.equal(server.requests.length, 2);
});

for (const type of ["text/html", "application/json", "text/event-streams", ""]) {
  test(`${type || "no type"} is no stream`, async (t) => {
    const server = await hostile(t, typed(type, event(1, "completed")));
    const told = await followed(server);
    assert.deepEqual(told.events, []);
    assert.equal(told.errors[0].code, "not_a_stream");
  });
}

for (const type of ["text/event-stream;charset=utf-8", "Text/Event-Stream ; charset=x"]) {
  test(`${type} is a stream`, async (t) => {
    assert.deepEqual((await followed(await hostile(t, typed(type, event(1, "completed"))))).events, ["1 completed"]);
  });
}

test("a redirect is followed, with the token", async (t) => {
  const server = await hostile(t, refused(307, { location: "/elsewhere" }), open(event(1, "completed")));
  await followed(server, { getToken: () => "t" });
  assert.deepEqual(server.requests.map(({ url, headers }) => [url, headers.authorization]), [["/api/v1/events/a", "Bearer t"], ["/elsewhere", "Bearer t"]]);
});

test("a token goes to no other origin", async (t) => {
  const other = await hostile(t, open(event(1, "completed")));
  const server = await hostile(t, refused(307, { location: `${other.baseUrl}/x` }));
  await followed(server, { getToken: () => "t" });
  assert.equal(other.requests[0].headers.authorization, undefined);
});

test("a redirect without end is tried again", async (t) => {
  const loop = refused(302, { location: "/api/v1/events/a" });
  const server = await hostile(t, ended(SOON), ...Array(21).fill(loop), open(event(1, "completed")));
  assert.deepEqual((await followed(server)).events, ["1 completed"]);
});

test("a reset goes back, and is told", async (t) => {
  const reset = 'id: 3\nevent: reset\ndata: {"last_event_id": 3}\n\n';
  const server = await hostile(t, ended(SOON, event(9, "progress")), ended(SOON, reset, event(4, "progress")), open(event(5, "completed")));
  assert.deepEqual((await followed(server)).events, ["9 progress", "3 reset", "4 progress", "5 completed"]);
  assert.equal(server.requests[2].headers["last-event-id"], "4");
});

test("deleted is told, and final", async (t) => {
  const server = await hostile(t, open(event(1, "queued"), event(2, "deleted")));
  assert.deepEqual((await followed(server)).events, ["1 queued", "2 deleted"]);
});

test("the stream of all ends with no job", async (t) => {
  const server = await hostile(t, open(SOON, event(1, "completed"), event(2, "completed"), event(3, "queued")), refused(404));
  const client = server.client();
  const seen = [];
  for await (const { id } of client.subscribe("all")) if (seen.push(id) === 3) break;
  assert.deepEqual(seen, ["1", "2", "3"]);
  await server.requests[0].gone;
  assert.equal(server.requests[0].url, "/api/v1/events");
});

test("a type that is not known yet is told like any other", async (t) => {
  const server = await hostile(t, open("id: 1\nevent: polished\ndata: {}\n\n", event(2, "completed")));
  assert.deepEqual((await followed(server)).events, ["1 polished", "2 completed"]);
});

test("it begins after the id that the page has", async (t) => {
  const server = await hostile(t, open(event(7, "queued"), event(8, "completed")));
  const told = listener();
  server.client().subscribe("a", told.handlers, { lastEventId: 7 });
  await told.closed;
  assert.deepEqual(told.events, ["8 completed"]);
  assert.equal(server.requests[0].headers["last-event-id"], "7");
});

test("an address may end with a slash", async (t) => {
  const server = await hostile(t, open(event(1, "completed")));
  await followed(server, { baseUrl: `${server.baseUrl}/` });
  assert.equal(server.requests[0].url, "/api/v1/events/a");
});

test("the distance grows with full jitter, to half a minute", async (t) => {
  const delays = [];
  const { setTimeout } = globalThis;
  const server = await hostile(t, ended("retry: 5\n\n", event(1, "queued")), ...Array(8).fill(refused(503)), open(event(2, "completed")));
  t.mock.method(Math, "random", () => 1);
  t.mock.method(globalThis, "setTimeout", (task, delay, ...values) => {
    const isPause = task.length === 1; // a promise's resolve
    if (isPause) delays.push(delay);
    return setTimeout(task, isPause ? 0 : delay, ...values);
  });
  const told = await followed(server);
  assert.deepEqual(told.events, ["1 queued", "2 completed"]);
  assert.deepEqual(delays.filter((delay) => delay % 1000 === 5), [5, 1005, 2005, 4005, 8005, 16005, 30005, 30005, 30005]);
});

for (const [name, answer] of [["retry:", ended("retry: 99999999999999999999\n\n")], ["Retry-After", refused(503, { "retry-after": "99999999999999999999" })]]) {
  test(`${name} beyond what timers can wait is not no time`, async (t) => {
    const delays = [];
    const { setTimeout } = globalThis;
    const server = await hostile(t, answer, open(event(1, "completed")));
    t.mock.method(globalThis, "setTimeout", (task, delay, ...values) => {
      const isLong = delay > HEARTBEAT * 2.5;
      if (isLong) delays.push(delay);
      return setTimeout(task, isLong ? 0 : delay, ...values);
    });
    await followed(server);
    assert.deepEqual(delays, [2 ** 31 - 1]);
  });
}

test("a stream that is compressed on the way comes as it is written", async (t) => {
  let line;
  const packed = (response) => {
    response.writeHead(200, { "content-type": "text/event-stream", "content-encoding": "gzip" });
    line = createGzip();
    line.pipe(response);
    line.write(event(1, "queued"));
    line.flush();
  };
  const server = await hostile(t, packed);
  const told = listener();
  server.client().subscribe("a", told.handlers);
  await until(() => told.events.length);
  line.write(event(2, "completed"));
  line.flush();
  await told.closed;
  assert.deepEqual([told.events, server.requests.length], [["1 queued", "2 completed"], 1]);
});

test("an event named error is none of the connection's", async (t) => {
  const told = await followed(await hostile(t, open("id: 1\nevent: error\ndata: {}\n\n", event(2, "completed"))));
  assert.deepEqual([told.events, told.errors], [["1 error", "2 completed"], []]);
});
