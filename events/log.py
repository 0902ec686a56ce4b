"""The event log: append to streams, learn where they stand, read them on from a number.

Every event and every open stream passes here, so the statements are written out: making them anew
each time took the ORM three quarters of an event's time (measured). They differ between databases
only in how an object of JSON becomes rows.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from itertools import chain
from typing import Any, NamedTuple, TypeVar

from django.db import connection, transaction
from django.utils import timezone

from . import messages, rows
from .models import DELETED, Event

T = TypeVar("T")

# JSON itself escapes the others.
_ESCAPED = {ord(each): f"\\u{ord(each):04x}" for each in "\x85\u2028\u2029"}
_ROWS = 500  # rows of one statement: SQLite takes 32,766 parameters, and an event has eight

_TAKE_NUMBERS = """
    INSERT INTO events_stream AS stream (name, last_seq, pruned_seq, ended) {new}
    ON CONFLICT (name) DO UPDATE SET
        last_seq = stream.last_seq + excluded.last_seq, ended = stream.ended OR excluded.ended
    RETURNING name, last_seq"""
_INSERT = """
    INSERT INTO events_event
        (stream_id, seq, type, data, final, subject, transient, created_at) {new}"""
# What PostgreSQL does by one statement. `back`: how many events of the stream come after this one.
_AT_ONCE = """
    WITH {changes} taken AS ({taking})
    INSERT INTO events_event (stream_id, seq, type, data, final, subject, transient, created_at)
    SELECT new.stream, taken.last_seq - new.back, new.type, new.data, new.final, new.subject,
        new.transient, new.created_at
    FROM ({new})
        new (stream, back, type, data, final, subject, transient, created_at)
    JOIN taken ON taken.name = new.stream
    RETURNING stream_id, seq"""
# The same of what only the database knows: a change of a row returns what there is to tell.
_AS_FOUND = """
    WITH change AS ({change}), new (stream, final, subject, data) AS ({told}), taken AS ({taking})
    INSERT INTO events_event (stream_id, seq, type, data, final, subject, transient, created_at)
    SELECT new.stream, taken.last_seq, %s, new.data, new.final, new.subject, %s, %s
    FROM new JOIN taken ON taken.name = new.stream
    RETURNING stream_id, seq, data, final"""
_STREAM = rows.join("stream", "events_stream", "stream.name = asked.key")
_STATES = rows.statement(
    "SELECT stream.name, stream.last_seq, stream.pruned_seq, stream.ended FROM {asked} {stream}",
    stream=_STREAM,
)
_MOVED = {
    vendor: text + " WHERE stream.last_seq > CAST(asked.value AS bigint)"
    for vendor, text in _STATES.items()
}
_AFTER = rows.statement(
    """
    SELECT stream.name, stream.last_seq, stream.pruned_seq, stream.ended,
        event.seq, event.type, event.data, event.final
    FROM {asked} {stream} LEFT JOIN {events}
    ORDER BY asked.key, event.seq LIMIT :limit""",
    stream=_STREAM,
    events={
        "postgresql": """LATERAL (
        SELECT seq, type, data, final FROM events_event
        WHERE stream_id = stream.name AND seq > CAST(asked.value AS bigint)
        ORDER BY seq LIMIT :limit
    ) event ON stream.last_seq > CAST(asked.value AS bigint)""",
        "sqlite": "events_event event ON event.stream_id = stream.name AND event.seq > asked.value",
    },
)


class State(NamedTuple):
    """Where a stream stands: its newest number, up to which some may be missing, its end."""

    last_seq: int
    pruned_seq: int
    ended: bool


class Entry(NamedTuple):
    """An event as it is read back."""

    stream: str
    seq: int
    type: str
    data: str
    final: bool


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


def append_all(events: Sequence[Event], *changes: rows.Change) -> None:
    """Number new events on their streams, and write them, inside the caller's transaction.

    So are the changes that they tell of, each of a row that nothing else here writes: on PostgreSQL
    by the same statement, for every one is a round trip on the way to a browser. Where the first is
    of a version of its row, all depends on that: the others, rows that are added, and the events.
    It needs no transaction, being one statement.

    They are announced to the open streams when it commits. A transaction that appends to several
    streams does so in one call: they are locked in the order of their names, so that no two wait
    for each other. Raises TransactionManagementError outside of a transaction, and OutdatedError,
    with nothing written, where a row is not of its version any more.
    """
    if not (connection.in_atomic_block or _depend(changes)):
        raise transaction.TransactionManagementError("An event belongs to what made it true.")
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    if connection.vendor == "postgresql" and len(events) <= _ROWS:
        _append_at_once(events, changes, now)
    else:
        _append_by_steps(events, changes, now)
    made = [messages.message_of(event) for event in events]
    transaction.on_commit(partial(messages.announce, made))


def append_found(
    change: str, told: str, values: Sequence[Any], *, type: str, transient: bool = False
) -> bool:
    """Make a change of at most one row and append what it tells of itself; False if there was none.

    For PostgreSQL alone, by one statement: `change` returns what `told` makes `stream`, `final`,
    `subject` and `data` of, a row for each of its streams. Their texts are ours.
    """
    with rows.prepared() as cursor:
        cursor.execute(_as_found(change, told), [*values, type, transient, timezone.now()])
        found = cursor.fetchall()
    made = [
        messages.message(stream, seq, type, data, final=final) for stream, seq, data, final in found
    ]
    if made:
        transaction.on_commit(partial(messages.announce, made))
    return bool(made)


@lru_cache(maxsize=64)
def _as_found(change: str, told: str) -> str:
    taking = _TAKE_NUMBERS.format(new="SELECT stream, 1, 0, final FROM new ORDER BY stream")
    return _AS_FOUND.format(change=change, told=told, taking=taking)


def _depend(changes: Sequence[rows.Change]) -> bool:
    """Tell whether all that is written depends on the first change."""
    return bool(changes) and changes[0].of_version


def _append_by_steps(events: Sequence[Event], changes: Sequence[rows.Change], now: Any) -> None:
    for change in changes:
        change.make()
    _number(events)
    for some in _parts(events):
        _execute(_INSERT, [_row(event, event.seq, now) for event in some])


def _append_at_once(events: Sequence[Event], changes: Sequence[rows.Change], now: Any) -> None:
    backs = _backs(events)
    numbers, new = _numbers(events), [_row(*pair, now) for pair in zip(events, backs, strict=True)]
    statement = _at_once(
        tuple(it.statement for it in changes), len(numbers), len(new), depend=_depend(changes)
    )
    last = _last(statement, chain(*(it.values for it in changes), *numbers, *new))
    for event, back in zip(events, backs, strict=True):
        event.seq = last[event.stream_id] - back


@lru_cache(maxsize=64)
def _at_once(changes: tuple[str, ...], streams: int, events: int, *, depend: bool) -> str:
    """Return the statement that makes the changes and appends so many events to so many streams."""
    if_first = " FROM change0" if depend else ""
    made = [text + if_first * (at > 0) for at, text in enumerate(changes)]
    numbers = _values(streams, 4)
    if depend:
        numbers = f"SELECT * FROM ({numbers}) new WHERE EXISTS (SELECT FROM change0)"  # noqa: S608
    return _AT_ONCE.format(
        changes="".join(f"change{at} AS ({text} RETURNING 1)," for at, text in enumerate(made)),
        taking=_TAKE_NUMBERS.format(new=numbers),
        new=_values(events, 8),
    )


def _last(statement: str, values: Iterable[Any]) -> dict[str, int]:
    """Return the newest number of each stream that was appended to."""
    with rows.prepared() as cursor:
        cursor.execute(statement, list(values))
        found = cursor.fetchall()
    if not found:
        raise rows.OutdatedError
    return dict(sorted(found))


def _backs(events: Sequence[Event]) -> list[int]:
    """Return for each how many of its stream come after it."""
    counts: Counter[str] = Counter()
    backs = []
    for event in reversed(events):
        backs.append(counts[event.stream_id])
        counts[event.stream_id] += 1
    return backs[::-1]


def text(data: Mapping[str, Any]) -> str:
    """Return an event's data as it is kept and sent: JSON without a line break.

    Nor with one that only some readers take for one, such as Python's `splitlines`.
    """
    made = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return made if made.isascii() else made.translate(_ESCAPED)


def _number(events: Sequence[Event]) -> None:
    """Take the next numbers under their streams' row locks, which last until the commit.

    A global auto-increment id would not do: "id > last seen" skips rows of slower writers.
    """
    new = _numbers(events)
    last = dict(chain.from_iterable(_execute(_TAKE_NUMBERS, some) for some in _parts(new)))
    seqs = {name: last[name] - count for name, count, *_ in new}
    for event in events:
        seqs[event.stream_id] += 1
        event.seq = seqs[event.stream_id]


def _numbers(events: Sequence[Event]) -> list[tuple[str, int, int, bool]]:
    """Return what to take of each stream, in the order of their names."""
    counts = Counter(event.stream_id for event in events)
    ended = {event.stream_id for event in events if event.final}
    return [(name, counts[name], 0, name in ended) for name in sorted(counts)]


def _row(event: Event, number: int, now: Any) -> tuple[Any, ...]:
    return (
        event.stream_id,
        number,
        event.type,
        event.data,
        event.final,
        event.subject,
        event.transient,
        now,
    )


def _execute(statement: str, new: Sequence[Sequence[Any]]) -> list[Any]:
    """Insert the rows, and return what the statement returns of them."""
    with rows.prepared() as cursor:
        text = statement.format(new=_values(len(new), len(new[0])))
        cursor.execute(text, list(chain.from_iterable(new)))
        return list(cursor.fetchall()) if cursor.description else []


def _values(rows: int, columns: int) -> str:
    return "VALUES " + ", ".join([f"({', '.join(['%s'] * columns)})"] * rows)


def _parts(all: Sequence[T]) -> Iterator[Sequence[T]]:
    return (all[at : at + _ROWS] for at in range(0, len(all), _ROWS))


def states(streams: Iterable[str]) -> dict[str, State]:
    """Return where the streams stand, in one query; those that have no event yet are missing."""
    return _states(_STATES, dict.fromkeys(streams, 0))


def moved(cursors: Mapping[str, int]) -> dict[str, State]:
    """Return where those streams stand that are beyond the number given for each, in one query."""
    return _states(_MOVED, cursors)


def _states(statement: rows.Statement, cursors: Mapping[str, int]) -> dict[str, State]:
    found = rows.of(statement, cursors)
    return {name: State(last, pruned, bool(ended)) for name, last, pruned, ended in found}


def after_all(cursors: Mapping[str, int], limit: int) -> tuple[dict[str, State], list[Entry]]:
    """Return where the streams stand, and their events, each beyond its own number.

    One statement, so that both are of one moment. Of `limit` rows, in order by stream and number,
    each event takes one, and so does a stream without. Asked again, the others follow.
    """
    found = rows.of(_AFTER, cursors, limit=limit)
    states = {name: State(last, pruned, bool(ended)) for name, last, pruned, ended, *_ in found}
    return states, [
        Entry(name, seq, type, data, bool(final))
        for name, _, _, _, seq, type, data, final in found
        if seq is not None
    ]


def deleted(streams: Iterable[str]) -> dict[str, int]:
    """Return those of the streams whose subject is gone, with the number of the event that says so.

    In one query.
    """
    ends = Event.objects.filter(stream__in=streams, type=DELETED, final=True)
    return dict(ends.values_list("stream_id", "seq"))


def last_seq(stream: str) -> int:
    """Return the number of the stream's newest event, 0 when it has none yet."""
    state = states([stream]).get(stream)
    return state.last_seq if state else 0
