"""The event log: append to a stream, read a stream on from a number."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.db import connection, models, transaction

from . import relay
from .models import Event, Stream

# One read hands out at most so many, so that a long stream does not have to fit in memory.
PAGE = 200


def append(stream: str, *, type: str, data: Mapping[str, Any], final: bool = False) -> int:
    """Append an event to the stream inside the caller's transaction, and return its number.

    Several streams must be appended to in one fixed order. The event is announced to the open
    streams when the transaction commits. Raises TransactionManagementError outside of one.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("An event belongs to what made it true.")
    event = Event.objects.create(
        stream_id=stream,
        seq=_next_seq(stream),
        type=type,
        data=json.dumps(data, ensure_ascii=False, separators=(",", ":")),
        final=final,
    )
    transaction.on_commit(lambda: relay.announce(event))
    return event.seq


def _next_seq(stream: str) -> int:
    """Take the next number under the stream's row lock, which lasts until the commit.

    A global auto-increment id would not do: "id > last seen" skips rows of slower writers.
    """
    row = Stream.objects.filter(name=stream)
    if not row.update(last_seq=models.F("last_seq") + 1):
        Stream.objects.bulk_create([Stream(name=stream)], ignore_conflicts=True)
        row.update(last_seq=models.F("last_seq") + 1)
    return row.values_list("last_seq", flat=True).get()


def after(stream: str, seq: int) -> list[Event]:
    """Return the stream's events beyond the number, in order, at most PAGE of them."""
    return list(Event.objects.filter(stream_id=stream, seq__gt=seq).order_by("seq")[:PAGE])


def has_ended(stream: str, seq: int) -> bool:
    """Tell whether the event of that number is the stream's last for good."""
    return Event.objects.filter(stream_id=stream, seq=seq, final=True).exists()


def last_seq(stream: str) -> int:
    """Return the number of the stream's newest event, 0 when it has none yet."""
    return Stream.objects.filter(name=stream).values_list("last_seq", flat=True).first() or 0
