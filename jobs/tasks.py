"""Celery's shells: what to do apart from a request, when, and when again."""

from __future__ import annotations

import logging
import random
from datetime import timedelta
from typing import Any

from celery import shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from . import lifecycle, runpod, submission, thumbnails
from .models import Job
from .runpod import RunPodError

logger = logging.getLogger(__name__)

_LONGEST_BACKOFF = 60  # seconds between two submits of one job, by our own judgement
# By RunPod's. Beyond the broker's visibility time-out a waiting task would be delivered again.
_LONGEST_WAIT = 300
_STALE = 60  # seconds after which progress that was held back is not worth a task any more
_BATCH = 200  # jobs or pictures that one run of a periodic task looks after


@shared_task(bind=True, max_retries=5)
def submit_job(self: Any, *, job_id: str) -> None:
    """Submit the job; where RunPod did not take it, again with growing, jittered gaps.

    After the last try the reconciler goes on.
    """
    try:
        submission.submit(job_id=job_id)
    except RunPodError as error:
        logger.warning("Job %s was not submitted: %s", job_id, error)
        if error.transient and not error.ambiguous and self.request.retries < self.max_retries:
            raise self.retry(countdown=_wait(self.request.retries, error), exc=error) from error


def _wait(retries: int, error: RunPodError) -> float:
    if error.retry_after:
        return min(error.retry_after, _LONGEST_WAIT)
    return min(2.0 ** (retries + 1), _LONGEST_BACKOFF) * random.uniform(0.5, 1.0)  # noqa: S311


@shared_task(bind=True, max_retries=5)
def cancel_runs(self: Any, *, runpod_job_ids: list[str]) -> None:
    """Ask RunPod to give up what it is at for jobs that are deleted; where it fails, again.

    By RunPod's ids: ours are gone.
    """
    failed = {id: error for id in runpod_job_ids if (error := _failure_to_cancel(id))}
    for id, error in failed.items():
        logger.warning("RunPod's job %s was not cancelled: %s", id, error)
    again = {id: error for id, error in failed.items() if error.transient}
    if again and self.request.retries < self.max_retries:
        wait = max(_wait(self.request.retries, error) for error in again.values())
        raise self.retry(kwargs={"runpod_job_ids": list(again)}, countdown=wait)


def _failure_to_cancel(runpod_job_id: str) -> RunPodError | None:
    try:
        runpod.cancel(runpod_job_id)
    except RunPodError as error:
        return None if error.unknown_job else error
    return None


@shared_task
def tell_progress(*, job_id: str) -> None:
    """Tell the job's progress that was held back, as soon as it may be."""
    wait = lifecycle.tell_progress(job_id=job_id)
    if wait:
        tell_progress_after(wait, job_id=job_id)


def tell_progress_after(wait: timedelta, *, job_id: str) -> None:
    """Have the progress told after the time; where the broker is down, the next one is told."""
    try:
        tell_progress.apply_async(
            kwargs={"job_id": job_id}, countdown=wait.total_seconds(), expires=_STALE
        )
    except OperationalError as error:
        logger.warning("The progress of job %s is told with the next: %s", job_id, error)


@shared_task
def make_thumbnails(*, kind: str, id: str) -> None:
    """Make the thumbnails of a photo or a result."""
    thumbnails.make(kind=kind, id=id)


@shared_task
def make_missing_thumbnails() -> None:
    """Have made what was lost with its task, or is older than thumbnails are."""
    for kind, id in thumbnails.missing(now=timezone.now(), most=_BATCH):
        make_thumbnails.delay(kind=kind, id=str(id))


@shared_task
def reconcile_jobs() -> None:
    """Look after every job that has been silent, and submit again what was lost.

    One job that cannot be helped must not keep the others from it; a RunPod that does not answer
    is not asked about each of them.
    """
    for job in Job.objects.silent(now=timezone.now()).order_by("heard_at")[:_BATCH]:
        try:
            if submission.reconcile(job=job):
                submit_job.delay(job_id=str(job.pk))
        except RunPodError as error:
            logger.warning("Job %s was not looked after: %s", job.pk, error)
            break
        except Exception:
            logger.exception("Job %s could not be looked after", job.pk)
