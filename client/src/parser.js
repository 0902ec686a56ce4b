const LONGEST = 2 ** 20;

export class Parser {
  #event = { data: "" };
  #isAfterReturn;
  #rest = "";
  #stream;

  constructor(stream) {
    this.#stream = stream;
  }

  write(text) {
    this.#stream.hear();
    const lines = text.slice(this.#isAfterReturn && text[0] === "\n" ? 1 : 0).split(/\r\n|\n|\r/);
    this.#isAfterReturn = text.endsWith("\r");
    lines[0] = this.#rest + lines[0];
    this.#rest = bounded(lines.pop());
    for (const line of lines) this.#take(line);
  }

  #take(line) {
    const event = this.#event;
    const [, field, value] = /^([^:]*):? ?([^]*)$/.exec(line);
    if (!line) this.#dispatch();
    else if (field === "data") event.data = bounded(`${event.data}${value}\n`);
    else if (field === "event") event.type = value;
    else if (field === "id" && !value.includes("\0")) event.id = value;
    else if (field === "retry" && /^[0-9]+$/.test(value)) this.#stream.retry = Number(value);
  }

  #dispatch() {
    const { type, data, id } = this.#event;
    this.#event = { data: "" };
    this.#stream.take({ type: type || "message", id: id || undefined, data: data ? data.slice(0, -1) : undefined });
  }
}

/** What is too long becomes no JSON and no id. */
const bounded = (text) => (text.length > LONGEST ? `${text.slice(0, 9)}\0\n` : text);
