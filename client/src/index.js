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

  async function send(path, init, jobId = null, open = call, expired = false) {
    const token = await getToken?.({ jobId, expired });
    return open(request(path, init, token)).catch((error) => {
      if (error.status === 401 && getToken && !expired) return send(path, init, jobId, open, true);
      throw error;
    });
  }

  async function call({ url, ...options }) {
    const response = await fetch(url, options);
    if (response.ok) return response;
    throw await problemOf(response);
  }

  function request(path, init, token) {
    const { last, ...options } = { ...init };
    const url = `${baseUrl.replace(/\/$/, "")}/api/v1${path}`;
    if (last !== undefined && /^[^.]+(\.[^.]+){2}$/.test(token)) {
      return { ...options, url: `${url}?${new URLSearchParams({ token, last_event_id: last })}` };
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
    const path = jobId === "all" ? "/events" : `/events/${encodeURIComponent(jobId)}`;
    const init = { last: stream.lastEventId, cache: "no-store", signal };
    if (transport) return send(path, init, jobId, (request) => transport(request, stream));
    const response = await send(path, init, jobId);
    if (response.status === 204) return stream.stop();
    const type = response.headers.get("content-type");
    if (!/^text\/event-stream *(;|$)/i.test(type)) throw new Problem({ code: "not_a_stream", status: 200 });
    stream.tell("open");
    await response.body.pipeThrough(new TextDecoderStream()).pipeTo(new WritableStream(new Parser(stream)));
  };

  function subscribe(jobId, handlers, { lastEventId = "" } = {}) {
    if (!streams.has(jobId)) {
      const forget = () => streams.delete(jobId);
      streams.set(jobId, new Stream({ connect: connect(jobId), forget, heartbeat, isEndless: jobId === "all" }));
    }
    return streams.get(jobId).join(handlers, lastEventId);
  }

  const client = { send, subscribe };
  for (const name of ["upload", "restore", "get", "cancel", "waitFor"]) {
    client[name] = async (...values) => (await import("./calls.js"))[name](client, ...values);
  }
  return client;
}

async function problemOf(response) {
  const wait = response.headers.get("retry-after");
  const retryAfter = Math.max(0, wait * 1000 || Date.parse(wait) - Date.now() || 0);
  const document = await response.json().catch(() => {});
  return new Problem({ ...document, status: response.status, retryAfter });
}
