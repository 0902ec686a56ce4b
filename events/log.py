"""The event log: append to streams, learn where they stand, read them on from a number."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.db.models import Case, F, Q, QuerySet, When

from . import messages
from .models import Event, Stream

# Numbers that one query reads on from: SQLite takes a thousand alternatives, and not one more.
_CURSORS = 500


@dataclass(frozen=True, slots=True)
class State:
    """Where a stream stands: its newest number, up to which some may be missing, its end."""

    last_seq: int
    pruned_seq: int
    ended: bool


def append(
    stream: str,
    *,
    type: str,
    data: Mapping[str, Any],
    final: bool = False,
    subject: str = "",
    transient: bool = False,
) -> int:
    """Append an event to the stream inside the caller's transaction, and return its number.

    As `append_all`, with which several streams are appended to.
    """
    event = Event(
        stream_id=stream,
        type=type,
        data=text(data),
        final=final,
        subject=subject,
        transient=transient,
    )
    append_all([event])
    return event.seq


def append_all(events: Sequence[Event]) -> None:
    """Number new events on their streams, and write them, inside the caller's transaction.

    They are announced to the open streams when it commits. A transaction that appends to several
    streams does so in one call: they are locked in the order of their names, so that no two wait
    for each other. Raises TransactionManagementError outside of a transaction.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("An event belongs to what made it true.")
    _number(events)
    Event.objects.bulk_create(events)
    transaction.on_commit(partial(messages.announce, events))


def text(data: Mapping[str, Any]) -> str:
    """Return an event's data as it is kept and sent: JSON without a line break."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def _number(events: Sequence[Event]) -> None:
    """Take the next numbers under their streams' row locks, which last until the commit.

    A global auto-increment id would not do: "id > last seen" skips rows of slower writers.
    """
    counts = Counter(event.stream_id for event in events)
    ended = {event.stream_id for event in events if event.final}
    seqs = _locked(counts)
    for by in set(counts.values()):
        row = Stream.objects.filter(name__in=[name for name in counts if counts[name] == by])
        ends = Case(When(name__in=ended, then=True), default=F("ended"))
        row.update(last_seq=F("last_seq") + by, **({"ended": ends} if ended else {}))
    for event in events:
        seqs[event.stream_id] += 1
        event.seq = seqs[event.stream_id]


def _locked(names: Collection[str]) -> dict[str, int]:
    """Lock the streams' rows, in the order of their names, and return their newest numbers.

    New ones come after those that exist: what they are about has to be locked by the caller.
    """
    rows = Stream.objects.filter(name__in=names).order_by("name").select_for_update()
    found = dict(rows.values_list("name", "last_seq"))
    if len(found) < len(names):
        new = [Stream(name=name) for name in sorted(set(names) - set(found))]
        Stream.objects.bulk_create(new, ignore_conflicts=True)
        found = dict(rows.values_list("name", "last_seq"))
    return found


def states(streams: Collection[str]) -> dict[str, State]:
    """Return where the streams stand, in one query; those that have no event yet are missing."""
    rows = Stream.objects.filter(name__in=streams)
    columns = rows.values_list("name", "last_seq", "pruned_seq", "ended")
    return {name: State(last, pruned, ended) for name, last, pruned, ended in columns}


def after_all(cursors: Mapping[str, int], limit: int) -> list[Event]:
    """Return the streams' events, each beyond its own number, in order by stream and number.

    At most `limit` in all, from the first streams by name; asked again, the others follow. It is
    one query unless there are very many different numbers.
    """
    found: list[Event] = []
    for streams_by_seq in _parts(cursors):
        found += _beyond(streams_by_seq)[: limit - len(found)]
    return found


def _parts(cursors: Mapping[str, int]) -> Iterator[dict[int, list[str]]]:
    """Yield the streams by number, in parts that a query can take, by name from part to part."""
    part: defaultdict[int, list[str]] = defaultdict(list)
    for name in sorted(cursors):
        if len(part) == _CURSORS and cursors[name] not in part:
            yield part
            part = defaultdict(list)
        part[cursors[name]].append(name)
    if part:
        yield part


def _beyond(streams_by_seq: Mapping[int, list[str]]) -> QuerySet[Event]:
    each = [Q(stream_id__in=names, seq__gt=seq) for seq, names in streams_by_seq.items()]
    events = Event.objects.filter(Q(*each, _connector=Q.OR)).order_by("stream_id", "seq")
    return events.only("stream_id", "seq", "type", "data", "final")


def last_seq(stream: str) -> int:
    """Return the number of the stream's newest event, 0 when it has none yet."""
    return Stream.objects.filter(name=stream).values_list("last_seq", flat=True).first() or 0
