import { Problem } from "./index.js";

/** Why a job that is over has no result. */
export function failureOf(job) {
  const { code = job.status, message = `The job is ${job.status}.`, retryable = false } = job.error ?? {};
  return new Problem({ code, detail: message, retryable, job });
}
