// The client and the real site: server, worker, broker, and the local RunPod endpoint.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createClient } from "../src/index.js";
import { Site, photo } from "./site.js";

// Milliseconds: a machine may be slow, and busy.
const WITHIN = 300_000;
const ORDER = ["queued", "processing", "completed"];
const site = new Site();
let client;

before(async () => {
  await site.start();
  const token = await site.token();
  client = createClient({ baseUrl: site.url, getToken: () => token });
}, { timeout: WITHIN });

after(() => site.end());

test("a photo is uploaded, followed and restored", async () => {
  const { photo: kept, job } = await client.upload(photo(), { title: "Portrait", restore: { scale: 2 } });
  assert.equal(kept.title, "Portrait");
  assert.deepEqual(job.options, { scale: 2 });
  const events = [];
  for await (const event of client.subscribe(job.job_id)) events.push(event);
  const types = events.map(({ type }) => type);
  // One that waits makes progress, too: fewer are before it.
  const statuses = types.filter((type) => type !== "progress");
  assert.deepEqual(statuses, [...statuses].sort((one, other) => ORDER.indexOf(one) - ORDER.indexOf(other)));
  assert.equal(types.at(-1), "completed");
  assert.deepEqual(events.map(({ id }) => Number(id)), [...new Set(events.map(({ id }) => Number(id)))].sort((one, other) => one - other));
  const { restore } = events.at(-1).data;
  const picture = await client.send(`/restores/${restore.id}/preview`);
  assert.match(picture.headers.get("content-type"), /^image\//);
  await picture.body.cancel();
  const { last_event_id, ...snapshot } = await client.get(job.job_id);
  assert.deepEqual(snapshot, events.at(-1).data);
  assert.equal(String(last_event_id), events.at(-1).id);
});

test("a created job is started, another one made, and each waited for", async () => {
  const { photo: kept, job } = await client.upload(photo());
  assert.equal(job.status, "created");
  await client.restore(job.job_id);
  assert.equal((await client.waitFor(job.job_id, { timeout: WITHIN })).status, "completed");
  const refusal = await client.restore(job.job_id).catch((error) => error);
  assert.deepEqual([refusal.status, refusal.code, refusal.photo_id], [409, "already_finished", kept.id]);
  const again = await client.restore({ photoId: kept.id, options: { scale: 1 } }, { idempotencyKey: kept.id });
  const same = await client.restore({ photoId: kept.id, options: { scale: 1 } }, { idempotencyKey: kept.id });
  assert.equal(again.job_id, same.job_id);
  assert.equal((await client.waitFor(again.job_id, { timeout: WITHIN })).photo_id, kept.id);
});

test("a job is cancelled", async () => {
  const { job } = await client.upload(photo());
  assert.equal((await client.cancel(job.job_id)).status, "cancelled");
  const error = await client.waitFor(job.job_id, { timeout: WITHIN }).catch((reason) => reason);
  assert.deepEqual([error.code, error.retryable, error.job.job_id], ["cancelled", true, job.job_id]);
});

test("all of one's jobs are followed from where they were read", async () => {
  const { last_event_id: lastEventId } = await client.get("all");
  const { job } = await client.upload(photo(), { restore: true });
  for await (const { type, data } of client.subscribe("all", {}, { lastEventId })) {
    assert.equal(data.job_id, job.job_id);
    if (type === "completed") break;
  }
});

test("jobs that are followed together share one connection, and each is told its own", async () => {
  let connections = 0;
  const counting = (url, options) => {
    if (url.includes("/events")) connections += 1;
    return fetch(url, options);
  };
  const token = await site.token();
  const page = createClient({ baseUrl: site.url, getToken: () => token, fetch: counting });
  const jobs = await Promise.all([1, 2, 3].map(async () => (await page.upload(photo())).job.job_id));
  const waiting = jobs.map((job) => page.waitFor(job, { timeout: WITHIN }));
  for (const job of jobs) await page.restore(job);
  assert.deepEqual((await Promise.all(waiting)).map(({ job_id }) => job_id), jobs);
  assert.equal(connections, 1);
});

test("a photo that is deleted ends its streams", async () => {
  const { photo: kept, job } = await client.upload(photo());
  const told = {};
  const ended = new Promise((resolve) => (told.onDeleted = resolve));
  await new Promise((resolve) => client.subscribe(job.job_id, { ...told, onConnection: resolve }));
  await client.send(`/photos/${kept.id}`, { method: "DELETE" });
  assert.equal((await ended).status, "deleted");
});

test("a grant opens the streams that it names, and nothing else", async () => {
  const { job } = await client.upload(photo(), { restore: true });
  const body = JSON.stringify({ job_ids: [job.job_id] });
  const answer = await client.send("/events/token", { method: "POST", body, headers: { "Content-Type": "application/json" } });
  const { token } = await answer.json();
  const page = createClient({ baseUrl: site.url, getToken: () => token });
  assert.equal((await page.waitFor(job.job_id, { timeout: WITHIN })).status, "completed");
  await assert.rejects(page.get(job.job_id), { name: "Problem", status: 401 });
  await assert.rejects(page.waitFor(crypto.randomUUID()), { name: "Problem", status: 404, code: "not_found" });
});

test("strangers are told why", async () => {
  const stranger = createClient({ baseUrl: site.url, getToken: () => "pr_x" });
  await assert.rejects(stranger.waitFor(crypto.randomUUID()), { name: "Problem", status: 401, code: "authentication_failed" });
  await assert.rejects(client.get(crypto.randomUUID()), { name: "Problem", status: 404, code: "not_found" });
  await assert.rejects(client.upload(new Blob(["Dear diary"])), { name: "Problem", status: 400, code: "not_a_picture" });
});

test("a restart of the whole site is lived through", { timeout: WITHIN }, async () => {
  const { job } = await client.upload(photo());
  const events = [];
  await new Promise((resolve) => {
    client.subscribe(job.job_id, {
      onEvent: ({ id }) => events.push(Number(id)),
      onConnection: resolve,
    });
  });
  await site.stop();
  await site.start();
  await client.restore(job.job_id);
  await client.waitFor(job.job_id, { timeout: WITHIN });
  assert.deepEqual(events, [...new Set(events)].sort((one, other) => one - other));
  assert.ok(events.length >= 2);
});
