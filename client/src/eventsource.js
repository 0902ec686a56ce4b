import { Problem } from "./index.js";
import { FINAL } from "./stream.js";

const TYPES = ["queued", "processing", "progress", ...FINAL, "reset"];

/** The browser's own EventSource as transport: by cookie or by grant. */
export function eventSource({ url, credentials, signal }, stream) {
  const address = new URL(url, globalThis.location?.href);
  address.searchParams.set("last_event_id", stream.lastEventId);
  const source = new EventSource(address, { withCredentials: credentials === "include" });
  stream.rest(); // it keeps heartbeats to itself, and looks after its line
  for (const type of TYPES) source.addEventListener(type, (event) => take(event, stream));
  source.onopen = () => stream.tell("open");
  return ended(source, signal)
    .then((isRefused) => isRefused && ask(address, credentials, signal, stream))
    .finally(() => source.close());
}

function take({ type, lastEventId, data }, stream) {
  stream.take({ type, id: lastEventId || undefined, data });
}

/** It would come back by itself, but neither with a new grant nor after an error of the server's. */
function ended(source, signal) {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
    source.onerror = () => resolve(source.readyState === EventSource.CLOSED);
  });
}

/** It does not tell what the server has answered. */
async function ask(address, credentials, signal, stream) {
  const response = await fetch(address, { credentials, signal });
  await response.body?.cancel();
  if (response.status === 204) stream.stop();
  else if (!response.ok) throw new Problem({ status: response.status });
}
