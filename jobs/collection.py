"""Fetching the results that RunPod told the address of, again and again for about ten minutes."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_noop

from . import endpoints, fetching, lifecycle, uploads, waits
from .endpoints import failures, links
from .fetching import FetchError
from .models import Fetch

logger = logging.getLogger(__name__)

TRIES = 10
_LONGEST_GAP = 120  # seconds between two tries by our own judgement
_MARGIN = 30  # seconds that whoever has fetched a picture may take to decode and keep it
_LOST = gettext_noop("The restored picture could not be fetched from where the worker left it.")
_CODES = {"too_large": "result_too_large"}
_CODES |= dict.fromkeys(("unreachable", "too_slow"), "result_unreachable")


def collect(*, attempt_id: int) -> float | None:
    """Fetch the attempt's picture and finish its job with it.

    Returns the seconds after which to try again; None where there is nothing more to do.
    """
    now = timezone.now()
    fetch = Fetch.objects.select_related("attempt__job").filter(pk=attempt_id).first()
    if fetch is None or not _claim(fetch, now):
        return None
    if fetch.attempt.job.is_final:
        fetch.delete()
        return None
    if fetch.tries >= TRIES:
        return _failed(fetch, FetchError("unreachable", "Whoever fetched it has died each time."))
    try:
        image = _image(fetch)
    except FetchError as error:
        return _failed(fetch, error)
    _keep(fetch, image)
    return None


def _image(fetch: Fetch) -> bytes:
    """Return the picture's bytes. Raises FetchError."""
    if fetch.url:
        return fetching.get(fetch.url, rules=links.rules())
    image = uploads.take(fetch.pk)
    if image is None:
        raise FetchError("no_output", "The worker has left no picture here.")
    return image


def _claim(fetch: Fetch, now: datetime) -> bool:
    """Count a try and say until when it lasts; False if it is too early, or another is at it."""
    until = now + timedelta(seconds=settings.RUNPOD_RESULT_TIMEOUT + _MARGIN)
    row = Fetch.objects.filter(pk=fetch.pk, due_at=fetch.due_at, due_at__lte=now)
    return bool(row.update(due_at=until, tries=F("tries") + 1))


def _keep(fetch: Fetch, image: bytes) -> None:
    result = endpoints.Result(image=image, **fetch.facts)
    lifecycle.keep(attempt=fetch.attempt, result=result, report=None, now=timezone.now())
    # Last: who dies before is followed by another, who finds the job finished.
    uploads.discard(fetch.pk)
    fetch.delete()


def _failed(fetch: Fetch, error: FetchError) -> float | None:
    """Put the next try off, or give the result up."""
    if error.transient and fetch.tries + 1 < TRIES:
        wait = waits.until_next(fetch.tries, asked=error.retry_after, longest=_LONGEST_GAP)
        due = timezone.now() + timedelta(seconds=wait)
        Fetch.objects.filter(pk=fetch.pk).update(due_at=due)
        return wait
    logger.warning("The result of attempt %s is given up: %s", fetch.pk, error)
    failure = failures.Failure(_CODES.get(error.code, error.code), _LOST, retryable=True)
    lifecycle.give_up(attempt=fetch.attempt, failure=failure)
    fetch.delete()
    return None
