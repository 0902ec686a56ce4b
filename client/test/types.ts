// What a program may write, and what not: `tsc` is the test.
import { readFile } from "node:fs/promises";
import { createClient, Problem, type Client, type JobSnapshot, type Subscription } from "@photorestore/client";
import { eventSource } from "@photorestore/client/eventsource";
import { useJobEvents } from "@photorestore/client/react";

const client: Client = createClient();
createClient({ baseUrl: "https://photos.example", getToken: () => "pr_x", heartbeat: 1000 });
createClient({ getToken: async ({ jobId, expired }) => `${jobId ?? ""}${expired}`, transport: eventSource });
createClient({ headers: { "X-CSRFToken": "x" }, credentials: "include", fetch: globalThis.fetch });
// @ts-expect-error A token is text.
createClient({ getToken: () => 1 });
// @ts-expect-error There is no such option.
createClient({ url: "x" });

const uploaded = await client.upload(new Blob([]), { title: "x", restore: { scale: 2 }, idempotencyKey: "k" });
const jobId: string = uploaded.job.job_id;
await client.restore(jobId);
await client.restore({ photoId: uploaded.photo.id, options: { scale: 2 } });
await client.cancel(jobId, { signal: AbortSignal.timeout(1) });
const last: number = (await client.get("all")).last_event_id;
const status: JobSnapshot["status"] = (await client.get(jobId)).status;

const subscription: Subscription = client.subscribe("all", { onCompleted: ({ restore_id }, { id }) => [restore_id, id] }, { lastEventId: last });
client.subscribe(jobId, { onReset: ({ last_event_id }) => last_event_id, onTimedOut: (job) => job.error?.code });
// @ts-expect-error There is no such handler.
client.subscribe(jobId, { onDone: () => {} });
for await (const event of subscription) {
  if (event.type === "completed") event.data.restore.preview_url.length;
  // @ts-expect-error There may be no result.
  if (event.type === "failed") event.data.restore.preview_url.length;
  if (event.type === "reset") event.data.last_event_id;
  else event.data.job_id;
  // @ts-expect-error A reset has no job.
  event.data.job_id;
}
subscription.handlers = { onConnection: (connection, error) => connection === "closed" && error?.message };
// @ts-expect-error It is told, not set.
subscription.connection = "open";
subscription.close();
{
  using own = client.subscribe(jobId);
  own.lastEventId;
}
{
  await using own = client.subscribe(jobId);
  own.lastEventId;
}

const width: number = (await client.waitFor(jobId, { timeout: 1000 })).restore.width;
const answer: Response = await client.send(`/photos/${uploaded.photo.id}`, { method: "DELETE" });
try {
  await client.get(jobId);
} catch (error) {
  if (error instanceof Problem) [error.status, error.code, error.retryAfter, error.job?.job_id];
}

// What there may be or not needs no `if` (exactOptionalPropertyTypes).
declare const maybe: { signal?: AbortSignal; title?: string; onCompleted?: () => void; token?: () => string };
createClient({ getToken: maybe.token, fetch: undefined, headers: undefined, transport: undefined });
await client.upload(new Blob([]), { title: maybe.title, signal: maybe.signal });
await client.upload(await readFile("old.jpg"));
// @ts-expect-error A name is no photo.
await client.upload("old.jpg");
await client.waitFor(jobId, { signal: maybe.signal, timeout: undefined });
client.subscribe(jobId, { onCompleted: maybe.onCompleted }, { lastEventId: undefined });
useJobEvents(jobId, { onCompleted: maybe.onCompleted }, { client: undefined });
await client.send("/photos", { headers: { Accept: "application/json" } });
// @ts-expect-error Headers are given as an object.
await client.send("/photos", { headers: new Headers() });

const { progress, connection, result, error } = useJobEvents(null);
const shown: string | undefined = result?.restore.preview_url;
useJobEvents(jobId, { onCompleted: (job) => job.restore_id }, { client });
// @ts-expect-error The id is text or nothing.
useJobEvents(1);
export { answer, connection, error, progress, shown, status, width };
