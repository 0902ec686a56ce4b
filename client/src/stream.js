const PARTINGS = ["offline", "pagehide"];
const WAKERS = ["online", "pageshow", "visibilitychange", ...PARTINGS];
const NOW = "now";
const MOST_UNREAD = 256;

export const FINAL = ["completed", "failed", "cancelled", "timed_out", "deleted"];

/** One connection for all who follow the same. */
export class Stream {
  lastEventId;
  retry = 1000;
  state = "connecting";
  #attempt;
  #due;
  #latest;
  #options;
  #subscriptions = new Set();
  #tries = 0;
  #wake;
  #watchdog;

  constructor(options) {
    this.#options = options;
  }

  join(handlers, lastEventId) {
    const subscription = new Subscription(handlers, String(lastEventId), () => {
      this.#subscriptions.delete(subscription);
      queueMicrotask(() => this.#settle());
    });
    this.#subscriptions.add(subscription);
    this.lastEventId ??= subscription.lastEventId;
    const isBehind = Number(lastEventId) < Number(this.lastEventId);
    if (isBehind && !this.#latest) this.interrupt(subscription.lastEventId);
    queueMicrotask(() => {
      if (this.state !== "connecting") subscription.told(this.state);
      if (this.#latest) subscription.take(this.#latest);
      this.#settle();
    });
    return subscription;
  }

  #settle() {
    if (!this.#subscriptions.size) this.stop();
    else if (!this.#attempt) this.#run();
  }

  async #run() {
    for (const type of WAKERS) globalThis.addEventListener?.(type, this);
    while (this.state !== "closed") await this.#try();
  }

  stop(error) {
    if (this.state === "closed") return;
    this.#options.forget();
    for (const type of WAKERS) globalThis.removeEventListener?.(type, this);
    this.interrupt();
    this.tell("closed", error);
  }

  tell(state, error) {
    this.state = state;
    for (const each of this.#subscriptions) each.told(state, error);
  }

  interrupt(lastEventId = this.lastEventId) {
    this.lastEventId = lastEventId;
    clearTimeout(this.#watchdog);
    this.#attempt?.abort(NOW);
    this.#wake?.();
  }

  handleEvent({ type }) {
    if (PARTINGS.includes(type)) this.#attempt.abort();
    else if (!globalThis.document?.hidden && Date.now() >= this.#due) this.interrupt();
  }

  async #try() {
    const begun = Date.now();
    this.#tries += 1;
    const error = await this.#connection();
    if (Date.now() - begun > this.#options.heartbeat) this.#tries = 0;
    if (this.#attempt.signal.reason === NOW) return;
    if (error?.status < 500 && ![408, 425, 429].includes(error.status)) return this.stop(error);
    this.tell("reconnecting", error);
    await this.#pause(error?.retryAfter ?? 0);
  }

  async #connection() {
    this.#attempt = new AbortController();
    const { signal } = this.#attempt;
    try {
      this.hear();
      const broken = new Promise((_, reject) => (signal.onabort = () => reject(signal.reason)));
      await Promise.race([this.#options.connect(this, signal), broken]);
    } catch (error) {
      return error;
    } finally {
      clearTimeout(this.#watchdog);
      this.#attempt.abort();
    }
  }

  async #pause(retryAfter) {
    const jitter = this.#tries && Math.random() * Math.min(30_000, 500 * 2 ** this.#tries);
    const delay = Math.max(retryAfter, this.retry) + jitter;
    this.#due = Date.now() + retryAfter;
    await new Promise((resolve) => {
      this.#wake = resolve;
      this.#watchdog = setTimeout(resolve, Math.min(delay, 2 ** 31 - 1));
    });
    this.#wake = undefined;
  }

  hear() {
    this.#due = Date.now() + this.#options.heartbeat;
    clearTimeout(this.#watchdog);
    const silence = () => this.#attempt.abort(new Error("The line is silent."));
    this.#watchdog = setTimeout(silence, this.#options.heartbeat * 2.5);
  }

  rest() {
    clearTimeout(this.#watchdog);
    this.#due = Infinity;
  }

  take({ type, id, data }) {
    const isOld = type !== "reset" && Number(id) <= Number(this.lastEventId);
    if (isOld || this.state === "closed" || (id ?? data) === undefined) return;
    this.lastEventId = id ?? this.lastEventId;
    this.#tries = 0;
    try {
      if (data !== undefined) this.#deliver({ type, id, data: JSON.parse(data) });
    } catch (error) {
      for (const each of this.#subscriptions) each.call("Warning", error);
    }
  }

  #deliver(event) {
    for (const each of this.#subscriptions) each.take(event);
    if (this.#options.isEndless) return;
    this.#latest = event;
    if (FINAL.includes(event.type)) this.stop();
  }
}

class Subscription {
  connection = "connecting";
  error = null;
  #leave;
  #news;
  #queue = [];
  #wake;

  constructor(handlers, lastEventId, leave) {
    this.handlers = handlers;
    this.lastEventId = lastEventId;
    this.#leave = leave;
  }

  close(error) {
    if (!error) this.#queue = [];
    this.told("closed", error);
  }

  [Symbol.dispose ?? "dispose"]() {
    this.close();
  }

  async [Symbol.asyncDispose ?? "asyncDispose"]() {
    this.close();
  }

  async *[Symbol.asyncIterator]() {
    try {
      for (;;) {
        while (this.#queue.length) yield this.#queue.shift();
        if (this.error) throw this.error;
        if (this.connection === "closed") return;
        await (this.#news ??= new Promise((resolve) => (this.#wake = resolve)));
      }
    } finally {
      this.close();
    }
  }

  take(event) {
    const { type, id, data } = event;
    const isOld = type !== "reset" && Number(id) <= Number(this.lastEventId);
    if (isOld || this.connection === "closed") return;
    this.lastEventId = id ?? this.lastEventId;
    const queue = this.#queue;
    if (queue.push(event) > MOST_UNREAD) queue.splice(0, 2, { ...queue[1], type: "reset" });
    this.#rouse();
    this.call("Event", event);
    if (type !== "error") this.call(type.replace(/^.|_./g, (start) => start.at(-1).toUpperCase()), data, event);
  }

  told(connection, error = null) {
    if (this.connection === "closed") return;
    this.connection = connection;
    this.#rouse();
    if (connection === "closed") {
      this.error = error;
      this.#leave();
    }
    this.call("Connection", connection, error);
    if (this.error) this.call("Error", error);
  }

  call(name, ...values) {
    try {
      this.handlers?.[`on${name}`]?.(...values);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  #rouse() {
    this.#wake?.();
    this.#news = null;
  }
}
