"""What happens to a job: every report moves it forward or changes nothing."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_noop

from events import rows
from events.models import Event

from . import at_once, endpoints, fetches, pictures, streams, thumbnails
from .endpoints import failures
from .models import FINAL, ON_HOLD, Attempt, Job, Restore, Status
from .runpod import Report

logger = logging.getLogger(__name__)

T = TypeVar("T")

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
_PROGRESS_GAP = timedelta(seconds=0.5)  # between two that are told, however fast a worker posts
_PROGRESS = ["progress", "stage", "heard_at", "progress_told_at", "progress_is_untold"]
_UNEXPLAINED = {
    Status.FAILED: gettext_noop("The worker could not restore this photo."),
    Status.CANCELLED: gettext_noop("The restoration was cancelled."),
    Status.TIMED_OUT: gettext_noop("The restoration took too long and was stopped."),
}

_NOBODY = UUID(int=0)
_LOCKED = rows.Lookup(
    lambda pk: Job.objects.select_for_update().filter(pk=pk).told_if_watched().order_by(),
    "id",
    example=_NOBODY,
)


class WrongAttemptError(Exception):
    """A report names another RunPod job than its attempt's, or comes after its last word."""


def lock(job_id: UUID | str) -> Job | None:
    """Return the job with its row locked until the transaction ends; None once it is deleted."""
    return _LOCKED.first(job_id)


def apply_report(*, attempt: Attempt, report: Report) -> bool:
    """Take in what RunPod says, by whichever way it came; True if the job moved.

    The single gate: repeated, late and out-of-order reports change nothing. Raises
    WrongAttemptError.
    """
    _recognise(attempt, report)
    status = STATUSES.get(report.status)
    if status is None:
        logger.warning("RunPod's status %r of job %s is new to us", report.status, report.id)
    moved = status is not None and _apply(attempt, status, report)
    # Last, so that it delays nobody: without it, the reconciler only asks once more.
    attempt.hear(report.status, report.execution_ms, ends=_ends(attempt, status, moved=moved))
    return moved


def end_at_once(*, token: str, report: Report) -> bool:
    """Take in a last word without a picture before it is known whose token that is, if that can be.

    False if not, with nothing written: `apply_report` is for everything. For what else there is to
    note, it is also to be called after this. The token is an attempt's.
    """
    status = STATUSES.get(report.status)
    if status not in FINAL or status == Status.COMPLETED:
        return False
    failure = _failure(report, status)
    return at_once.end(
        token=token, report=report, status=status, failure=failure, now=timezone.now()
    )


def _failure(report: Report, status: Status) -> failures.Failure:
    return failures.of(report, code=f"worker_{status.value}", unexplained=_UNEXPLAINED[status])


def _apply(attempt: Attempt, status: Status, report: Report) -> bool:
    if status == Status.COMPLETED:
        return _complete(attempt, report)
    if status in FINAL:
        return _end(attempt, report, status, _failure(report, status))
    now = timezone.now()
    return _change(attempt, lambda job: _move(job, status, report, now))


def _ends(attempt: Attempt, status: Status | None, *, moved: bool) -> bool:
    """Tell whether that was the attempt's last word, and done with."""
    if status not in FINAL or moved or status != Status.COMPLETED:
        return status in FINAL
    job = Job.objects.filter(pk=attempt.job_id, status__in=FINAL).values_list("status", flat=True)
    stands = job.first()
    if stands is not None and stands != Status.COMPLETED:
        logger.warning("A result came after job %s was %s; kept out", attempt.job_id, stands)
    return stands is not None or fetches.is_asked(attempt)


def _recognise(attempt: Attempt, report: Report) -> None:
    """Adopt RunPod's id of the attempt when it is first told; later it must be the same.

    After its last word, only that may be repeated: RunPod does so where it missed our answer.
    """
    if attempt.runpod_job_id is None:
        attempt.runpod_job_id = _adopt(attempt, report.id)
    if attempt.runpod_job_id != report.id:
        raise WrongAttemptError
    if attempt.ended_at and report.status != attempt.runpod_status:
        logger.warning("RunPod's job %s is %s after its end", report.id, report.status)
        raise WrongAttemptError


def _adopt(attempt: Attempt, runpod_job_id: str) -> str:
    """Return the attempt's id: this one, unless somebody was quicker with another."""
    row = Attempt.objects.filter(pk=attempt.pk)
    try:
        with transaction.atomic():
            row.filter(runpod_job_id=None).update(runpod_job_id=runpod_job_id)
    except IntegrityError as error:
        raise WrongAttemptError from error  # it is another attempt's
    # No row: the photo was deleted meanwhile, and what follows finds no job to move.
    return row.values_list("runpod_job_id", flat=True).first() or runpod_job_id


def _change(attempt: Attempt, change: Callable[[Job | None], T]) -> T:
    """Change the attempt's job as it was read with it; if it is not that any more, by its lock.

    Without lock and transaction a browser hears of it three round trips to the database earlier.
    """
    if known := attempt.known_job:
        with suppress(rows.OutdatedError):
            return change(known)
    with transaction.atomic():
        return change(lock(attempt.job_id))


def _move(job: Job | None, status: Status, report: Report, now: datetime) -> bool:
    """Advance the job to a status that is not final, and tell its streams."""
    if job is None or not _advance(job, status, report, now):
        return False
    streams.tell(job, status.value, job.moved())
    return True


def _advance(job: Job, status: Status, report: Report | None, now: datetime) -> bool:
    if report is not None:
        job.delay_ms = report.delay_ms if report.delay_ms is not None else job.delay_ms
        job.execution_ms = (
            report.execution_ms if report.execution_ms is not None else job.execution_ms
        )
    return job.advance(status, now=now)


def _complete(attempt: Attempt, report: Report) -> bool:
    """Keep the picture and finish the job: bytes first, then the rows, or neither."""
    now = timezone.now()  # the job is finished when RunPod says so, not when we have read it
    if attempt.job.is_final:
        return False
    try:
        result = endpoints.read(report)
    except endpoints.OutputError as error:
        return _end_without_picture(attempt, report, error)
    if result.url or result.is_uploaded:
        return _await(attempt, report, result, now)
    return keep(attempt=attempt, result=result, report=report, now=now)


def _await(attempt: Attempt, report: Report, result: endpoints.Result, now: datetime) -> bool:
    """Have the picture fetched from its address; until it is here, the job is processing."""
    with transaction.atomic():
        job = lock(attempt.job_id)
        if job is None or job.is_final:
            return False
        fetches.ask(attempt, result, now=now)
        moved = _advance(job, Status.PROCESSING, report, now)
        if moved:
            streams.tell(job, Status.PROCESSING.value, job.moved())
        else:
            job.save(update_fields=["delay_ms", "execution_ms"])
    return moved


def keep(
    *, attempt: Attempt, result: endpoints.Result, report: Report | None, now: datetime
) -> bool:
    """Check the picture, keep it, and finish the job with it; one that is none fails the job."""
    try:
        picture = pictures.read(io.BytesIO(result.image))
    except pictures.PictureError as error:
        return _end_without_picture(attempt, report, error)
    return _keep(attempt, _stored(attempt.job_id, picture, result), report, now)


def _end_without_picture(
    attempt: Attempt, report: Report | None, error: endpoints.OutputError | pictures.PictureError
) -> bool:
    logger.warning("Job %s completed without a usable picture: %s", attempt.job_id, error)
    return give_up(attempt=attempt, failure=failures.of_output(error), report=report)


def give_up(*, attempt: Attempt, failure: failures.Failure, report: Report | None = None) -> bool:
    """Fail the job because its attempt came to nothing, unless something may come of another."""
    return _end(attempt, report, Status.FAILED, failure)


def _stored(job_id: UUID, picture: pictures.Picture, result: endpoints.Result) -> Restore:
    restore = Restore(
        job_id=job_id,
        format=pictures.FORMATS_BY_EXTENSION[picture.extension],
        width=picture.width,
        height=picture.height,
        bytes=len(picture.image),
        model=result.model,
        stages=result.stages,
        warnings=list(result.warnings),
    )
    name = f"{restore.pk}.{picture.extension}"
    restore.image.save(name, ContentFile(picture.image), save=False)
    restore.preview.save(f"{restore.pk}.jpg", ContentFile(picture.preview), save=False)
    return restore


def _keep(attempt: Attempt, restore: Restore, report: Report | None, now: datetime) -> bool:
    """Finish the job with the stored result; without a move, its files go again.

    Where that fails they stay: what was committed may be all but the answer. Those that are
    nobody's are deleted later (jobs.leftovers).
    """
    moved = _change(attempt, lambda job: _finish(job, restore, report, now))
    if not moved:
        _discard(restore)
    return moved


def _finish(job: Job | None, restore: Restore, report: Report | None, now: datetime) -> bool:
    if job is None or job.is_final:
        return False
    job.progress, job.stage = 100, ""
    _advance(job, Status.COMPLETED, report, now)
    restore.job = job
    streams.tell(job, Status.COMPLETED.value, job.moved(), rows.insert(restore))
    thumbnails.ask(restore)
    return True


def _discard(restore: Restore) -> None:
    restore.image.delete(save=False)
    restore.preview.delete(save=False)


def _end(
    attempt: Attempt, report: Report | None, status: Status, failure: failures.Failure
) -> bool:
    """Finish the job without a result, unless something may come of another attempt of it.

    Of a later one, or of one whose picture is being fetched.
    """
    if _is_replaced(attempt):
        logger.info("A replaced attempt of job %s ended as %s", attempt.job_id, status)
        return False
    now = timezone.now()
    return _change(attempt, lambda job: _stop(job, status, failure, report, now))


def _is_replaced(attempt: Attempt) -> bool:
    if attempt.is_only:
        return False
    others = Attempt.objects.believed(now=timezone.now()).filter(job_id=attempt.job_id)
    may_come = Q(pk__gt=attempt.pk) | ~Q(pk=attempt.pk) & Q(fetch__isnull=False)
    return others.filter(may_come).exists()


def hold(job_id: UUID | str) -> bool:
    """Tell who waits for the job that RunPod does not take it for now; False if they know."""
    with transaction.atomic():
        job = lock(job_id)
        if job is None or job.status != Status.PENDING or job.stage == ON_HOLD:
            return False
        job.stage = ON_HOLD
        streams.tell(job, streams.PROGRESS, rows.update(job, "stage"))
    return True


def fail(*, job: Job, code: str, message: str, retryable: bool) -> bool:
    """Fail the job with a reason for its owner; False if it was finished already."""
    return stop(job.pk, Status.FAILED, code=code, message=message, retryable=retryable)


def stop(job_id: UUID, status: Status, *, code: str, message: str, retryable: bool) -> bool:
    """Finish the job without a result, for the reason given; False if it was finished already."""
    failure = failures.Failure(code, message, retryable=retryable)
    with transaction.atomic():
        return _stop(lock(job_id), status, failure, None, timezone.now())


def _stop(
    job: Job | None,
    status: Status,
    failure: failures.Failure,
    report: Report | None,
    now: datetime,
) -> bool:
    if job is None or job.is_final:
        return False
    job.error_code, job.error_message = failure.code, failure.message[:500]
    job.error_retryable = failure.retryable
    _advance(job, status, report, now)
    streams.tell(job, status.value, job.moved())
    return True


def progress_at_once(*, attempt_id: int, fraction: float, stage: str) -> bool:
    """Note and tell progress before anything is known of the attempt, if that can be.

    False if not, with nothing written: `apply_progress` is for everything.
    """
    now = timezone.now()
    return at_once.progress(
        attempt_id=attempt_id,
        percent=_percent(fraction),
        stage=stage,
        now=now,
        told_until=now - _PROGRESS_GAP,
    )


def _percent(fraction: float) -> int:
    """Return per cent. The end is told by the report alone: 100 per cent is a result."""
    return min(round(fraction * 100), 99)


def apply_progress(*, attempt: Attempt, fraction: float, stage: str) -> timedelta | None:
    """Note how far the worker is (0 to 1) and at which stage, and tell it, at most twice a second.

    What is held back is told by the next progress or by `tell_progress`. Where nobody was asked to
    call that yet, returns the time after which to.
    """
    percent, now = _percent(fraction), timezone.now()
    return _change(attempt, lambda job: _take_progress(job, percent, stage, now))


def _take_progress(job: Job | None, percent: int, stage: str, now: datetime) -> timedelta | None:
    if job is None or job.is_final:
        return None
    was_untold = job.progress_is_untold
    is_news = percent >= job.progress and (percent, stage) != (job.progress, job.stage)
    if not (is_news or was_untold):
        return None
    begins = _begin(job, now) if is_news else []
    if is_news:
        job.progress, job.stage, job.heard_at = percent, stage, now
    wait = _tell_progress(job, now, begins)
    return None if was_untold else wait


def _begin(job: Job, now: datetime) -> list[Event]:
    """Have the job processed from now on; return what tells of that, for the caller to append."""
    moved = job.advance(Status.PROCESSING, now=now)
    return streams.events_of(job, Status.PROCESSING.value) if moved else []


def _tell_progress(job: Job, now: datetime, before: Sequence[Event] = ()) -> timedelta | None:
    """Save the job's progress and tell it; where it must be held back, return for how long.

    `before`: what tells that it is processing, which is not held back.
    """
    wait = job.progress_told_at + _PROGRESS_GAP - now if job.progress_told_at else timedelta()
    job.progress_is_untold = wait > timedelta()
    told = [*before]
    if not job.progress_is_untold:
        job.progress_told_at = now
        told += streams.events_of(job, streams.PROGRESS)
    change = job.moved() if before else rows.update(job, *_PROGRESS)
    if told:
        streams.tell_all(job, told, change)
    else:
        change.make()
    return wait if job.progress_is_untold else None


def tell_progress(*, job_id: UUID | str) -> timedelta | None:
    """Tell the progress that was held back; where it is too early for that, return the wait.

    There is none any more once the job has ended.
    """
    now = timezone.now()
    with transaction.atomic():
        job = lock(job_id)
        if job is None or not job.progress_is_untold:
            return None
        return _tell_progress(job, now)
