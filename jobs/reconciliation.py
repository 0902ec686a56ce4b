"""What nobody told us: jobs whose webhook, task or run was lost are found, and end all the same.

Nothing here relies on having run before: each row says itself when it is due.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop

from . import cancellation, circuit, lifecycle, runpod
from .models import FINAL, Attempt, Job, Status
from .runpod import Report, RunPodError

logger = logging.getLogger(__name__)

_BATCH = 200  # rows of a kind that one run looks after
_CANCELS = 40  # of these RunPod takes 100 in ten seconds, and a run begins every five
_SHORTEST_GAP = timedelta(seconds=5)
_LONGEST_GAP = timedelta(seconds=120)
_MARGIN = timedelta(seconds=60)  # beyond RunPod's own limits, for a last report to arrive
_KEPT = timedelta(minutes=30)  # for how long RunPod has a result
_TOO_LONG = gettext_noop("The restoration took too long and was given up.")


def due(*, now: datetime) -> list[Attempt]:
    """Return the attempts about which RunPod is to be asked."""
    taken = Attempt.objects.taken().filter(look_at__lte=now).exclude(job__status__in=FINAL)
    return list(taken.select_related("job").order_by("look_at")[:_BATCH])


def look_after(attempt: Attempt) -> bool:
    """Ask RunPod how the attempt stands, and judge it; True if its job wants another one.

    The answer goes the way of a webhook. Raises RunPodError where RunPod does not answer.
    """
    now = timezone.now()
    if not _claim(attempt, now) or _was_heard(attempt, now):
        return False
    assert attempt.runpod_job_id
    try:
        report = runpod.status(attempt.runpod_job_id)
    except RunPodError as error:
        if error.unknown_job:
            return _is_gone(attempt, now)
        if error.closes and circuit.current().opened_at is None:
            circuit.open(error)
        raise
    return _take_in(attempt, report, now)


def _claim(attempt: Attempt, now: datetime) -> bool:
    """Set when it is looked after next; False if somebody else did so and looks after it now."""
    row = Attempt.objects.filter(pk=attempt.pk, look_at=attempt.look_at)
    return bool(row.update(look_at=now + _gap(attempt, now)))


def _gap(attempt: Attempt, now: datetime) -> timedelta:
    return min(max((now - attempt.created_at) / 2, _SHORTEST_GAP), _LONGEST_GAP)


def _was_heard(attempt: Attempt, now: datetime) -> bool:
    """Tell whether its worker has just told its progress, which says as much."""
    heard = attempt.job.heard_at
    runs = attempt.job.status == Status.PROCESSING
    return runs and heard is not None and now - heard < _SHORTEST_GAP


def _is_gone(attempt: Attempt, now: datetime) -> bool:
    """Judge an attempt that RunPod does not know: True if it is to be made again.

    Its time may have run out, as RunPod's own rule is. Where nobody asked for so long that a result
    may have come and gone, that is not the owner's loss.
    """
    heard = attempt.heard_at or attempt.created_at
    over = now - attempt.created_at > timedelta(seconds=settings.RUNPOD_TTL)
    if over and now - heard < _KEPT:
        _time_out(attempt.job_id, _TOO_LONG)
        return False
    return attempt.lose()


def _deadline(attempt: Attempt) -> datetime:
    return attempt.created_at + timedelta(seconds=settings.RUNPOD_TTL) + _MARGIN


def _time_out(job_id: UUID, message: str) -> None:
    lifecycle.stop(job_id, Status.TIMED_OUT, code="timed_out", message=message, retryable=True)


def _take_in(attempt: Attempt, report: Report, now: datetime) -> bool:
    lifecycle.apply_report(attempt=attempt, report=report)
    if attempt.ended_at:
        return False
    status = lifecycle.STATUSES.get(report.status)
    if status == Status.PROCESSING:
        _tell_progress(attempt, report.output)
    if now > _deadline(attempt):
        _time_out(attempt.job_id, _TOO_LONG)  # and what runs is cancelled as unwanted
        return False
    return status == Status.PROCESSING and _hangs(attempt, now) and _replace(attempt)


def _tell_progress(attempt: Attempt, output: Any) -> None:
    """Tell how far a worker is that reports to RunPod alone: its output, while it runs."""
    if not isinstance(output, Mapping):
        return
    fraction, stage = output.get("progress"), output.get("stage", "")
    if isinstance(fraction, int | float) and 0 <= fraction <= 1 and isinstance(stage, str):
        lifecycle.apply_progress(attempt=attempt, fraction=fraction, stage=runpod.plain(stage)[:40])


def _hangs(attempt: Attempt, now: datetime) -> bool:
    """Tell whether its worker is dead: its running time stands still, or is beyond RunPod's limit.

    Known from the field: https://github.com/runpod/runpod-python/issues/250
    """
    limit = timedelta(seconds=settings.RUNPOD_EXECUTION_TIMEOUT) + _MARGIN
    ran = attempt.execution_ms
    if ran is not None and timedelta(milliseconds=ran) > limit:
        return True
    still = timedelta(seconds=settings.RUNPOD_FROZEN) if ran is not None else limit
    return now - _last_sign(attempt) > still


def _last_sign(attempt: Attempt) -> datetime:
    heard = Job.objects.filter(pk=attempt.job_id).values_list("heard_at", flat=True).first()
    moved = attempt.moved_at or attempt.created_at
    return max(moved, heard) if heard else moved


def _replace(attempt: Attempt) -> bool:
    logger.warning("RunPod's job %s hangs and is replaced", attempt.runpod_job_id)
    assert attempt.runpod_job_id
    cancellation.cancel(attempt.runpod_job_id)
    return attempt.lose() or True


def confirm(attempt: Attempt) -> bool:
    """Ask RunPod about the job that a webhook named before anybody else; False if that was a lie.

    The token has vouched for it, so that it was believed at once: this is for the operator, who
    has to know that somebody else has the address. Raises RunPodError where RunPod does not answer.
    """
    assert attempt.runpod_job_id
    try:
        report = runpod.status(attempt.runpod_job_id)
    except RunPodError as error:
        if not error.unknown_job:
            raise
        logger.error("RunPod knows no job %s, which a webhook named", attempt.runpod_job_id)
        return False
    told = attempt.runpod_status
    if lifecycle.STATUSES.get(report.status) not in FINAL or report.status == told:
        return True  # RunPod's own /status may lag behind its webhook
    logger.error("RunPod says %s of job %s; a webhook said %s", report.status, report.id, told)
    return False


def forget_expired(*, now: datetime) -> int:
    """Lose the attempts of which RunPod can have nothing any more, whether it answers or not."""
    since = now - timedelta(seconds=settings.RUNPOD_TTL) - _MARGIN - _KEPT
    return Attempt.objects.taken().filter(created_at__lt=since).update(lost_at=now)


def stranded(*, now: datetime) -> QuerySet[Job]:
    """Return the jobs under way that RunPod is not at, and nothing was done about lately."""
    since = now - timedelta(seconds=settings.RUNPOD_SILENCE)
    believed = Attempt.objects.believed(now=now).filter(job=OuterRef("pk"))
    return Job.objects.under_way().filter(~Exists(believed), heard_at__lt=since)


def give_up_overdue(*, now: datetime) -> None:
    """End the jobs that nobody took for RUNPOD_PATIENCE."""
    since = now - timedelta(seconds=settings.RUNPOD_PATIENCE)
    for job in stranded(now=now).filter(requested_at__lt=since)[:_BATCH]:
        _time_out(
            job.pk, gettext_noop("Restoring was out of order for too long, and was given up.")
        )


def to_submit(*, now: datetime) -> Iterator[Job]:
    """Yield the jobs that are to be submitted (again): their task, or what RunPod had, was lost."""
    for job in _waiting(now):
        # Whoever changes the row looks after the job; another reconciler at the same time does not.
        if Job.objects.filter(pk=job.pk, heard_at=job.heard_at).update(heard_at=now):
            yield job


def _waiting(now: datetime) -> list[Job]:
    """Return them; while the circuit is open, those that are on hold wait for it, but for one."""
    jobs = stranded(now=now).order_by("heard_at", "requested_at")
    if circuit.current().opened_at is None:
        return list(jobs[:_BATCH])
    on_hold = Job.objects.on_hold()
    probe = on_hold.order_by("requested_at")[: int(circuit.is_due(now=now))]
    return [*probe, *jobs.exclude(pk__in=on_hold)[:_BATCH]]


def hurry(*, jobs: Iterable[Job], now: datetime) -> int:
    """Have the jobs under way looked after at once, and return how many they are."""
    ids = [job.pk for job in jobs]
    Attempt.objects.taken().filter(job__in=ids).update(look_at=now)
    return Job.objects.under_way().filter(pk__in=ids).release(now=now)


def cancel_unwanted(*, now: datetime) -> None:
    """Cancel what RunPod is still at for jobs that have ended, as many as it takes in a run."""
    taken = Attempt.objects.taken().filter(job__status__in=FINAL, look_at__lte=now)
    for attempt in taken.order_by("look_at")[:_CANCELS]:
        if not _claim(attempt, now) or not attempt.runpod_job_id:
            continue
        error = cancellation.cancel(attempt.runpod_job_id)
        if error and (error.transient or error.closes):
            return
        attempt.lose()  # or RunPod has nothing to cancel any more
