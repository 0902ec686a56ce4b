"""From a job to RunPod: submitted, looked after while RunPod is silent, submitted again when lost.

An attempt is believed while RunPod may be at it: it has an id and is not known to be lost, or it
is so young that its webhook may still tell the id. A job with a believed attempt is not submitted.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from . import callbacks, endpoints, lifecycle, runpod
from .models import Attempt, Job, Status
from .runpod import Report, RunPodError

logger = logging.getLogger(__name__)

_MARGIN = timedelta(seconds=60)  # beyond RUNPOD_TTL, for a last report to arrive


def submit(*, job_id: str) -> None:
    """Submit the job to RunPod, unless it is finished or RunPod may be at it already.

    Raises RunPodError where RunPod did not take it; where it never will, the job has failed then.
    """
    opened = _open_attempt(job_id)
    if opened is None:
        return
    attempt, token = opened
    try:
        webhook = callbacks.completion_url(token)
        report = runpod.run(input=_input(attempt.job, token), webhook=webhook)
    except RunPodError as error:
        _refused(attempt, error)
        raise
    lifecycle.apply_report(attempt=attempt, report=report)
    if not Attempt.objects.filter(pk=attempt.pk).exists():
        _give_up(report)


def _open_attempt(job_id: str) -> tuple[Attempt, str] | None:
    """Open an attempt under the job's lock, so that a task delivered twice submits once."""
    now = timezone.now()
    with transaction.atomic():
        job = lifecycle.lock(job_id)
        if job is None or job.is_final or job.attempts.believed(now=now).exists():
            return None
        if job.attempts.count() < settings.RUNPOD_ATTEMPTS:
            return callbacks.open_attempt(job)
    message = "RunPod lost this job again and again."
    lifecycle.fail(job=job, code="lost", message=message, retryable=True)
    return None


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
        lifecycle.fail(job=attempt.job, code=error.code, message=error.message, retryable=False)


def _give_up(report: Report) -> None:
    """Cancel what RunPod took while the photo was being deleted, which nobody else knows of."""
    try:
        runpod.cancel(report.id)
    except RunPodError as error:
        logger.warning("RunPod's job %s was not cancelled: %s", report.id, error)


def reconcile(*, job: Job) -> bool:
    """Look after a job that has been silent; True if it wants to be submitted (again).

    Its webhook may never have come, its task may be lost, RunPod may have forgotten it. Raises
    RunPodError where RunPod does not answer.
    """
    now = timezone.now()
    # Whoever changes the row looks after the job; another reconciler at the same time does not.
    if not Job.objects.filter(pk=job.pk, heard_at=job.heard_at).update(heard_at=now):
        return False
    if _is_overdue(job, now):
        message = "The restoration took too long and was given up."
        lifecycle.stop(job.pk, Status.TIMED_OUT, code="timed_out", message=message, retryable=True)
        return False
    attempt = job.attempts.taken().last()
    return attempt is None or _is_lost(attempt, now)


def _is_overdue(job: Job, now: datetime) -> bool:
    """Whether RunPod's own deadline has passed, or nobody took the job in RUNPOD_PATIENCE."""
    newest = job.attempts.last()
    if newest is not None:
        return now - newest.created_at > timedelta(seconds=settings.RUNPOD_TTL) + _MARGIN
    patience = timedelta(seconds=settings.RUNPOD_PATIENCE)
    return job.requested_at is not None and now - job.requested_at > patience


def _is_lost(attempt: Attempt, now: datetime) -> bool:
    """Ask RunPod how the attempt stands; True, and noted, if it does not know it any more."""
    assert attempt.runpod_job_id
    try:
        report = runpod.status(attempt.runpod_job_id)
    except RunPodError as error:
        if not error.unknown_job:
            raise
        Attempt.objects.filter(pk=attempt.pk).update(lost_at=now)
        return True
    lifecycle.apply_report(attempt=attempt, report=report)
    return False
