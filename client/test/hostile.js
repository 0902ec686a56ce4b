// A server that does what servers and what is between do at their worst: each request gets the next answer.
import assert from "node:assert/strict";
import http from "node:http";
import { createClient } from "../src/index.js";

/** Serve the answers in turn, the last one again and again, while the test lasts. */
export async function hostile(t, ...answers) {
  t.mock.method(Math, "random", () => 0); // no jitter
  const requests = [];
  const server = http.createServer((request, response) => {
    const answer = answers[Math.min(requests.length, answers.length - 1)];
    const { method, url, headers } = request;
    const gone = new Promise((resolve) => response.on("close", resolve));
    requests.push({ method, url, headers, gone, at: performance.now() });
    request.resume();
    answer(response, request);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const baseUrl = `http://127.0.0.1:${server.address().port}`;
  return { baseUrl, requests, client: (options) => createClient({ baseUrl, ...options }) };
}

export function event(id, type, members = {}) {
  const status = type === "progress" ? "processing" : type;
  return `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify({ job_id: "a", status, progress: 0, error: null, ...members })}\n\n`;
}

const head = (response, type = "text/event-stream") => response.writeHead(200, { "content-type": type });

/** Send the pieces, one packet each, and stay. */
export const open = (...pieces) => async (response) => {
  head(response);
  response.flushHeaders();
  response.socket.setNoDelay();
  for (const piece of pieces) {
    await new Promise((resolve) => response.write(piece, resolve));
    await new Promise(setImmediate);
  }
};

/** Send the pieces and end in order. */
export const ended = (...pieces) => (response) => head(response).end(pieces.join(""));

/** Send the pieces and break the connection off. */
export const broken = (...pieces) => (response) => {
  head(response).write(pieces.join(""), () => response.socket.destroy());
};

export const refused = (status, headers = {}, body = "") => (response) => response.writeHead(status, headers).end(body);

export const typed = (type, body) => (response) => head(response, type).end(body);

/** Say nothing at all. */
export const silent = () => () => {};

/** Have the client's clock of silence stand still: return its alarms, for the test to ring. */
export function alarms(t, heartbeat) {
  const { setTimeout, clearTimeout } = globalThis;
  const set = [];
  t.mock.method(globalThis, "setTimeout", (task, delay, ...values) => {
    if (delay !== 2.5 * heartbeat) return setTimeout(task, delay, ...values);
    const alarm = { isSet: true, ring: task };
    set.push(alarm);
    return alarm;
  });
  t.mock.method(globalThis, "clearTimeout", (timer) => {
    if (set.includes(timer)) timer.isSet = false;
    else clearTimeout(timer);
  });
  return set;
}

/** Wait until it holds. */
export async function until(holds) {
  const end = performance.now() + 180_000; // milliseconds: a machine may be slow, and busy
  while (!holds()) {
    if (performance.now() > end) assert.fail(`It never held: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Gather what a subscriber is told, and resolve `closed` once it is closed. */
export function listener() {
  const told = { events: [], connections: [], errors: [], warnings: [] };
  told.closed = new Promise((resolve) => {
    told.handlers = {
      onEvent: ({ type, id }) => told.events.push(`${id} ${type}`),
      onWarning: (error) => told.warnings.push(error),
      onError: (error) => told.errors.push(error),
      onConnection(connection, error) {
        told.connections.push(connection);
        if (connection === "closed") resolve(error);
      },
    };
  });
  return told;
}
