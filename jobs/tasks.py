"""Celery's shells: what to do apart from a request, when, and when again."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from celery import shared_task
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone
from kombu.exceptions import OperationalError

from . import (
    cancellation,
    collection,
    fetches,
    idempotency,
    leftovers,
    lifecycle,
    mails,
    places,
    reconciliation,
    submission,
    thumbnails,
    uploads,
    waits,
)
from .models import Allowance, Attempt
from .outgoing import sending
from .runpod import RunPodError

logger = logging.getLogger(__name__)

_LONGEST_BACKOFF = 60  # seconds between two submits of one job, by our own judgement
_STALE = 60  # seconds after which progress that was held back is not worth a task any more
_CANCELS = 50  # of one task in _CANCELS_GAP seconds; RunPod takes 100 in ten seconds
_CANCELS_GAP = 10
_BATCH = 200  # pictures that one run of a periodic task looks after


@shared_task(bind=True, max_retries=5)
def submit_job(self: Any, *, job_id: str) -> None:
    """Submit the job; where RunPod did not take it, again with growing, jittered gaps.

    After the last try the reconciler goes on.
    """
    try:
        submission.submit(job_id=job_id)
    except RunPodError as error:
        logger.warning("Job %s was not submitted: %s", job_id, error)
        # One that RunPod may have taken waits for its webhook.
        if error.transient and not error.ambiguous and self.request.retries < self.max_retries:
            raise self.retry(countdown=_wait(self.request.retries, error), exc=error) from error


def _wait(retries: int, error: RunPodError) -> float:
    return waits.until_next(retries, asked=error.retry_after, longest=_LONGEST_BACKOFF)


@shared_task(bind=True, max_retries=5)
def cancel_runs(self: Any, *, runpod_job_ids: list[str]) -> None:
    """Ask RunPod to give up what nobody wants any more; where it fails, again.

    By RunPod's ids: ours may be gone. No faster than RunPod takes it, however many they are.
    """
    now, later = runpod_job_ids[:_CANCELS], runpod_job_ids[_CANCELS:]
    if later:
        cancel_runs.apply_async(kwargs={"runpod_job_ids": later}, countdown=_CANCELS_GAP)
    failed = {id: error for id in now if (error := cancellation.cancel(id))}
    again = {id: error for id, error in failed.items() if error.transient}
    if again and self.request.retries < self.max_retries:
        wait = max(_wait(self.request.retries, error) for error in again.values())
        raise self.retry(kwargs={"runpod_job_ids": list(again)}, countdown=wait)


@shared_task(bind=True, max_retries=3)
def confirm_attempt(self: Any, *, attempt_id: int) -> None:
    """Check with RunPod the id that a webhook was the first to tell."""
    attempt = Attempt.objects.filter(pk=attempt_id).first()
    try:
        if attempt is not None:
            reconciliation.confirm(attempt)
    except RunPodError as error:
        raise self.retry(countdown=_wait(self.request.retries, error), exc=error) from error


def confirm_soon(attempt: Attempt) -> None:
    """Have it checked; where the broker is down, it is not."""
    with suppress(OperationalError):
        confirm_attempt.delay(attempt_id=attempt.pk)


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
def fetch_result(*, attempt_id: int) -> None:
    """Fetch the attempt's picture; where it does not come, again with growing, jittered gaps."""
    wait = collection.collect(attempt_id=attempt_id)
    if wait:
        # Without a broker the reconciler finds it.
        with suppress(OperationalError):
            fetch_result.apply_async(kwargs={"attempt_id": attempt_id}, countdown=wait)


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
def send_webhook(*, webhook_id: str) -> None:
    """Send what the webhook has to be sent; what is left after a while is another task's."""
    if sending.send(UUID(webhook_id)):
        send_webhook.delay(webhook_id=webhook_id)


@shared_task
def send_due_webhooks() -> None:
    """Send all that is due: again, or because the task for it was lost."""
    for webhook_id in sending.due(now=timezone.now(), most=_BATCH):
        send_webhook.delay(webhook_id=str(webhook_id))


@shared_task
def forget_keys() -> None:
    """Delete Idempotency-Keys that have expired, and the log of old deliveries."""
    idempotency.forget(now=timezone.now())
    sending.forget(now=timezone.now())


@shared_task
def forget_leftovers() -> None:
    """Delete files of photos and results whose rows are gone."""
    leftovers.forget(now=timezone.now())


@shared_task
def forget_uploads() -> None:
    """Delete the pictures that workers left and nobody will ask for."""
    uploads.forget(now=timezone.now())


@shared_task
def tell_places() -> None:
    """Tell those who wait how many are before them."""
    places.tell()


@shared_task
def reconcile_jobs() -> None:
    """Look after all that is due: ask RunPod, give up, cancel, submit again."""
    now = timezone.now()
    reconciliation.forget_expired(now=now)
    reconciliation.give_up_overdue(now=now)
    _look_after_attempts(now)
    reconciliation.cancel_unwanted(now=now)
    for job in reconciliation.to_submit(now=now):
        submit_job.delay(job_id=str(job.pk))
    for attempt_id in fetches.overdue(now=now, most=_BATCH):
        fetch_result.apply_async(kwargs={"attempt_id": attempt_id}, expires=_STALE)


def _look_after_attempts(now: datetime) -> None:
    """Look after each; one that cannot be helped must not keep the others from it.

    A RunPod that does not answer is not asked about each of them.
    """
    for attempt in reconciliation.due(now=now):
        try:
            if reconciliation.look_after(attempt):
                submit_job.delay(job_id=str(attempt.job_id))
        except RunPodError as error:
            logger.warning("Job %s was not looked after: %s", attempt.job_id, error)
            break
        except Exception:
            logger.exception("Job %s could not be looked after", attempt.job_id)


# An SMTP server that refuses or is away is an OSError, and tried again for about an hour.
_send = shared_task(autoretry_for=(OSError,), retry_backoff=30, max_retries=6)


@_send
def send_reset(*, email: str, language: str) -> None:
    """Send the letter that a new password begins with."""
    mails.send_reset(email=email, language=language)


@_send
def send_confirmation(*, user_id: int, email: str, language: str) -> None:
    """Send the letter that confirms a new address."""
    mails.send_confirmation(user_id=user_id, email=email, language=language)


@_send
def send_farewell(*, email: str, username: str, language: str) -> None:
    """Send the letter to an address that is no longer used."""
    mails.send_farewell(email=email, username=username, language=language)


@shared_task
def forget_expired() -> None:
    """Delete sessions that are over, and tries that count no more."""
    SessionStore.clear_expired()
    Allowance.objects.filter(spent_until__lt=timezone.now()).delete()
