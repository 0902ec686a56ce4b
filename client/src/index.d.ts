/// <reference lib="esnext.disposable" />

/** How far a job is. It only moves forward; doing it again is a new job. */
export type Status =
  | "created"
  | "pending"
  | "queued"
  | "processing"
  | "completed"
  | "failed"
  | "cancelled"
  | "timed_out";

export interface Restore {
  id: string;
  /** From the site's root, as all addresses here. */
  image_url: string;
  preview_url: string;
  /** To be followed by `240.webp`, or another side and `jpg`. */
  thumbnails_url: string;
  format: string;
  width: number;
  height: number;
  bytes: number;
}

/** A job as clients see it, complete every time. */
export interface JobSnapshot {
  job_id: string;
  photo_id: string;
  /** Null until there is a result. */
  restore_id: string | null;
  /** `deleted` is told by the last event of a job whose photo was deleted. */
  status: Status | "deleted";
  /** Per cent. */
  progress: number;
  stage: string | null;
  /** While it waits, how many jobs are before it, at most; null where nobody knows yet. */
  ahead: number | null;
  options: Record<string, unknown>;
  restore: Restore | null;
  error: { code: string; message: string; retryable: boolean } | null;
  created_at: string;
  /** When its restoring was asked for, RunPod took it, a worker began, and it ended. */
  requested_at: string | null;
  queued_at: string | null;
  started_at: string | null;
  finished_at: string | null;
  url: string;
  events_url: string;
}

/** A job that was read: where its stream stood before is where to follow it from. */
export interface Job extends JobSnapshot {
  last_event_id: number;
}

export interface CompletedJob extends JobSnapshot {
  status: "completed";
  restore_id: string;
  restore: Restore;
}

export interface Photo {
  id: string;
  title: string;
  format: string;
  width: number;
  height: number;
  bytes: number;
  sha256: string;
  created_at: string;
  url: string;
  image_url: string;
  preview_url: string;
}

/** A page of jobs, newest first, and where the stream of all of them stood before it was read. */
export interface JobPage {
  next: string | null;
  previous: string | null;
  results: Job[];
  events_url: string;
  last_event_id: number;
}

export type FinalType = "completed" | "failed" | "cancelled" | "timed_out" | "deleted";
export type EventType = "queued" | "processing" | "progress" | FinalType;

interface EventOf<Type extends EventType, Snapshot extends JobSnapshot = JobSnapshot> {
  type: Type;
  /** Its number in the stream; not told where several jobs share a connection. */
  id?: string;
  data: Snapshot;
}

/** What happened: `data` is the whole job, so any event but the last may be missed. */
export type JobEvent = CompletedEvent | EventOf<Exclude<EventType, "completed">>;
export type CompletedEvent = EventOf<"completed", CompletedJob>;

/** Something was missed: the log does not reach back so far. Read the job again. */
export interface ResetEvent {
  type: "reset";
  id: string;
  data: { last_event_id?: number };
}

export type StreamEvent = JobEvent | ResetEvent;

/**
 * `connecting` until it is `open` for the first time, then `reconnecting` in between; `closed` when
 * nothing more will come: after the last event, after `close()`, or because of an error that
 * another try would only repeat.
 */
export type Connection = "connecting" | "open" | "reconnecting" | "closed";

type JobHandler<Event extends JobEvent = JobEvent> = (job: Event["data"], event: Event) => void;

export interface Handlers {
  onQueued?: JobHandler | undefined;
  onProcessing?: JobHandler | undefined;
  onProgress?: JobHandler | undefined;
  onCompleted?: JobHandler<CompletedEvent> | undefined;
  onFailed?: JobHandler | undefined;
  onCancelled?: JobHandler | undefined;
  onTimedOut?: JobHandler | undefined;
  /** The photo was deleted, and its jobs and results with it. */
  onDeleted?: JobHandler | undefined;
  /** Something was missed: read the job again. */
  onReset?: ((data: ResetEvent["data"], event: ResetEvent) => void) | undefined;
  /** Every event, before the handler of its type. */
  onEvent?: ((event: StreamEvent) => void) | undefined;
  /** `error`: why it is reconnecting, or closed. */
  onConnection?: ((connection: Connection, error: Error | null) => void) | undefined;
  /** It is closed, and nothing will come any more: a Problem such as a 404. */
  onError?: ((error: Error) => void) | undefined;
  /** An event could not be read and was left out. */
  onWarning?: ((error: Error) => void) | undefined;
}

/** What one subscriber follows. Iterating it, with `for await`, closes it at the end. */
export interface Subscription extends AsyncIterable<StreamEvent>, Disposable, AsyncDisposable {
  /** Those that are called from now on. */
  handlers: Handlers | undefined;
  readonly connection: Connection;
  /** Why it is closed, if that is not in order. */
  readonly error: Error | null;
  /** The id of the last event it was told. */
  readonly lastEventId: string;
  /** Leave. No handler is called any more but `onConnection("closed")`, at once. */
  close(): void;
}

/** An error that the server tells (RFC 9457), or why a job has no result. */
export class Problem extends Error {
  constructor(members: Record<string, unknown>);
  /** HTTP's; undefined where a job failed. */
  readonly status?: number;
  /** For programs, and stable: docs/api.md lists them. */
  readonly code?: string;
  readonly title?: string;
  readonly detail?: string;
  readonly type?: string;
  /** Milliseconds after which it may go better. */
  readonly retryAfter?: number;
  /** The job that failed. */
  readonly job?: JobSnapshot;
  /** Whether a new job for the photo may succeed. */
  readonly retryable?: boolean;
}

export interface TokenRequest {
  /** The job whose stream is opened; `"all"` for the stream of all; null for other calls. */
  jobId: string | null;
  /** True where the last one was refused: it has to be a new one. */
  expired: boolean;
}

/** Opens a stream in place of fetch: `eventSource` of `@photorestore/client/eventsource`. */
export type Transport = (
  request: { url: string; credentials?: RequestCredentials; signal: AbortSignal },
  stream: unknown,
) => Promise<unknown>;

export interface ClientOptions {
  /** Where PhotoRestore is, such as `https://photos.example.org`. Default: this page's own origin. */
  baseUrl?: string | undefined;
  /**
   * An API token, or a grant, which only opens streams. Asked for at every connection and call, and
   * once more where the server answers 401. Without it the session's cookie counts.
   */
  getToken?:
    | ((request: TokenRequest) => string | null | undefined | Promise<string | null | undefined>)
    | null
    | undefined;
  /** Sent with every request, such as Django's `X-CSRFToken`; not with a grant. */
  headers?: Record<string, string> | null | undefined;
  /** `include` sends cookies to another origin. Default: `same-origin`. */
  credentials?: RequestCredentials | undefined;
  fetch?: typeof fetch | undefined;
  transport?: Transport | null | undefined;
  /** Milliseconds between two signs of life of the server (EVENTS_HEARTBEAT). Default: 15,000. */
  heartbeat?: number | undefined;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
  /** Makes a repeat find what the first has made. */
  idempotencyKey?: string | undefined;
}

export interface Client {
  /**
   * Keep a photo: a file, or its bytes. `restore: true`, or options such as `{scale: 2}`, restores
   * it at once.
   */
  upload(
    image: Blob | Uint8Array,
    options?: CallOptions & {
      title?: string | undefined;
      restore?: boolean | Record<string, unknown> | undefined;
    },
  ): Promise<{ photo: Photo; job: Job; events_url: string }>;
  /** Start a job that was only created, or make a new one for a photo. */
  restore(
    what: string | { photoId: string; options?: Record<string, unknown> | undefined },
    options?: CallOptions,
  ): Promise<Job>;
  get(jobId: "all", options?: CallOptions): Promise<JobPage>;
  get(jobId: string, options?: CallOptions): Promise<Job>;
  cancel(jobId: string, options?: CallOptions): Promise<Job>;
  /**
   * Follow one job, or all of mine. All who follow the same share a connection. It begins after
   * `lastEventId`, the `last_event_id` of what was read, or where the log begins.
   */
  subscribe(
    jobId: string,
    handlers?: Handlers,
    options?: { lastEventId?: string | number | undefined },
  ): Subscription;
  /**
   * Resolve with the job once it is completed. Rejects with a Problem if it ends in another way,
   * with the signal's reason, or with a TimeoutError after `timeout` milliseconds.
   */
  waitFor(
    jobId: string,
    options?: { signal?: AbortSignal | undefined; timeout?: number | undefined },
  ): Promise<CompletedJob>;
  /** Any other call: fetch with a token, below /api/v1. Throws a Problem for an error. */
  send(
    path: string,
    init?: Omit<RequestInit, "headers"> & { headers?: Record<string, string> },
  ): Promise<Response>;
}

export function createClient(options?: ClientOptions): Client;
