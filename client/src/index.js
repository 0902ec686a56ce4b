import { Parser } from "./parser.js";
import { Stream } from "./stream.js";

export class Problem extends Error {
  name = "Problem";

  constructor(members) {
    super(members.detail ?? members.code ?? `HTTP ${members.status}`);
    Object.assign(this, members);
  }
}

/** @param {import("./index.d.ts").ClientOptions} options */
export function createClient({
  baseUrl = "",
  getToken,
  headers,
  credentials = "same-origin",
  fetch = globalThis.fetch,
  transport,
  heartbeat = 15_000,
} = {}) {
  const streams = new Map();

  async function send(path, init, jobId = null) {
    for (const expired of [false, true]) {
      const token = await getToken?.({ jobId, expired });
      const [url, options] = request(path, init, token);
      const response = await fetch(url, options);
      if (response.ok) return response;
      if (response.status !== 401 || expired || !getToken) throw await problemOf(response);
    }
  }

  /** @returns {[any, any]} */
  function request(path, init, token) {
    const { last, ...options } = { credentials, ...init };
    const url = `${baseUrl.replace(/\/$/, "")}/api/v1${path}`;
    // A grant opens a stream by its address, without a header.
    if (last !== undefined && /^[^.]+\.[^.]+\.[^.]+$/.test(token)) {
      return [`${url}?${new URLSearchParams({ token, last_event_id: last })}`, { ...options, credentials: "omit" }];
    }
    options.headers = { ...headers, ...options.headers };
    if (last) options.headers["Last-Event-ID"] = last;
    if (token) options.headers.Authorization = `Bearer ${token}`;
    return [url, options];
  }

  const connect = (jobId) => async (stream, signal) => {
    const path = jobId === "all" ? "/events" : `/events/${jobId}`;
    const init = { last: stream.lastEventId, cache: "no-store", signal };
    if (transport) {
      return transport(request(path, init, await getToken?.({ jobId, expired: false })), stream);
    }
    const response = await send(path, init, jobId);
    if (response.status === 204) return stream.stop();
    const type = response.headers.get("content-type");
    if (!/^text\/event-stream *(;|$)/i.test(type)) throw new Problem({ status: 200, code: "not_a_stream" });
    stream.tell("open");
    await read(response.body, stream);
  };

  function subscribe(jobId, handlers, { lastEventId = "" } = {}) {
    let stream = streams.get(jobId);
    if (!stream || stream.state === "closed") {
      stream = new Stream({ connect: connect(jobId), heartbeat, isEndless: jobId === "all" });
      streams.set(jobId, stream);
    }
    return stream.join(handlers, lastEventId);
  }

  // Who only follows loads only what follows.
  const client = { send, subscribe };
  for (const name of ["upload", "restore", "get", "cancel", "waitFor"]) {
    client[name] = async (...values) => (await import("./calls.js"))[name](client, ...values);
  }
  return client;
}

async function read(body, stream) {
  const parser = new Parser((event) => stream.take(event));
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    stream.hear();
    parser.push(value);
    stream.retry = parser.retry ?? stream.retry;
  }
}

/** Read an answer that is an error, whatever a proxy has made of it. */
async function problemOf(response) {
  const wait = response.headers.get("retry-after"); // seconds or a date
  const retryAfter = Math.max(0, wait * 1000 || Date.parse(wait) - Date.now() || 0);
  const document = await response.json().catch(() => {});
  return new Problem({ ...document, status: response.status, retryAfter });
}
