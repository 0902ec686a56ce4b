"""What most reports do, in one round trip: PostgreSQL finds the job, judges, changes and tells it.

For a job that is under way as usual. Of every other, and on SQLite, nothing is written, and the
caller goes the long way (jobs.lifecycle), which knows what to do with each.
"""

from __future__ import annotations

from datetime import datetime

from . import streams
from .endpoints.failures import Failure
from .models import Status, hash_of
from .runpod import Report

# `OFFSET 0`: by the index, whatever the planner thinks of a table that it knows little of.
_PROGRESS = """
    UPDATE jobs_job job SET
        progress = %s, stage = %s, heard_at = %s, progress_told_at = %s, progress_is_untold = FALSE
    WHERE job.id = (
        SELECT attempt.job_id FROM jobs_attempt attempt
        WHERE attempt.id = %s AND attempt.ended_at IS NULL
    )
    AND job.status = 'processing' AND job.progress <= %s
    AND (job.progress, job.stage) <> (%s, %s)
    AND (job.progress_told_at IS NULL OR job.progress_told_at <= %s)"""
_END = """
    UPDATE jobs_job job SET
        status = %s, heard_at = %s, finished_at = %s, progress_is_untold = FALSE,
        error_code = %s, error_message = %s, error_retryable = %s,
        delay_ms = coalesce(%s, job.delay_ms), execution_ms = coalesce(%s, job.execution_ms)
    WHERE job.id = (
        SELECT attempt.job_id FROM jobs_attempt attempt
        WHERE attempt.token_hash = %s AND attempt.runpod_job_id = %s AND attempt.ended_at IS NULL
        AND NOT EXISTS (
            SELECT FROM jobs_attempt other
            WHERE other.job_id = attempt.job_id AND other.id <> attempt.id OFFSET 0
        )
    )
    AND job.status IN ('queued', 'processing') AND job.stage <> 'on hold'"""


def progress(
    *, attempt_id: int, percent: int, stage: str, now: datetime, told_until: datetime
) -> bool:
    """Note and tell how far the attempt is; False where there is more to it.

    That is: a job that is not being processed yet or any more, or was told of after `told_until`,
    or for which this is nothing new, or whose owner has webhooks.
    """
    change = [percent, stage, now, now]
    only_if = [attempt_id, percent, percent, stage, told_until]
    values = [*change, *only_if]
    return streams.tell_found(_PROGRESS, values, Status.PROCESSING, streams.PROGRESS)


def end(*, token: str, report: Report, status: Status, failure: Failure, now: datetime) -> bool:
    """Finish the job without a result; False where there is more to it.

    That is: the token is of no attempt, or of one that ended, or is not the job's only one, or
    RunPod calls it otherwise; or the job is not under way, or its owner has webhooks.
    """
    error = [failure.code, failure.message[:500], failure.retryable]
    change = [status, now, now, *error, report.delay_ms, report.execution_ms]
    values = [*change, hash_of(token), report.id]
    return streams.tell_found(_END, values, status, status.value)
