import assert from "node:assert/strict";
import test from "node:test";
import { ended, event, hostile, open, refused, typed } from "./hostile.js";

test("it resolves with the job that is completed", async (t) => {
  const server = await hostile(t, open(event(1, "queued"), event(2, "completed", { restore_id: "r" })));
  assert.equal((await server.client().waitFor("a")).restore_id, "r");
});

for (const type of ["failed", "cancelled", "timed_out", "deleted"]) {
  test(`it rejects a job that is ${type}`, async (t) => {
    const error = type === "failed" ? { code: "lost", message: "It was lost.", retryable: true } : null;
    const server = await hostile(t, open(event(1, type, { error })));
    const problem = await server.client().waitFor("a").catch((reason) => reason);
    assert.equal(problem.name, "Problem");
    assert.equal(problem.code, error?.code ?? type);
    assert.equal(problem.retryable, error?.retryable ?? false);
    assert.equal(problem.job.status, type);
  });
}

test("it reads the job where the stream tells nothing more", async (t) => {
  const job = JSON.stringify({ job_id: "a", status: "completed" });
  const server = await hostile(t, refused(204), typed("application/json", job));
  assert.equal((await server.client().waitFor("a")).status, "completed");
  assert.deepEqual(server.requests.map(({ url }) => url), ["/api/v1/events/a", "/api/v1/jobs/a"]);
});

test("it gives up after its time", async (t) => {
  const server = await hostile(t, open(event(1, "queued")));
  await assert.rejects(server.client().waitFor("a", { timeout: 50 }), { name: "TimeoutError" });
  await server.requests[0]?.gone;
});

test("a very long time is not none", async (t) => {
  const server = await hostile(t, open(event(1, "completed")));
  assert.equal((await server.client().waitFor("a", { timeout: 1e12 })).status, "completed");
  assert.equal((await server.client().waitFor("a", { timeout: Infinity })).status, "completed");
});

test("a signal stops it with its reason", async (t) => {
  const server = await hostile(t, open(event(1, "queued")));
  const client = server.client();
  await assert.rejects(client.waitFor("a", { signal: AbortSignal.abort(new Error("never")) }), { message: "never" });
  const control = new AbortController();
  const waiting = client.waitFor("a", { signal: control.signal });
  const subscription = client.subscribe("a", { onQueued: () => control.abort(new Error("enough")) });
  await assert.rejects(waiting, { message: "enough" });
  subscription.close();
  await server.requests[0].gone;
});

test("a refusal rejects it", async (t) => {
  const server = await hostile(t, refused(404));
  await assert.rejects(server.client().waitFor("a"), { name: "Problem", status: 404 });
});

test("it lives through a restart", async (t) => {
  const server = await hostile(t, ended("retry: 1\n\n", event(1, "queued")), refused(502), open(event(2, "completed")));
  assert.equal((await server.client().waitFor("a")).status, "completed");
});
