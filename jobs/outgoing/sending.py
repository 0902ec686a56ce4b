"""How it is sent: one delivery of a webhook at a time, again and again, for a day."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from .. import fetching, waits
from ..fetching import FetchError
from ..models import Delivery, DeliveryStatus, Webhook
from ..snapshots import iso
from . import signing
from .rules import rules

logger = logging.getLogger(__name__)

# Seconds between the tries of one delivery, a tenth more or less: a day in all.
GAPS = [5, 60, 300, 1800, 2 * 3600, 5 * 3600, 8 * 3600, 8 * 3600]
_LONGEST_GAP = 24 * 3600
_LEASE = timedelta(seconds=30)  # longer than one call may take
_SHARE = 10.0  # seconds after which the next webhook has its turn
_BATCH = 100  # deliveries
_LONGEST_LOG = 50  # tries, of which those by hand have no limit
KEPT = timedelta(days=30)  # for which the log is kept
# Receivers that do not answer must not take all threads of a worker from the restores.
_slots = threading.BoundedSemaphore(2)


def due(*, now: datetime, most: int) -> list[UUID]:
    """Return the webhooks that have something to be sent and that no worker is at."""
    rows = _due(now).filter(Q(webhook__leased_until=None) | Q(webhook__leased_until__lte=now))
    return list(rows.order_by().values_list("webhook", flat=True).distinct()[:most])


def send(webhook_id: UUID) -> bool:
    """Send what the webhook has to be sent; True if there is more of it.

    Nothing is sent where another worker is at it, or this one is at as many as it may be.
    """
    with _slot() as has_slot:
        if not has_slot or not _lease(webhook_id):
            return False
        try:
            _send_for_a_while(webhook_id)
        finally:
            Webhook.objects.filter(pk=webhook_id).update(leased_until=None)
    return _due(timezone.now()).filter(webhook=webhook_id).exists()


@contextmanager
def _slot() -> Iterator[bool]:
    acquired = _slots.acquire(blocking=False)
    try:
        yield acquired
    finally:
        if acquired:
            _slots.release()


def _lease(webhook_id: UUID) -> bool:
    """Take the webhook; a worker that died loses it after half a minute."""
    now = timezone.now()
    rows = Webhook.objects.filter(pk=webhook_id, disabled_at=None)
    free = rows.filter(Q(leased_until=None) | Q(leased_until__lte=now))
    return bool(free.update(leased_until=now + _LEASE))


def _due(now: datetime) -> QuerySet[Delivery]:
    return Delivery.objects.filter(
        status=DeliveryStatus.PENDING, next_try_at__lte=now, webhook__disabled_at=None
    )


def _send_for_a_while(webhook_id: UUID) -> None:
    until = time.monotonic() + _SHARE
    rows = _due(timezone.now()).filter(webhook=webhook_id).select_related("webhook")
    for delivery in rows.order_by("created_at", "pk")[:_BATCH]:
        Webhook.objects.filter(pk=webhook_id).update(leased_until=timezone.now() + _LEASE)
        if not _try(delivery) or time.monotonic() > until:
            return


def _try(delivery: Delivery) -> bool:
    """Call the address and note what came of it; False where it takes nothing any more."""
    now, start = timezone.now(), time.monotonic()
    outcome = _call(delivery, now)
    took = round((time.monotonic() - start) * 1000)
    if outcome.status == HTTPStatus.GONE:
        _switch_off(delivery.webhook_id, now)
    _note(delivery, outcome, now, took)
    return outcome.status != HTTPStatus.GONE


@dataclass(frozen=True)
class _Outcome:
    """What came of a call: the status answered, or why there is none."""

    status: int | None = None
    error: str | None = None
    retry_after: float | None = None

    @property
    def is_good(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def _call(delivery: Delivery, now: datetime) -> _Outcome:
    headers, content = signing.headers(delivery, now=now), delivery.body.encode()
    url = delivery.webhook.url
    try:
        # A redirect is not followed: it is an answer like any other that is not 2xx.
        answer = fetching.send(
            "POST", url, rules=rules(), headers=headers, content=content, cut=True
        )
    except FetchError as error:
        return _Outcome(error=error.message)
    return _Outcome(answer.status, retry_after=waits.asked(answer.headers.get("retry-after")))


def _switch_off(webhook_id: UUID, now: datetime) -> None:
    """Send nothing more to an address that is gone for good, as it says."""
    rows = Webhook.objects.filter(pk=webhook_id, disabled_at=None)
    rows.update(disabled_at=now, disabled_reason="gone")
    pending = Delivery.objects.filter(webhook=webhook_id, status=DeliveryStatus.PENDING)
    pending.update(status=DeliveryStatus.FAILED, next_try_at=None)


def _note(delivery: Delivery, outcome: _Outcome, now: datetime, took: int) -> None:
    entry = {
        "at": iso(now),
        "status": outcome.status,
        "error": outcome.error,
        "ms": took,
    }
    Delivery.objects.filter(pk=delivery.pk).update(
        tries=delivery.tries + 1,
        log=[*delivery.log, entry][-_LONGEST_LOG:],
        **_state(delivery, outcome),
    )


def _state(delivery: Delivery, outcome: _Outcome) -> dict[str, Any]:
    """Return whether it is delivered, given up, or to be tried when."""
    if outcome.is_good:
        return {"status": DeliveryStatus.DELIVERED, "next_try_at": None}
    if outcome.status == HTTPStatus.GONE or delivery.tries >= len(GAPS):
        logger.info("Delivery %s was given up after %s tries", delivery.pk, delivery.tries + 1)
        return {"status": DeliveryStatus.FAILED, "next_try_at": None}
    gap = GAPS[delivery.tries] * random.uniform(0.9, 1.1)  # noqa: S311
    wait = timedelta(seconds=min(max(gap, outcome.retry_after or 0), _LONGEST_GAP))
    return {"status": DeliveryStatus.PENDING, "next_try_at": timezone.now() + wait}


def forget(*, now: datetime) -> int:
    """Delete what was made too long ago to be of use, and return how many."""
    old = Delivery.objects.filter(created_at__lt=now - KEPT)
    return old.exclude(status=DeliveryStatus.PENDING).delete()[0]
