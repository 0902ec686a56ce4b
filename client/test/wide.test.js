// One connection for many jobs, where the server lets its owner follow all of them.
import assert from "node:assert/strict";
import test from "node:test";
import { event, hostile, listener, open, refused, typed, until } from "./hostile.js";

const job = (id, status, members) => ({ job_id: id, status, progress: 0, error: null, ...members });
const json = (body) => typed("application/json", JSON.stringify(body));

/** A server of jobs that are as told, and of a stream of all that the test writes to. */
async function many(t, jobs, answers = {}) {
  const streams = [];
  const own = [];
  const server = await hostile(t, (response, { url }) => {
    const path = url.replace("/api/v1", "").split("?")[0];
    if (answers[path]) return answers[path](response);
    if (path === "/jobs") return json({ results: [], last_event_id: 100 })(response);
    if (path.startsWith("/jobs/")) return json(jobs[path.slice(6)])(response);
    if (path !== "/events") own.push(response);
    else streams.push(response);
    return open(": hello\n\n")(response);
  });
  const of = (path) => server.requests.filter(({ url }) => url === `/api/v1${path}`);
  return { server, client: server.client(), of, streams, own };
}

test("jobs that are followed together share the stream of all", async (t) => {
  const jobs = { a: job("a", "queued", { last_event_id: 1 }), b: job("b", "created", { last_event_id: 0 }), c: job("c", "completed", { last_event_id: 9 }) };
  const { client, of, server, streams } = await many(t, jobs);
  const [a, b, c] = [listener(), listener(), listener()];
  client.subscribe("a", a.handlers);
  client.subscribe("b", b.handlers);
  client.subscribe("c", c.handlers);
  await c.closed;
  await until(() => a.events.length && b.connections.includes("open"));
  streams[0].write(event(101, "queued", { job_id: "b" }) + event(102, "progress", { progress: 5 }) + event(103, "completed", { job_id: "b" }) + event(104, "failed"));
  await Promise.all([a.closed, b.closed]);
  assert.deepEqual(a.events, ["1 queued", "undefined progress", "undefined failed"]);
  assert.deepEqual(b.events, ["undefined queued", "undefined completed"]);
  assert.deepEqual(c.events, ["9 completed"]);
  assert.equal(of("/events").length, 1);
  assert.equal(of("/jobs").length, 1);
  assert.equal(of("/events")[0].headers["last-event-id"], "100");
  assert.equal(server.requests.filter(({ url }) => url.startsWith("/api/v1/events/")).length, 0);
  await of("/events")[0].gone;
});

test("one that has a connection of its own comes over, and repeats nothing", async (t) => {
  const jobs = { a: job("a", "processing", { progress: 30, last_event_id: 2 }), b: job("b", "queued", { last_event_id: 1 }) };
  const { client, of, own, streams } = await many(t, jobs);
  const [a, b] = [listener(), listener()];
  client.subscribe("a", a.handlers);
  await until(() => a.connections.includes("open"));
  own[0].write(event(1, "queued") + event(2, "progress", { progress: 30 }));
  await until(() => a.events.length === 2);
  client.subscribe("b", b.handlers);
  await of("/events/a")[0].gone;
  await until(() => streams.length && b.events.length);
  const early = event(101, "processing", { stage: "noise" }) + event(102, "progress", { progress: 30 });
  streams[0].write(early + event(103, "completed") + event(104, "completed", { job_id: "b" }));
  await Promise.all([a.closed, b.closed]);
  assert.deepEqual(a.events, ["1 queued", "2 progress", "undefined completed"]);
  assert.equal(of("/events/a").length, 1);
});

test("one that waits is told that fewer are before it than when it was read", async (t) => {
  const jobs = { a: job("a", "queued", { ahead: 5, last_event_id: 1 }), b: job("b", "queued", { ahead: 6, last_event_id: 1 }) };
  const { client, streams } = await many(t, jobs);
  const [a, b] = [listener(), listener()];
  client.subscribe("a", a.handlers);
  client.subscribe("b", b.handlers);
  await until(() => streams.length && a.events.length && b.events.length);
  const fewer = [5, 4].map((ahead, more) => event(101 + more, "progress", { status: "queued", ahead }));
  streams[0].write(fewer.join("") + event(103, "completed") + event(104, "completed", { job_id: "b" }));
  await Promise.all([a.closed, b.closed]);
  assert.deepEqual(a.events, ["1 queued", "undefined progress", "undefined completed"]);
});

test("it does for the stream of all itself, too", async (t) => {
  const { client, of, streams } = await many(t, { a: job("a", "queued", { last_event_id: 1 }) });
  const [all, a] = [listener(), listener()];
  const subscription = client.subscribe("all", all.handlers, { lastEventId: 50 });
  client.subscribe("a", a.handlers);
  await until(() => a.events.length && streams.length);
  streams[0].write(event(51, "queued") + event(52, "completed"));
  await a.closed;
  assert.deepEqual([a.events, all.events], [["1 queued", "undefined completed"], ["51 queued", "52 completed"]]);
  assert.deepEqual([of("/events").length, of("/jobs").length, of("/events/a").length], [1, 0, 0]);
  subscription.close();
});

test("after a reset each job is read again", async (t) => {
  const jobs = { a: job("a", "queued", { last_event_id: 1 }), b: job("b", "queued", { last_event_id: 1 }) };
  const { client, of, streams } = await many(t, jobs);
  const [a, b] = [listener(), listener()];
  client.subscribe("a", a.handlers);
  const subscription = client.subscribe("b", b.handlers);
  await until(() => a.events.length && b.events.length && streams.length);
  streams[0].write(event(101, "progress", { job_id: "b", progress: 5 }));
  await until(() => b.events.length === 2);
  Object.assign(jobs.a, { status: "completed", last_event_id: 7 });
  Object.assign(jobs.b, { status: "processing", progress: 5, last_event_id: 2 });
  streams[0].write('id: 9\nevent: reset\ndata: {"last_event_id": 9}\n\n');
  await a.closed;
  assert.deepEqual(a.events, ["1 queued", "7 completed"]);
  await until(() => of("/jobs/b").length === 2);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(b.events, ["1 queued", "undefined progress"]);
  subscription.close();
});

test("a job that does not exist is told so, and the others go on", async (t) => {
  const missing = refused(404, { "content-type": "application/problem+json" }, '{"code": "not_found"}');
  const jobs = { a: job("a", "queued", { last_event_id: 1 }) };
  const { client, streams } = await many(t, jobs, { "/jobs/x": missing, "/events/x": missing });
  const [a, x] = [listener(), listener()];
  client.subscribe("a", a.handlers);
  client.subscribe("x", x.handlers);
  assert.equal((await x.closed).code, "not_found");
  await until(() => a.events.length && streams.length);
  streams[0].write(event(101, "completed"));
  await a.closed;
});

for (const [name, answers] of [
  ["who may not read jobs", { "/jobs": refused(401) }],
  ["who may not follow all", { "/events": refused(404) }],
  ["where something else answers", { "/jobs": typed("text/html", "<h1>"), "/events": refused(403) }],
]) {
  test(`${name} has a connection for each job`, async (t) => {
    const jobs = { a: job("a", "queued", { last_event_id: 1 }), b: job("b", "queued", { last_event_id: 1 }) };
    const { client, of, own } = await many(t, jobs, answers);
    const [a, b] = [listener(), listener()];
    client.subscribe("a", a.handlers);
    client.subscribe("b", b.handlers);
    await until(() => own.length === 2);
    for (const response of own) response.write(event(1, "queued") + event(2, "completed"));
    await Promise.all([a.closed, b.closed]);
    assert.deepEqual(a.events, ["1 queued", "2 completed"]);
    assert.deepEqual(b.events, ["1 queued", "2 completed"]);
    assert.equal(of("/events/a").length, 1);
  });
}

test("when the line breaks, all come back over one", async (t) => {
  const jobs = { a: job("a", "queued", { last_event_id: 1 }), b: job("b", "queued", { last_event_id: 1 }) };
  const { client, of, streams } = await many(t, jobs);
  const [a, b] = [listener(), listener()];
  client.subscribe("a", a.handlers);
  client.subscribe("b", b.handlers);
  await until(() => a.events.length && b.events.length && streams.length);
  streams[0].write(`retry: 1\n\n${event(101, "progress", { progress: 5 })}`, () => streams[0].socket.destroy());
  await until(() => streams.length === 2);
  streams[1].write(event(101, "progress", { progress: 5 }) + event(102, "completed") + event(103, "completed", { job_id: "b" }));
  await Promise.all([a.closed, b.closed]);
  assert.deepEqual(a.events, ["1 queued", "undefined progress", "undefined completed"]);
  assert.deepEqual(a.connections, ["open", "reconnecting", "open", "closed"]);
  assert.equal(of("/events")[1].headers["last-event-id"], "101");
});
