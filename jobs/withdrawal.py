"""What people may take back: a job that is not finished."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from . import lifecycle, tasks
from .models import Attempt, Job, Status


class TooLateError(Exception):
    """The job has ended, and not by a cancellation."""


def cancel(*, job: Job) -> None:
    """End the job as cancelled, and have RunPod give up what it is at; once more does no harm.

    It ends at once, whatever RunPod does: a result that comes after all is kept out. Raises
    TooLateError; Job.DoesNotExist once it is deleted.
    """
    with transaction.atomic():
        if not _end(job):
            job.refresh_from_db()
            if job.status != Status.CANCELLED:
                raise TooLateError
            return
        # robust: with the broker down, the reconciler has RunPod cancel it.
        transaction.on_commit(lambda: _cancel_runs(job), robust=True)


def _end(job: Job) -> bool:
    message = gettext_noop("The restoration was cancelled.")
    return lifecycle.stop(
        job.pk, Status.CANCELLED, code="cancelled", message=message, retryable=True
    )


def _cancel_runs(job: Job) -> None:
    runs = Attempt.objects.taken().filter(job=job).values_list("runpod_job_id", flat=True)
    if ids := [run for run in runs if run]:
        tasks.cancel_runs.delay(runpod_job_ids=ids)


def cancel_all(*, jobs: Iterable[Job]) -> int:
    """End those that are not finished as cancelled, and return how many that were.

    RunPod is told by the reconciler, no faster than it takes it.
    """
    ended = [job.pk for job in jobs if _end(job)]
    Attempt.objects.taken().filter(job__in=ended).update(look_at=timezone.now())
    return len(ended)
