import assert from "node:assert/strict";
import test from "node:test";
import { broken, ended, event, hostile, listener, open, refused } from "./hostile.js";

const SOON = "retry: 1\n\n";

const turn = () => new Promise((resolve) => setTimeout(resolve));

/** Resolve once the subscriber has been told of the event. */
function heard(subscription, wanted) {
  return new Promise((resolve) => {
    const { handlers } = subscription;
    subscription.handlers = {
      ...handlers,
      onEvent(event) {
        handlers?.onEvent?.(event);
        if (event.id === wanted) resolve();
      },
    };
  });
}

test("however many follow a job, it is one connection", async (t) => {
  const server = await hostile(t, open(event(1, "queued"), event(2, "completed")));
  const client = server.client();
  const all = Array.from({ length: 50 }, listener);
  for (const { handlers } of all) client.subscribe("a", handlers);
  await Promise.all(all.map(({ closed }) => closed));
  for (const { events } of all) assert.deepEqual(events, ["1 queued", "2 completed"]);
  assert.equal(server.requests.length, 1);
});

test("who comes later is told the latest first, and how the line is", async (t) => {
  let finish;
  const server = await hostile(t, (response) => {
    open(event(1, "queued"), event(2, "progress"))(response);
    finish = () => response.write(event(3, "completed"));
  });
  const client = server.client();
  await heard(client.subscribe("a"), "2");
  const late = listener();
  client.subscribe("a", late.handlers);
  await turn();
  assert.deepEqual([late.events, late.connections], [["2 progress"], ["open"]]);
  finish();
  await late.closed;
  assert.deepEqual(late.events, ["2 progress", "3 completed"]);
  assert.equal(server.requests.length, 1);
});

test("the connection ends with the last who leaves", async (t) => {
  const server = await hostile(t, open(event(1, "queued")));
  const client = server.client();
  const [one, two] = [client.subscribe("a"), client.subscribe("a")];
  await heard(two, "1");
  one.close();
  await turn();
  assert.equal(two.connection, "open");
  two[Symbol.dispose]();
  await server.requests[0].gone;
});

test("who leaves and comes at once keeps the connection", async (t) => {
  let finish;
  const server = await hostile(t, (response) => {
    open(event(1, "queued"))(response);
    finish = () => response.write(event(2, "completed"));
  });
  const client = server.client();
  client.subscribe("a").close();
  const first = client.subscribe("a");
  await heard(first, "1");
  first.close();
  const told = listener();
  client.subscribe("a", told.handlers);
  finish();
  await told.closed;
  assert.deepEqual(told.events, ["1 queued", "2 completed"]);
  assert.equal(server.requests.length, 1);
});

test("nothing is told after close", async (t) => {
  const server = await hostile(t, open(event(1, "queued"), event(2, "completed")));
  const told = listener();
  const subscription = server.client().subscribe("a", {
    ...told.handlers,
    onQueued() {
      subscription.close();
      subscription.close();
    },
  });
  await told.closed;
  await server.requests[0].gone;
  assert.deepEqual(told.events, ["1 queued"]);
  assert.deepEqual(told.connections, ["open", "closed"]);
});

test("who leaves while it waits to come back leaves no timer", async (t) => {
  const server = await hostile(t, ended("retry: 100000\n\n"));
  const told = listener();
  const subscription = server.client().subscribe("a", told.handlers);
  await new Promise((resolve) => (subscription.handlers = { ...told.handlers, onConnection: (state) => state === "reconnecting" && resolve() }));
  await turn();
  subscription.close();
  await turn();
  assert.deepEqual(process.getActiveResourcesInfo().filter((name) => name === "Timeout"), []);
});

test("a handler that throws disturbs nobody", async (t) => {
  const server = await hostile(t, open(event(1, "queued"), event(2, "completed")));
  const thrown = [];
  const { queueMicrotask } = globalThis;
  t.mock.method(globalThis, "queueMicrotask", (task) => queueMicrotask(() => {
    try {
      task();
    } catch (error) {
      thrown.push(error.message);
    }
  }));
  const client = server.client();
  const told = listener();
  client.subscribe("a", { onEvent: () => { throw new Error("mine"); } });
  client.subscribe("a", told.handlers);
  await told.closed;
  await turn();
  assert.deepEqual(told.events, ["1 queued", "2 completed"]);
  assert.deepEqual(thrown, ["mine", "mine"]);
});

test("handlers may be replaced", async (t) => {
  let finish;
  const server = await hostile(t, (response) => {
    open(event(1, "queued"))(response);
    finish = () => response.write(event(2, "completed"));
  });
  const subscription = server.client().subscribe("a", { onCompleted: () => assert.fail() });
  await heard(subscription, "1");
  const completed = new Promise((resolve) => (subscription.handlers = { onCompleted: resolve }));
  finish();
  assert.equal((await completed).status, "completed");
});

test("two who begin at different ids each get what follows theirs", async (t) => {
  const server = await hostile(t, open(event(3, "queued"), event(4, "progress"), event(5, "completed")));
  const client = server.client();
  const [one, two] = [listener(), listener()];
  client.subscribe("a", one.handlers, { lastEventId: "4" });
  client.subscribe("a", two.handlers, { lastEventId: "2" });
  await Promise.all([one.closed, two.closed]);
  assert.deepEqual([one.events, two.events], [["5 completed"], ["3 queued", "4 progress", "5 completed"]]);
  assert.deepEqual(server.requests.map(({ headers }) => headers["last-event-id"]), ["2"]);
});

test("who begins earlier in the stream of all goes back there", async (t) => {
  const server = await hostile(t, open(event(7, "queued")), open(event(6, "queued"), event(7, "queued"), event(8, "queued")));
  const client = server.client();
  const [one, two] = [listener(), listener()];
  const first = client.subscribe("all", one.handlers, { lastEventId: 6 });
  await heard(first, "7");
  const second = client.subscribe("all", two.handlers, { lastEventId: 5 });
  await heard(second, "8");
  assert.deepEqual([one.events, two.events], [["7 queued", "8 queued"], ["6 queued", "7 queued", "8 queued"]]);
  first.close();
  second.close();
});

test("a new subscription after the end asks anew", async (t) => {
  const server = await hostile(t, open(event(1, "completed")));
  const client = server.client();
  for (let count = 1; count <= 2; count += 1) {
    const told = listener();
    client.subscribe("a", told.handlers);
    await told.closed;
    assert.deepEqual(told.events, ["1 completed"]);
    assert.equal(server.requests.length, count);
  }
});

test("a loop ends with the job, and an error ends it with a throw", async (t) => {
  const server = await hostile(t, refused(404));
  await assert.rejects(async () => {
    for await (const each of server.client().subscribe("a")) assert.fail(each);
  }, { name: "Problem", status: 404 });
});

test("leaving a loop closes it", async (t) => {
  const server = await hostile(t, open(event(1, "queued"), event(2, "progress")));
  const subscription = server.client().subscribe("a");
  for await (const { id } of subscription) if (id === "1") break;
  assert.equal(subscription.connection, "closed");
  await server.requests[0].gone;
});

test("closing wakes a loop that waits", async (t) => {
  const server = await hostile(t, open(event(1, "queued")));
  const subscription = server.client().subscribe("a");
  const seen = [];
  setTimeout(() => heardFirst(), 0);
  const heardFirst = () => (seen.length ? subscription.close() : setTimeout(heardFirst, 5));
  for await (const { id } of subscription) seen.push(id);
  assert.deepEqual(seen, ["1"]);
});

test("a loop that is too slow is told so, and keeps little", async (t) => {
  const many = Array.from({ length: 1000 }, (_, index) => event(index + 1, "progress")).join("");
  const server = await hostile(t, open(many, event(1001, "completed")));
  const told = listener();
  const subscription = server.client().subscribe("a", told.handlers);
  await told.closed;
  const seen = [];
  for await (const { type, id } of subscription) seen.push(`${id} ${type}`);
  assert.equal(told.events.length, 1001);
  assert.equal(seen.length, 256);
  assert.equal(seen[0].split(" ")[1], "reset");
  assert.deepEqual(seen.slice(1), told.events.slice(-255));
});

test("using disposes of it", { skip: !Symbol.dispose }, async (t) => {
  const server = await hostile(t, broken(SOON));
  const subscription = server.client().subscribe("a");
  subscription[Symbol.dispose]();
  assert.equal(subscription.connection, "closed");
  await turn();
  assert.equal(server.requests.length, 0);
});

test("so does using it asynchronously", { skip: !Symbol.asyncDispose }, async (t) => {
  const server = await hostile(t, open(event(1, "queued")));
  const subscription = server.client().subscribe("a");
  await heard(subscription, "1");
  await subscription[Symbol.asyncDispose]();
  assert.equal(subscription.connection, "closed");
  await server.requests[0].gone;
});
