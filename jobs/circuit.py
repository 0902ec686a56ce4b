"""The circuit breaker: nothing is submitted while RunPod would refuse every job.

Open, it lets a single job through now and then, to see whether it goes again. Its one row is
where all processes see it.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.utils import timezone

from .models import Circuit
from .runpod import RunPodError

logger = logging.getLogger(__name__)

_ROW = 1
_SHORTEST_GAP = timedelta(minutes=1)  # until a job is let through
_LONGEST_GAP = timedelta(minutes=15)
_PATIENCE = timedelta(seconds=60)  # for what becomes of the job that was let through


def current() -> Circuit:
    """Return how it stands; a row that nobody has written yet says that RunPod takes jobs."""
    return Circuit.objects.filter(pk=_ROW).first() or Circuit(pk=_ROW)


def admits(*, now: datetime) -> bool:
    """Tell whether a job may be submitted. Where it is open, that is yes once per gap."""
    circuit = current()
    if circuit.opened_at is None:
        return True
    due = Circuit.objects.filter(pk=_ROW, probe_at=circuit.probe_at, probe_at__lte=now)
    return bool(due.update(probe_at=now + _PATIENCE))


def is_due(*, now: datetime) -> bool:
    """Tell whether it is open, and time to let a job through."""
    return Circuit.objects.filter(pk=_ROW, opened_at__isnull=False, probe_at__lte=now).exists()


def open(error: RunPodError) -> None:
    """Stop submitting for the error's reason; the longer it lasts, the rarer are the next tries."""
    now, before = timezone.now(), current()
    since = before.opened_at or now
    fields = {
        "code": error.code,
        "reason": error.operator,
        "opened_at": since,
        "probe_at": now + _gap(error, now - since),
    }
    Circuit.objects.update_or_create(pk=_ROW, defaults=fields)
    if before.opened_at is None:
        logger.error("Nothing is submitted any more: %s", error.operator)


def _gap(error: RunPodError, lasted: timedelta) -> timedelta:
    if error.retry_after:
        return timedelta(seconds=error.retry_after)
    return min(max(lasted, _SHORTEST_GAP), _LONGEST_GAP)


def close() -> bool:
    """Submit again, since RunPod has taken a job; False if nothing had stopped that."""
    rows = Circuit.objects.filter(pk=_ROW, opened_at__isnull=False)
    closed = rows.update(code="", reason="", opened_at=None, probe_at=None)
    if closed:
        logger.warning("RunPod takes jobs again.")
    return bool(closed)


def probe_now() -> bool:
    """Let the next job through at once; False if nothing holds it back."""
    rows = Circuit.objects.filter(pk=_ROW, opened_at__isnull=False)
    return bool(rows.update(probe_at=timezone.now()))
