// What is asked for, as it goes over the wire.
import assert from "node:assert/strict";
import test from "node:test";
import { event, hostile, open, refused, typed } from "./hostile.js";

const answered = typed("application/json", "{}");

test("what is uploaded is a file, or its bytes as Node reads them", async (t) => {
  const bodies = [];
  const taken = async (response, request) => {
    bodies.push(Buffer.concat(await request.toArray()).toString("latin1"));
    answered(response);
  };
  const client = (await hostile(t, taken)).client();
  await client.upload(new Blob(["pixels"]));
  await client.upload(Buffer.from("pixels"));
  await client.upload(new TextEncoder().encode("pixels"), { title: "Old" });
  for (const body of bodies) assert.match(body, /name="image"; filename="photo"[^]*\r\n\r\npixels\r\n/);
  assert.match(bodies[2], /name="title"\r\n\r\nOld\r\n/);
});

test("an id that is none of ours leads to no other address", async (t) => {
  const server = await hostile(t, answered, answered, answered, refused(404), refused(404));
  const client = server.client();
  const id = "../webhooks?x=/#y";
  await client.get(id);
  await client.cancel(id);
  await client.restore(id);
  await assert.rejects(client.waitFor(id), { status: 404 });
  const escaped = "..%2Fwebhooks%3Fx%3D%2F%23y";
  const asked = server.requests.map(({ method, url }) => `${method} ${url.replace(escaped, "ID")}`);
  assert.deepEqual(asked, ["GET /api/v1/jobs/ID", "POST /api/v1/jobs/ID/cancel", "POST /api/v1/jobs/ID/restore", "GET /api/v1/events/ID"]);
});

test("no time to wait for is none, whichever way it is said", async (t) => {
  const client = (await hostile(t, open(event(1, "completed")))).client();
  for (const timeout of [null, undefined]) assert.equal((await client.waitFor("a", { timeout })).status, "completed");
});
