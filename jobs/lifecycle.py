"""What happens to a job once it is asked for: submitted, reported on, reconciled, finished."""

from __future__ import annotations

import io
import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction
from django.utils import timezone

from events import log

from . import callbacks, endpoints, pictures, runpod
from .models import FINAL, Attempt, Job, Restore, Status
from .runpod import Report, RunPodError
from .snapshots import snapshot

logger = logging.getLogger(__name__)

# RunPod's words and ours. A word that is not here is logged and changes nothing.
STATUSES = {
    "IN_QUEUE": Status.QUEUED,
    "IN_PROGRESS": Status.PROCESSING,
    "RUNNING": Status.PROCESSING,
    "COMPLETED": Status.COMPLETED,
    "FAILED": Status.FAILED,
    "CANCELLED": Status.CANCELLED,
    "TIMED_OUT": Status.TIMED_OUT,
}
_UNEXPLAINED = {
    Status.FAILED: "The worker could not restore this photo.",
    Status.CANCELLED: "RunPod gave the job up.",
    Status.TIMED_OUT: "The restoration took too long and was stopped.",
}
_LATE = timedelta(seconds=60)  # beyond RUNPOD_TTL, for a last report to arrive


class WrongAttemptError(Exception):
    """A report names another RunPod job than the attempt it came for."""


def submit(*, job_id: str) -> None:
    """Submit the job to RunPod, unless it is finished or an attempt is under way.

    Raises RunPodError where asking again later may help; fails the job where it would not.
    """
    opened = _open_attempt(job_id)
    if opened is None:
        return
    attempt, token = opened
    try:
        webhook = callbacks.completion_url(token)
        webhook = callbacks.completion_url(token)
        report = runpod.run(input=_input(attempt.job, token), webhook=webhook)
    except RunPodError as error:
        _refused(attempt, error)
        raise
    apply_report(attempt=attempt, report=report)


def _open_attempt(job_id: str) -> tuple[Attempt, str] | None:
    """Open an attempt under the job's lock, so that a task delivered twice submits once."""
    since = timezone.now() - timedelta(seconds=settings.RUNPOD_SILENCE)
    with transaction.atomic():
        job = _lock(job_id)
        if job is None or job.is_final or job.attempts.filter(created_at__gt=since).exists():
            return None
        return callbacks.open_attempt(job)


def _lock(job_id: UUID | str) -> Job | None:
    """Return the job with its row locked until the transaction ends; None once it is deleted."""
    jobs = Job.objects.select_for_update(of=("self",)).select_related("photo")
    return jobs.filter(pk=job_id).first()


def _input(job: Job, token: str) -> dict[str, object]:
    addresses = endpoints.Addresses(
        photo=callbacks.photo_url(job.photo), progress=callbacks.progress_url(token)
    )
    return endpoints.current().build(job.options, addresses)


def _refused(attempt: Attempt, error: RunPodError) -> None:
    """Forget an attempt that RunPod did not take; one it may have taken waits for its webhook."""
    if not error.ambiguous:
        attempt.delete()
    if not error.transient:
        fail(job=attempt.job, code=error.code, message=error.message, retryable=False)


def apply_report(*, attempt: Attempt, report: Report) -> bool:
    """Take in what RunPod says, by whichever way it came; True if the job moved.

    The single gate: repeated, late and out-of-order reports change nothing. Raises
    WrongAttemptError.
    """
    _recognise(attempt, report)
    status = STATUSES.get(report.status)
    if status is None:
        logger.warning("RunPod's status %r of job %s is new to us", report.status, report.id)
        return False
    if status == Status.COMPLETED:
        return _complete(attempt, report)
    if status in FINAL:
        message = report.error or _UNEXPLAINED[status]
        return _end(attempt, report, status, code=f"worker_{status.value}", message=message)
    return _move(attempt.job_id, status, report)


def _recognise(attempt: Attempt, report: Report) -> None:
    """Adopt RunPod's id of the attempt when it is first told; later it must be the same."""
    if attempt.runpod_job_id is None:
        _adopt(attempt, report.id)
    if attempt.runpod_job_id != report.id:
        raise WrongAttemptError


def _adopt(attempt: Attempt, runpod_job_id: str) -> None:
    unnamed = Attempt.objects.filter(pk=attempt.pk, runpod_job_id=None)
    try:
        with transaction.atomic():
            unnamed.update(runpod_job_id=runpod_job_id)
    except IntegrityError as error:
        raise WrongAttemptError from error  # it is another attempt's
    attempt.refresh_from_db(fields=["runpod_job_id"])


def _move(job_id: UUID | str, status: Status, report: Report | None = None) -> bool:
    """Advance the job to a status that is not final, and tell its streams."""
    now = timezone.now()
    with transaction.atomic():
        job = _lock(job_id)
        if job is None or not _advance(job, status, report, now):
            return False
        _tell(job, status.value)
    return True


def _advance(job: Job, status: Status, report: Report | None, now: datetime) -> bool:
    if report is not None:
        job.delay_ms = report.delay_ms if report.delay_ms is not None else job.delay_ms
        job.execution_ms = (
            report.execution_ms if report.execution_ms is not None else job.execution_ms
        )
    return job.advance(status, now=now)


def _tell(job: Job, type: str) -> None:
    """Append what became true of the job to its own stream, then to its owner's: always so."""
    data = snapshot(job)
    log.append(job_stream(job), type=type, data=data, final=job.is_final)
    log.append(owner_stream(job.photo.owner_id), type=type, data=data)


def job_stream(job: Job) -> str:
    """Return the name of the job's stream."""
    return f"job.{job.pk}"


def owner_stream(user_id: int) -> str:
    """Return the name of the stream of all jobs of a user."""
    return f"owner.{user_id}"


def _complete(attempt: Attempt, report: Report) -> bool:
    """Keep the picture and finish the job: bytes first, then the rows, or neither."""
    now = timezone.now()  # the job is finished when RunPod says so, not when we have read it
    if Job.objects.filter(pk=attempt.job_id, status__in=FINAL).exists():
        return False
    try:
        result = endpoints.current().read(report.output)
        picture = pictures.read(io.BytesIO(result.image))
    except (endpoints.OutputError, pictures.PictureError) as error:
        logger.warning("Job %s completed without a usable picture: %s", attempt.job_id, error)
        return _end(attempt, report, Status.FAILED, code=error.code, message=error.message)
    restore = _stored(attempt.job, picture, result)
    kept = False
    try:
        kept = _finish(attempt.job_id, report, restore, now)
    finally:
        if not kept:
            _discard(restore)
    return kept


def _stored(job: Job, picture: pictures.Picture, result: endpoints.Result) -> Restore:
    restore = Restore(
        job=job,
        format=pictures.FORMATS_BY_EXTENSION[picture.extension],
        width=picture.width,
        height=picture.height,
        bytes=len(picture.image),
        model=result.model,
        stages=result.stages,
    )
    name = f"{restore.pk}.{picture.extension}"
    restore.image.save(name, ContentFile(picture.image), save=False)
    restore.preview.save(f"{restore.pk}.jpg", ContentFile(picture.preview), save=False)
    return restore


def _finish(job_id: UUID | str, report: Report, restore: Restore, now: datetime) -> bool:
    with transaction.atomic():
        job = _lock(job_id)
        if job is None or job.is_final:
            return False
        job.progress, job.stage = 100, ""
        _advance(job, Status.COMPLETED, report, now)
        restore.job = job
        restore.save(force_insert=True)
        _tell(job, Status.COMPLETED)
    return True


def _discard(restore: Restore) -> None:
    restore.image.delete(save=False)
    restore.preview.delete(save=False)


def _end(attempt: Attempt, report: Report, status: Status, *, code: str, message: str) -> bool:
    """Finish the job without a result, unless the report is of an attempt that was replaced."""
    if attempt.job.attempts.filter(pk__gt=attempt.pk).exists():
        logger.info("A replaced attempt of job %s ended as %s", attempt.job_id, status)
        return False
    return _stop(attempt.job_id, status, code, message, retryable=True, report=report)


def fail(*, job: Job, code: str, message: str, retryable: bool) -> bool:
    """Fail the job with a reason for its owner; False if it was finished already."""
    return _stop(job.pk, Status.FAILED, code, message, retryable=retryable)


def _stop(
    job_id: UUID | str,
    status: Status,
    code: str,
    message: str,
    *,
    retryable: bool,
    report: Report | None = None,
) -> bool:
    now = timezone.now()
    with transaction.atomic():
        job = _lock(job_id)
        if job is None or job.is_final:
            return False
        job.error_code, job.error_message = code, message[:500]
        job.error_retryable = retryable
        _advance(job, status, report, now)
        _tell(job, status.value)
    return True


def apply_progress(*, attempt: Attempt, fraction: float, stage: str) -> bool:
    """Note how far the worker is (0 to 1) and at which stage; True if that is news."""
    now = timezone.now()
    with transaction.atomic():
        job = _lock(attempt.job_id)
        if job is None or job.is_final:
            return False
        percent = max(job.progress, min(round(fraction * 100), 99))
        if (percent, stage) == (job.progress, job.stage):
            return False
        if job.advance(Status.PROCESSING, now=now):
            _tell(job, Status.PROCESSING)
        job.progress, job.stage, job.heard_at = percent, stage, now
        job.save(update_fields=["progress", "stage", "heard_at"])
        _tell(job, "progress")
    return True


def reconcile(*, job: Job) -> bool:
    """Ask RunPod about a job that has been silent; True if it must be submitted (again).

    Its webhook may never have come, its task may be lost, RunPod may have forgotten it.
    """
    now = timezone.now()
    if job.requested_at and now - job.requested_at > timedelta(seconds=settings.RUNPOD_TTL) + _LATE:
        _stop(job.pk, Status.TIMED_OUT, "timed_out", _UNEXPLAINED[Status.TIMED_OUT], retryable=True)
        return False
    Job.objects.filter(pk=job.pk).update(heard_at=now)
    attempt = job.attempts.exclude(runpod_job_id=None).last()
    return attempt is None or _lost(attempt)


def _lost(attempt: Attempt) -> bool:
    """Ask RunPod about the attempt; True if it no longer knows it."""
    assert attempt.runpod_job_id
    try:
        report = runpod.status(attempt.runpod_job_id)
    except RunPodError as error:
        return error.unknown_job and not _given_up(attempt)
    apply_report(attempt=attempt, report=report)
    return False


def _given_up(attempt: Attempt) -> bool:
    """Fail a job that was lost too often."""
    if attempt.job.attempts.count() < settings.RUNPOD_ATTEMPTS:
        return False
    message = "RunPod lost this job again and again."
    fail(job=attempt.job, code="lost", message=message, retryable=True)
    return True
