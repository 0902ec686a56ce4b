import { Parser } from "./parser.js";
import { Stream } from "./stream.js";

export class Problem extends Error {
  name = "Problem";

  constructor(members) {
    super(members.detail ?? members.code ?? `HTTP ${members.status}`);
    Object.assign(this, members);
  }
}

export function createClient({
  baseUrl = "",
  getToken = null,
  headers = null,
  credentials = "same-origin",
  fetch = globalThis.fetch,
  transport = null,
  heartbeat = 15_000,
} = {}) {
  const streams = new Map();

  async function send(path, init, jobId = null) {
    for (const expired of [false, true]) {
      const token = await getToken?.({ jobId, expired });
      const { url, ...options } = request(path, init, token);
      const response = await fetch(url, options);
      if (response.ok) return response;
      if (response.status !== 401 || expired || !getToken) throw await problemOf(response);
    }
  }

  function request(path, init, token) {
    const { last, ...options } = { ...init };
    const url = `${baseUrl.replace(/\/$/, "")}/api/v1${path}`;
    // A grant opens a stream by its address, without a header.
    if (last !== undefined && /^[^.]+\.[^.]+\.[^.]+$/.test(token)) {
      const query = new URLSearchParams({ token, last_event_id: last });
      return { ...options, url: `${url}?${query}` };
    }
    options.headers = { ...headers, ...options.headers };
    if (last) options.headers["Last-Event-ID"] = last;
    if (token) options.headers.Authorization = `Bearer ${token}`;
    return { credentials, ...options, url };
  }

  const connect = (jobId) => async (stream, signal) => {
    if (streams.size > 1) {
      const { share } = await import("./wide.js");
      if (await share(client, streams, jobId, stream, signal)) return;
    }
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
    if (!streams.has(jobId)) {
      const forget = () => streams.delete(jobId);
      const isEndless = jobId === "all";
      streams.set(jobId, new Stream({ connect: connect(jobId), forget, heartbeat, isEndless }));
    }
    return streams.get(jobId).join(handlers, lastEventId);
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

async function problemOf(response) {
  const wait = response.headers.get("retry-after"); // seconds or a date
  const retryAfter = Math.max(0, wait * 1000 || Date.parse(wait) - Date.now() || 0);
  const document = await response.json().catch(() => {});
  return new Problem({ ...document, status: response.status, retryAfter });
}
