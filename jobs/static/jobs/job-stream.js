/**
 * Follows the events of one job, or of all jobs of the user.
 *
 *   const stream = new JobStream(url, {
 *     lastEventId: "7",               // what the page shows already; only later events come
 *     endless: false,                 // true: many jobs' stream, which no final status ends
 *     onChange(snapshot, type) {},    // every event but `reset`: the job as it is now, complete
 *     onFinal(snapshot, type) {},     // after onChange, when nothing will happen to it any more
 *     onConnection(state) {},         // "open", "reconnecting", "lost" or "stale"
 *   });
 *   stream.close();
 *
 * "lost": no more tries, only a reload helps. "stale": live again, but the server's log began anew,
 * so something may have been missed.
 */

const TYPES = ["queued", "processing", "progress", "completed", "failed", "cancelled", "timed_out", "deleted"];
const FINAL = new Set(["completed", "failed", "cancelled", "timed_out", "deleted"]);
const REOPEN = [1, 3, 9, 27]; // seconds, and as much again at random

export class JobStream {
  #url;
  #options;
  #source = null;
  #last;
  #tries = 0;
  #timer = 0;
  #closed = false;

  constructor(url, { lastEventId = 0, ...options } = {}) {
    this.#url = url;
    this.#options = options;
    this.#last = Number(lastEventId);
    addEventListener("online", this.#again);
    addEventListener("pageshow", this.#shown);
    addEventListener("pagehide", this.#stop);
    this.#open();
  }

  close() {
    this.#closed = true;
    removeEventListener("online", this.#again);
    removeEventListener("pageshow", this.#shown);
    removeEventListener("pagehide", this.#stop);
    this.#stop();
  }

  #open() {
    const url = new URL(this.#url, location.href);
    url.searchParams.set("last_event_id", this.#last);
    const source = (this.#source = new EventSource(url));
    source.onopen = () => {
      this.#tries = 0;
      this.#options.onConnection?.("open");
    };
    source.onerror = () => this.#failed();
    source.addEventListener("reset", (event) => {
      this.#last = Number(event.lastEventId);
      this.#options.onConnection?.("stale");
    });
    for (const type of TYPES) source.addEventListener(type, (event) => this.#take(type, event));
  }

  #take(type, event) {
    const id = Number(event.lastEventId);
    if (id <= this.#last) return;
    this.#last = id;
    const snapshot = JSON.parse(event.data);
    const final = FINAL.has(type);
    // Before the callbacks: the server has closed too, and must not be asked again if they fail.
    if (final && !this.#options.endless) this.close();
    this.#options.onChange?.(snapshot, type);
    if (final) this.#options.onFinal?.(snapshot, type);
  }

  /** An EventSource comes back by itself, but gives up for good at an answer other than 200. */
  #failed() {
    if (this.#source.readyState !== EventSource.CLOSED) {
      this.#options.onConnection?.("reconnecting");
    } else if (this.#tries < REOPEN.length) {
      // A proxy's 502 while the server restarts, for example.
      this.#options.onConnection?.("reconnecting");
      const seconds = REOPEN[this.#tries++] * (1 + Math.random());
      this.#timer = setTimeout(this.#again, seconds * 1000);
    } else {
      this.#options.onConnection?.("lost");
    }
  }

  #again = () => {
    this.#stop();
    if (!this.#closed) this.#open();
  };

  /** A page that comes out of the browser's memory has slept without its stream. */
  #shown = (event) => {
    if (event.persisted) this.#again();
  };

  #stop = () => {
    clearTimeout(this.#timer);
    this.#source?.close();
  };
}
