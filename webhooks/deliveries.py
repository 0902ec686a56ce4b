"""The record of what came: written last, replayed by hand, forgotten after a while."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from jobs import lifecycle, runpod
from jobs.runpod import Report, RunPodError

from . import traces
from .models import Delivery

logger = logging.getLogger(__name__)

MOVED = "The job moved."
UNCHANGED = "Nothing changed."
NOBODY_S = "Nobody's: its token is wrong, or spent."
ANOTHER_S = "Refused: it is of another RunPod job, or after the last word."
_LARGEST = 2**62
_STRANGERS = 10_000  # calls with a wrong token that are kept: anybody can make those
_BATCH = 1000


def record(delivery: Delivery, *, token: str, took: float) -> None:
    """Write down a call that took so many seconds, without what is secret or a person's.

    A failure is logged: it must not undo what has been done.
    """
    length = delivery.headers.get("Content-Length", "")
    delivery.size = min(int(length), _LARGEST) if length.isdecimal() else 0
    delivery.headers = traces.headers_of(delivery.headers, token=token)
    delivery.report = traces.report_of(delivery.report, token=token)
    delivery.took_ms = round(took * 1000)
    delivery.outcome = delivery.outcome[:300]
    try:
        delivery.save(force_insert=True)
    except DatabaseError as error:
        logger.warning("A call of a webhook was not written down: %s", error)


def replay(*, delivery: Delivery) -> str:
    """Take the call in once more, and return what became of it this time.

    What was not kept of it, the result, RunPod is asked for.
    """
    outcome = _replayed(delivery)
    delivery.replayed_at, delivery.replay_outcome = timezone.now(), outcome[:300]
    delivery.save(update_fields=["replayed_at", "replay_outcome"])
    return outcome


def _replayed(delivery: Delivery) -> str:
    if delivery.attempt is None:
        return NOBODY_S
    try:
        report = _report(delivery)
        moved = lifecycle.apply_report(attempt=delivery.attempt, report=report)
    except ValueError as error:
        return f"Malformed: {error}"
    except RunPodError as error:
        return f"RunPod cannot tell the result: {error}"
    except lifecycle.WrongAttemptError:
        return ANOTHER_S
    return MOVED if moved else UNCHANGED


def _report(delivery: Delivery) -> Report:
    report = Report.parse(delivery.report)
    return runpod.status(report.id) if report.status == "COMPLETED" else report


def prune(*, now: datetime) -> None:
    """Delete what is older than RUNPOD_KEEP_DAYS, and of strangers' calls all but the newest."""
    since = now - timedelta(days=settings.RUNPOD_KEEP_DAYS)
    _delete(Delivery.objects.filter(received_at__lt=since))
    strangers = Delivery.objects.filter(attempt=None).order_by("-received_at", "-id")
    oldest_kept = strangers[_STRANGERS - 1 : _STRANGERS].first()
    if oldest_kept:
        _delete(strangers.filter(received_at__lt=oldest_kept.received_at))


def _delete(rows: Any) -> None:
    """Delete them in parts, so that no transaction is long."""
    while ids := list(rows.values_list("pk", flat=True)[:_BATCH]):
        Delivery.objects.filter(pk__in=ids).delete()
