import assert from "node:assert/strict";
import test from "node:test";
import { ended, event, hostile, listener, open, refused, until } from "./hostile.js";

/** Give this process what a page has: events, and whether it is seen. */
function page(t) {
  const target = new EventTarget();
  globalThis.addEventListener = target.addEventListener.bind(target);
  globalThis.removeEventListener = target.removeEventListener.bind(target);
  globalThis.document = { hidden: false };
  t.after(() => {
    for (const name of ["addEventListener", "removeEventListener", "document"]) delete globalThis[name];
  });
  return (type) => target.dispatchEvent(new Event(type));
}

/** Follow, and resolve once the first event was told; or once the connection is lost. */
async function followed(client, told) {
  client.subscribe("a", told.handlers);
  await until(() => told.events.length);
}

async function lost(client, told) {
  client.subscribe("a", told.handlers);
  await until(() => told.connections.includes("reconnecting"));
}

for (const type of ["online", "pageshow", "visibilitychange"]) {
  test(`${type} ends a long pause`, async (t) => {
    const dispatch = page(t);
    const server = await hostile(t, ended("retry: 1000000\n\n", event(1, "queued")), open(event(2, "completed")));
    const told = listener();
    await lost(server.client(), told);
    dispatch(type);
    await told.closed;
    assert.deepEqual(told.events, ["1 queued", "2 completed"]);
  });
}

test("a page that is not seen is not woken", async (t) => {
  const dispatch = page(t);
  const server = await hostile(t, ended("retry: 1000000\n\n", event(1, "queued")), open(event(2, "completed")));
  const told = listener();
  await lost(server.client(), told);
  document.hidden = true;
  dispatch("visibilitychange");
  await new Promise(setImmediate);
  assert.equal(server.requests.length, 1);
  document.hidden = false;
  dispatch("visibilitychange");
  await told.closed;
});

test("nothing comes sooner than Retry-After", async (t) => {
  const dispatch = page(t);
  const server = await hostile(t, refused(503, { "retry-after": "1" }), open(event(1, "completed")));
  const told = listener();
  await lost(server.client(), told);
  dispatch("online");
  await told.closed;
  const [first, second] = server.requests;
  assert.ok(second.at - first.at >= 950, `${second.at - first.at} ms`);
});

test("a line that was silent too long is made anew when the page is seen", async (t) => {
  const dispatch = page(t);
  const server = await hostile(t, open(event(1, "queued")), open(event(2, "completed")));
  const told = listener();
  await followed(server.client({ heartbeat: 1_000_000 }), told);
  dispatch("visibilitychange");
  assert.equal(server.requests.length, 1);
  const now = Date.now();
  t.mock.method(Date, "now", () => now + 1_500_000);
  dispatch("visibilitychange");
  await told.closed;
  assert.deepEqual(told.events, ["1 queued", "2 completed"]);
  assert.equal(server.requests[1].headers["last-event-id"], "1");
});

for (const [parting, back] of [["pagehide", "pageshow"], ["offline", "online"]]) {
  test(`${parting} ends the connection, and ${back} brings it back with the last id`, async (t) => {
    const dispatch = page(t);
    const server = await hostile(t, open("retry: 1000000\n\n", event(1, "queued")), open(event(2, "completed")));
    const told = listener();
    await followed(server.client(), told);
    dispatch(parting);
    await server.requests[0].gone;
    dispatch(back);
    await told.closed;
    assert.deepEqual(told.events, ["1 queued", "2 completed"]);
  });
}
