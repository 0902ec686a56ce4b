import type { Client, CompletedJob, Connection, Handlers, JobSnapshot } from "./index.js";

export interface JobView {
  /** Null until the first event. */
  status: JobSnapshot["status"] | null;
  /** Per cent. */
  progress: number;
  /** `idle` without a job. */
  connection: Connection | "idle";
  /** The job, once it is completed. */
  result: CompletedJob | null;
  /** Why there will be no result, or nothing more to hear: mostly a Problem, with a `code`. */
  error: Error | null;
}

/**
 * Follow a job while the component is mounted; with null, nothing. Handlers may be new at every
 * render; components that follow the same job share a connection. Without a client, one for this
 * page's own origin is made.
 */
export function useJobEvents(
  jobId: string | null | undefined,
  handlers?: Handlers,
  options?: { client?: Client | undefined },
): JobView;
