"""Pictures that our own worker leaves here, before its webhook says that they are the results."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import IO

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db.models import Q

from .models import FINAL, Attempt

_FOLDER = "uploads"
_KEPT = timedelta(hours=1)  # beyond an attempt's end: its picture may be on its way into a Restore


def name(attempt_id: int) -> str:
    """Return under which name the attempt's picture is stored: nothing that comes chooses it."""
    return f"{_FOLDER}/{attempt_id}"


def keep(attempt: Attempt, file: IO[bytes]) -> None:
    """Store the picture, in place of one that the worker left before."""
    discard(attempt.pk)
    stored = default_storage.save(name(attempt.pk), File(file))
    if stored != name(attempt.pk):  # another upload for the same was quicker in between
        default_storage.delete(stored)


def take(attempt_id: int) -> bytes | None:
    """Return the picture; None if there is none."""
    try:
        with default_storage.open(name(attempt_id)) as file:
            data: bytes = file.read()
    except FileNotFoundError:
        return None
    return data


def discard(attempt_id: int) -> None:
    """Delete the picture, if there is one."""
    default_storage.delete(name(attempt_id))


def forget(*, now: datetime) -> None:
    """Delete what nobody will ask for: its attempt came to another end, or is deleted."""
    stored = set(_stored())
    since = now - _KEPT
    recent = Q(created_at__gt=since) | Q(ended_at__gt=since) | Q(fetch__isnull=False)
    awaited = ~Q(job__status__in=FINAL) & Q(lost_at=None)
    wanted = Attempt.objects.filter(recent | awaited, pk__in=stored)
    for attempt_id in stored.difference(wanted.values_list("pk", flat=True)):
        discard(attempt_id)


def _stored() -> Iterator[int]:
    try:
        _, names = default_storage.listdir(_FOLDER)
    except FileNotFoundError:
        return
    yield from (int(name) for name in names if name.isdecimal())
