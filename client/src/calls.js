import { failureOf } from "./failure.js";
import { FINAL } from "./stream.js";

const NONE = /** @type {any} */ ({});
const TIMER = 2 ** 31; // milliseconds that no timer can wait

export function upload(client, image, { title, restore, ...options } = NONE) {
  const form = new FormData();
  const file = image instanceof Uint8Array ? new Blob([/** @type {any} */ (image)]) : image;
  form.append("image", file, image.name ?? "photo");
  if (title) form.append("title", title);
  if (restore) form.append("restore", JSON.stringify(restore));
  return call(client, "POST", "/photos", form, options);
}

/** Start a job that was only created, or make a new one for a photo. */
export function restore(client, what, options) {
  if (typeof what === "string") return call(client, "POST", `${of(what)}/restore`, null, options);
  const body = { photo_id: what.photoId, options: what.options };
  return call(client, "POST", "/jobs", body, options);
}

export function get(client, jobId, options) {
  return call(client, "GET", jobId === "all" ? "/jobs" : of(jobId), null, options);
}

export function cancel(client, jobId, options) {
  return call(client, "POST", `${of(jobId)}/cancel`, null, options);
}

export async function waitFor(client, jobId, { signal, timeout } = NONE) {
  const subscription = client.subscribe(jobId);
  const stop = () => subscription.close(signal.reason);
  const timer = timeout != null && timeout < TIMER && setTimeout(() => subscription.close(late(timeout)), timeout);
  signal?.addEventListener("abort", stop);
  if (signal?.aborted) stop();
  try {
    return completed((await last(subscription)) ?? (await get(client, jobId, { signal })));
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

async function call(client, method, path, body, { signal, idempotencyKey } = NONE) {
  const headers = {};
  if (idempotencyKey) headers["Idempotency-Key"] = idempotencyKey;
  if (body && !(body instanceof FormData)) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(body);
  }
  return (await client.send(path, { method, body, signal, headers })).json();
}

/** Return the job as its last event tells it; nothing where the stream has ended without one. */
async function last(subscription) {
  for await (const { type, data } of subscription) if (FINAL.includes(type)) return data;
}

function completed(job) {
  if (job.status === "completed") return job;
  throw failureOf(job);
}

/** Return where a job is: its id may come from an address, and leads nowhere else. */
const of = (jobId) => `/jobs/${encodeURIComponent(jobId)}`;

const late = (timeout) => new DOMException(`The job took longer than ${timeout} ms.`, "TimeoutError");
