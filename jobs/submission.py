"""From a job to RunPod: submitted unless RunPod may be at it, or takes no jobs at all.

An attempt is believed while RunPod may be at it: it has an id and is not known to be lost, or it
is so young that its webhook may still tell the id. A job with a believed attempt is not submitted.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_noop

from . import callbacks, cancellation, circuit, endpoints, lifecycle, runpod, waits
from .models import FINAL, Attempt, Job
from .runpod import Report, RunPodError

logger = logging.getLogger(__name__)

_UNNOTICED = timedelta(seconds=60)  # that a job waits before its owner is told why


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
        report = runpod.run(input=_input(attempt), webhook=webhook)
    except RunPodError as error:
        _refused(attempt, error)
        raise
    _accepted(attempt, report)


def _open_attempt(job_id: str) -> tuple[Attempt, str] | None:
    """Open an attempt under the job's lock, so that a task delivered twice submits once."""
    now = timezone.now()
    with transaction.atomic():
        job = lifecycle.lock(job_id)
        if job is None or job.is_final or job.attempts.believed(now=now).exists():
            return None
        if job.attempts.count() >= settings.RUNPOD_ATTEMPTS:
            message = gettext_noop("The restoration was lost again and again.")
            lifecycle.fail(job=job, code="lost", message=message, retryable=True)
            return None
        if not circuit.admits(now=now):
            lifecycle.hold(job_id)
            return None
        return callbacks.open_attempt(job)


def _input(attempt: Attempt) -> dict[str, object]:
    addresses = endpoints.Addresses(
        photo=callbacks.photo_url(attempt.job.photo),
        progress=callbacks.progress_url(attempt),
        upload=callbacks.upload_url(attempt),
    )
    job = attempt.job
    return endpoints.current().build(job.options, addresses, job.photo)


def _refused(attempt: Attempt, error: RunPodError) -> None:
    """Forget an attempt that RunPod did not take; one it may have taken waits for its webhook."""
    if not error.ambiguous:
        attempt.delete()
    if error.closes:
        circuit.open(error)
    if not error.closes and not error.transient:
        job = attempt.job
        lifecycle.fail(job=job, code=error.code, message=error.message, retryable=False)
        return
    _postpone(attempt.job, error)


def _postpone(job: Job, error: RunPodError) -> None:
    """Leave the job to its task, or the circuit; where both fail, the reconciler takes it up."""
    now = timezone.now()
    wait = timedelta(seconds=min(error.retry_after or 0, waits.LONGEST_ASKED))
    Job.objects.filter(pk=job.pk).update(heard_at=now + wait)
    waits_long = job.requested_at is not None and now - job.requested_at > _UNNOTICED
    if error.closes or waits_long:
        lifecycle.hold(job.pk)


def _accepted(attempt: Attempt, report: Report) -> None:
    if circuit.close():
        Job.objects.on_hold().release(now=timezone.now())
    try:
        lifecycle.apply_report(attempt=attempt, report=report)
    except lifecycle.WrongAttemptError:
        _correct(attempt, report)
    if not _is_wanted(attempt):
        cancellation.cancel(report.id)


def _correct(attempt: Attempt, report: Report) -> None:
    """Believe RunPod's answer to our own call more than a webhook that was quicker with an id."""
    logger.error("RunPod's job %s was given another id by its webhook", report.id)
    if attempt.rename(report.id):
        lifecycle.apply_report(attempt=attempt, report=report)


def _is_wanted(attempt: Attempt) -> bool:
    """Tell whether nobody has cancelled the job, or deleted it, while RunPod took it."""
    row = Attempt.objects.filter(pk=attempt.pk)
    return row.filter(Q(ended_at__isnull=False) | ~Q(job__status__in=FINAL)).exists()
