import { useEffect, useRef, useState } from "react";
import { failureOf } from "./failure.js";
import { createClient } from "./index.js";
import { FINAL } from "./stream.js";

const IDLE = { status: null, progress: 0, connection: "idle", result: null, error: null };
const CONNECTING = { ...IDLE, connection: "connecting" };
const NOTHING = { id: null, view: IDLE };

let ownClient;

export function useJobEvents(jobId, handlers, { client = (ownClient ??= createClient()) } = {}) {
  const newest = useRef(handlers);
  const [{ id, view }, setState] = useState(NOTHING);
  useEffect(() => {
    newest.current = handlers;
  });
  useEffect(() => {
    if (!jobId) return;
    const change = (news) =>
      setState((old) => ({ id: jobId, view: { ...(old.id === jobId ? old.view : CONNECTING), ...news } }));
    const ours = changing(client, jobId, change);
    const subscription = client.subscribe(jobId, both(ours, newest));
    return () => {
      subscription.close();
      setState(NOTHING);
    };
  }, [client, jobId]);
  // What an effect has not seen yet is of another job.
  return jobId ? (id === jobId ? view : CONNECTING) : IDLE;
}

/** Return handlers that keep the view true. */
function changing(client, jobId, change) {
  const show = (job) => change(viewOf(job));
  // What was missed is in the job; who may only follow, by a grant, has to do without.
  const reread = () => client.get(jobId).then(show, () => {});
  return {
    onEvent: ({ type, data }) => (type === "reset" ? reread() : show(data)),
    onConnection: (connection) => change({ connection }),
    onError: (error) => change({ error }),
  };
}

function viewOf(job) {
  const { status, progress } = job;
  const isFailed = FINAL.includes(status) && status !== "completed";
  return {
    status,
    progress,
    result: status === "completed" ? job : null,
    error: isFailed ? failureOf(job) : null,
  };
}

/** Call ours, then those of the newest render, whichever is asked for. */
function both(ours, newest) {
  const call = (name, values) => {
    ours[name]?.(...values);
    newest.current?.[name]?.(...values);
  };
  return new Proxy(ours, { get: (_, name) => (...values) => call(name, values) });
}
