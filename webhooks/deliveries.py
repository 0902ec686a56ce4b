"""The record of what came: written last, replayed by hand, forgotten after a while."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone

from jobs import lifecycle, runpod
from jobs.runpod import Report, RunPodError

from .models import Delivery

logger = logging.getLogger(__name__)

MOVED = "The job moved."
UNCHANGED = "Nothing changed."
_STRANGERS = 10_000  # calls with a wrong token that are kept: anybody can make those
_BATCH = 1000


def record(**fields: Any) -> None:
    """Write down a call that has been dealt with. A failure is logged: it must not undo that."""
    try:
        with transaction.atomic():
            Delivery.objects.create(**fields)
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
        return "Nobody's: its token was wrong."
    try:
        report = _report(delivery)
        moved = lifecycle.apply_report(attempt=delivery.attempt, report=report)
    except ValueError as error:
        return f"Malformed: {error}"
    except RunPodError as error:
        return f"RunPod cannot tell the result: {error}"
    except lifecycle.WrongAttemptError:
        return "Refused: the attempt is another RunPod job, or has ended otherwise."
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
