"""How long to wait before something is tried again: as the other side asks, or by our judgement."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from django.utils import timezone

# Seconds that others may ask us to wait. Beyond the broker's visibility time-out a waiting task
# would be delivered again.
LONGEST_ASKED = 300


def asked(header: str | None) -> float | None:
    """Return the seconds that a Retry-After says, as a number or a date; None for anything else."""
    text = (header or "").strip()
    if text.isdecimal() and len(text) < 9:
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (_in_utc(date) - timezone.now()).total_seconds())


def _in_utc(date: datetime) -> datetime:
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def until_next(tries: int, *, asked: float | None, longest: float) -> float:
    """Return the seconds until the next try: as asked, or twice as long each time, with a jitter.

    `longest` is by our own judgement.
    """
    if asked:
        return min(asked, LONGEST_ASKED)
    return min(2.0 ** (tries + 1), longest) * random.uniform(0.5, 1.0)  # noqa: S311
