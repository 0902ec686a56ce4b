/**
 * Takes photos chosen, dropped, pasted or just taken, and sends each by itself, some at a time.
 *
 * Each has a line of its own, with its progress, until its card takes the line's place.
 */

const CARRY_ON = ["waiting", "sending", "reading"];

const AT_ONCE = 2; // a browser has six connections, and the stream has one of them
let running = 0;
const waiting = [];
const unsent = new Set();

export const isUploading = () => running > 0;

/** Connect the form; `add` puts a card that comes back into the grid, where it fits. Return what tries again. */
export function connectUpload(form, add) {
  const list = document.querySelector("[data-uploads]");
  const send = (files, alone) => {
    for (const file of files) enqueue(new Upload(form, file, list, add, alone));
    list.scrollIntoView({ block: "nearest" });
  };
  connectDropping(form, send);
  connectCamera(form, send);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const input = form.elements.image;
    const files = [...input.files];
    if (!files.length) return input.focus();
    send(files, files.length === 1);
    input.value = "";
  });
  // Who leaves would stop what is on its way, and lose what waits for the connection.
  addEventListener("beforeunload", (event) => {
    if ((running || unsent.size) && !leaving) event.preventDefault();
  });
  // Back from another page, the browser may show this one as it was left.
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted && list.hidden) location.reload();
  });
  return () => [...unsent].forEach((upload) => upload.retry());
}

let leaving = false;

/** Anywhere on the page: beside the form, the browser would leave it for the photo. */
function connectDropping(form, send) {
  // The page's own pictures, which may be dragged too, are here already.
  let isOurs = false;
  addEventListener("dragstart", () => (isOurs = true));
  addEventListener("dragend", () => (isOurs = false));
  addEventListener("dragover", (event) => {
    if (isOurs || !event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    form.classList.add("over");
  });
  addEventListener("dragleave", ({ relatedTarget }) => {
    if (!relatedTarget) form.classList.remove("over");
  });
  addEventListener("drop", (event) => {
    form.classList.remove("over");
    if (isOurs || !event.dataTransfer.files.length) return;
    event.preventDefault();
    send([...event.dataTransfer.files]);
  });
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    // Office programs copy a picture of a text along with it: in a field the text is meant.
    const isText = event.target.matches?.("input, select") && event.clipboardData.types.includes("text/plain");
    if (!files.length || isText) return;
    event.preventDefault();
    send(files);
  });
}

/** Where a finger points there is a camera, most likely. */
function connectCamera(form, send) {
  const button = form.querySelector("[data-camera]");
  const input = Object.assign(document.createElement("input"), { type: "file", accept: "image/*" });
  input.setAttribute("capture", "environment");
  input.onchange = () => {
    send([...input.files]);
    input.value = ""; // else the same again would be no change
  };
  button.onclick = () => input.click();
}

function enqueue(upload) {
  waiting.push(upload);
  next();
}

function next() {
  while (running < AT_ONCE && waiting.length) {
    running += 1;
    waiting.shift().run().finally(() => {
      running -= 1;
      next();
    });
  }
}

/** One file on its way. `add` puts the card that comes back into the grid, where it fits. */
class Upload {
  #form;
  #data;
  #file;
  #line;
  #add;
  #alone;
  #request = null;

  constructor(form, file, list, add, alone = false) {
    this.#form = form;
    // What is chosen now counts, not what will be when its turn comes.
    this.#data = new FormData(form);
    this.#data.delete("image");
    this.#data.append("image", file);
    if (!alone) this.#data.delete("title");
    this.#file = file;
    this.#add = add;
    this.#alone = alone;
    this.#line = document.getElementById("upload-template").content.cloneNode(true).firstElementChild;
    for (const name of this.#line.querySelectorAll("[data-name]")) name.textContent = file.name;
    this.#line.querySelector("progress").ariaLabel = file.name;
    this.#line.querySelector("[data-retry]").onclick = () => {
      this.retry();
      this.#line.querySelector("[data-drop]").focus(); // the button that was pressed is gone
    };
    this.#line.querySelector("[data-drop]").onclick = () => this.#drop();
    list.append(this.#line);
    list.hidden = false;
  }

  retry() {
    this.#says("waiting");
    enqueue(this);
  }

  async run() {
    if (!this.#line.isConnected) return;
    if (this.#file.size > this.#form.dataset.mostBytes) return this.#says("large");
    this.#says("sending");
    const hash = await this.#hash().catch(() => null);
    if (hash === null) return this.#says("unreadable");
    const known = hash && (await this.#known(hash));
    if (known) return this.#showKnown(known);
    if (this.#line.isConnected) await this.#send();
  }

  /** Its SHA-256; "" where the browser makes none. Fails for a folder, or a file that has gone since. */
  async #hash() {
    const bytes = await this.#file.arrayBuffer();
    if (!globalThis.crypto?.subtle) return "";
    const hash = await crypto.subtle.digest("SHA-256", bytes);
    return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  /** Ask for the card of the very same photo, which spares sending it; null if there is none. */
  async #known(hash) {
    try {
      const answer = await fetch(this.#form.dataset.keptUrl.replace(/0{64}/, hash));
      return answer.status === 200 && !answer.redirected ? answer.text() : null;
    } catch {
      return null; // sending it will say what is wrong
    }
  }

  /** Post it. Not fetch: only XMLHttpRequest tells how much of it has gone. */
  #send() {
    return new Promise((resolve) => {
      const request = (this.#request = new XMLHttpRequest());
      const url = new URL(this.#form.dataset.addUrl, location.href).href;
      request.open("POST", url);
      const bar = this.#line.querySelector("progress");
      request.upload.onprogress = ({ loaded, total }) => {
        bar.value = loaded / total;
        // All sent: the server is reading the picture now, for as long as it takes.
        if (loaded < total) return;
        bar.removeAttribute("value");
        this.#says("reading");
      };
      request.onload = () => this.#answered(request, url);
      request.onerror = () => this.#says("unsent");
      request.onloadend = resolve;
      request.send(this.#data);
    });
  }

  #answered(request, url) {
    // To the sign-in page, where the session has ended; or the form's own token has.
    if (request.responseURL !== url || request.status === 403) this.#says("expired");
    else if (request.status === 201) this.#done(request.responseText);
    else if (request.status === 200) this.#showKnown(request.responseText);
    else if (request.status === 400) this.#says("refused", request.responseText);
    // What stands before the site may take less than it does.
    else if (request.status === 413) this.#says("large");
    else this.#says("trouble");
  }

  #done(html) {
    const card = this.#add(html);
    if (card.isConnected) this.#drop();
    else this.#leads("arrived", card);
    if (this.#alone && running === 1 && !waiting.length) {
      leaving = true;
      location.assign(card.querySelector("a").href);
    }
  }

  #showKnown(html) {
    this.#leads("known", this.#add(html));
  }

  /** Show the sentence that leads to the card's photo. */
  #leads(name, card) {
    this.#says(name);
    this.#line.querySelector(`[data-says=${name}] a`).href = card.querySelector("a").href;
  }

  /** Show one of the line's sentences; what has come to an end has no bar, and may be tried again. */
  #says(name, text) {
    for (const line of this.#line.querySelectorAll("[data-says]")) {
      line.hidden = line.dataset.says !== name;
      if (!line.hidden && text) line.textContent = text;
    }
    const bar = this.#line.querySelector("progress");
    bar.hidden = !CARRY_ON.includes(name);
    if (name === "waiting") bar.value = 0;
    this.#line.querySelector("[data-retry]").hidden = name !== "unsent" && name !== "trouble";
    if (name === "unsent") unsent.add(this);
    else unsent.delete(this);
  }

  #drop() {
    const list = this.#line.parentElement;
    unsent.delete(this);
    this.#passFocusOn();
    this.#line.remove();
    this.#request?.abort();
    if (list) list.hidden = !list.children.length;
  }

  /** Who was at a button of this line goes on at the next one, or at the form. */
  #passFocusOn() {
    const line = this.#line;
    if (!line.contains(document.activeElement)) return;
    const other = line.nextElementSibling ?? line.previousElementSibling;
    (other?.querySelector("[data-drop]") ?? this.#form.elements.image).focus();
  }
}
