// Many jobs over one connection: the stream of all, from which each takes what is its own.
import { FINAL } from "./stream.js";

const ORDER = ["created", "pending", "queued", "processing"];

const attached = new WeakSet(); // streams that have no connection of their own
const refused = new WeakSet(); // clients that may not follow everything
const asked = new WeakMap(); // a client's question where the stream of all stands

/** Let the stream take its events from the stream of all; false where it has to go itself. */
export async function share(client, streams, jobId, stream, signal) {
  if (refused.has(client)) return false;
  attached.add(stream);
  const lastEventId = await place(client, streams);
  const isShared = lastEventId !== null && jobId !== "all";
  if (lastEventId !== null) fold(streams);
  if (isShared && (await follow(client, jobId, stream, signal, lastEventId))) return true;
  attached.delete(stream);
  return false;
}

/** Have those that have a connection of their own come over. */
function fold(streams) {
  for (const [jobId, stream] of streams) {
    if (jobId === "all" || attached.has(stream)) continue;
    attached.add(stream);
    stream.interrupt();
  }
}

/** Return from where the stream of all has to be followed to miss nothing from now on. */
function place(client, streams) {
  const all = streams.get("all");
  if (all) return all.lastEventId;
  if (!asked.has(client)) asked.set(client, ask(client).finally(() => asked.delete(client)));
  return asked.get(client);
}

async function ask(client) {
  try {
    return (await client.get("all")).last_event_id;
  } catch (error) {
    if (error.status < 500) refused.add(client);
    return null;
  }
}

function follow(client, jobId, stream, signal, lastEventId) {
  const job = new Member(client, jobId, stream, signal);
  return new Promise((resolve, reject) => {
    let isOver = false;
    const leave = () => {
      isOver = true;
      resolve(signal.aborted);
      subscription.close();
    };
    const fail = (error) => (error.status < 500 ? leave() : reject(error));
    const onConnection = (state, error) => {
      if (isOver) return;
      if (state !== "closed") return stream.tell(state, error);
      refused.add(client);
      leave();
    };
    const handlers = { onConnection, onEvent: (event) => job.hear(event).catch(fail) };
    const subscription = client.subscribe("all", handlers, { lastEventId });
    signal.addEventListener("abort", leave);
    if (signal.aborted) leave();
    // Then the line is the other's to look after.
    job.read().then(() => stream.rest(), fail);
  });
}

/** A job as its stream is told of it: as it was read, and then what is newer. */
class Member {
  static #told = new WeakMap(); // the last text of each stream
  #client;
  #held = [];
  #jobId;
  #signal;
  #start;
  #stream;

  constructor(client, jobId, stream, signal) {
    this.#client = client;
    this.#jobId = jobId;
    this.#signal = signal;
    this.#stream = stream;
  }

  async read() {
    this.#held = [];
    const { last_event_id: id, ...job } = await this.#client.get(this.#jobId, { signal: this.#signal });
    this.#start = job;
    this.#tell(typeOf(job), job, String(id));
    for (const event of this.#held.splice(0)) this.#pass(event);
    this.#held = null;
  }

  async hear(event) {
    if (event.type === "reset") await this.read();
    else if (event.data.job_id !== this.#jobId) return;
    else if (this.#held) this.#held.push(event);
    else this.#pass(event);
  }

  /** What happened before the job was read is in what was read. */
  #pass({ type, data }) {
    if (this.#start && rank(data) <= rank(this.#start)) return;
    this.#start = null;
    this.#tell(type, data);
  }

  #tell(type, job, id) {
    const text = JSON.stringify(job);
    const isNews = type && text !== Member.#told.get(this.#stream);
    if (isNews) Member.#told.set(this.#stream, text);
    this.#stream.take({ type, id, data: isNews ? text : undefined });
  }
}

/** The event that would tell of the job; none tells that it was created or asked for. */
function typeOf({ status, progress }) {
  if (status === "processing" && progress) return "progress";
  return status === "created" || status === "pending" ? undefined : status;
}

/** How far a job is: it only moves forward. */
function rank({ status, progress, ahead }) {
  if (FINAL.includes(status)) return status === "deleted" ? 9 : 8;
  return ORDER.indexOf(status) + (status === "processing" ? progress : 100 - (ahead ?? 100)) / 101;
}
