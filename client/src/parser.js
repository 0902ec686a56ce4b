// https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation

const LIMIT = 2 ** 20; // characters of an event

export class Parser {
  retry;
  #emit;
  #line = "";
  #afterReturn;
  #event = { data: "" };

  constructor(emit) {
    this.#emit = emit;
  }

  push(text) {
    if (!text) return;
    const lines = text.slice(this.#afterReturn && text[0] === "\n" ? 1 : 0).split(/\r\n|\n|\r/);
    this.#afterReturn = text.endsWith("\r");
    lines[0] = this.#line + lines[0];
    this.#line = bounded(lines.pop());
    for (const line of lines) this.#take(line);
  }

  #take(line) {
    const event = this.#event;
    const [, field, value] = /^([^:]*)(?:: ?)?([^]*)$/.exec(line);
    if (!line) this.#dispatch();
    else if (field === "data") event.data = bounded(`${event.data}${value}\n`);
    else if (field === "event") event.type = value;
    else if (field === "id" && !value.includes("\0")) event.id = value;
    else if (field === "retry" && /^[0-9]+$/.test(value)) this.retry = Number(value);
  }

  #dispatch() {
    const { data, type, id } = this.#event;
    this.#event = { data: "" };
    this.#emit({ type: type || "message", id, data: data ? data.slice(0, -1) : undefined });
  }
}

/** What is too long begins as it did, but is no JSON and no id. */
const bounded = (text) => (text.length > LIMIT ? `${text.slice(0, 9)}\0\n` : text);
