"""What followers lack of the log, read for many of them at once."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from . import log, reads, sse
from .follower import Follower
from .metrics import counters

logger = logging.getLogger(__name__)

_NOTHING = log.State(last_seq=0, pruned_seq=0, ended=False)
_LIMIT = 1000  # events of one read, a kilobyte each

Framed = tuple[int, bytes, bool]  # number, bytes, whether it is final


class Reading(NamedTuple):
    """One look into the log: where streams stand, what they have, which of them were cut short."""

    states: dict[str, log.State]
    events: dict[str, list[Framed]]
    cut: set[str]
    queries: int


async def fill(followers: list[Follower]) -> list[int | Exception]:
    """Have each take in what the log has beyond its number; return how many events each got.

    What does not fit into one read, or into a buffer, leaves its follower behind, to ask again.
    """
    cursors = lowest((follower.stream, follower.start_reading()) for follower in followers)
    try:
        reading = await reads.read(read, cursors)
    except Exception as error:
        logger.warning("The event log does not answer: %r", error)
        raise
    count(reading)
    return [refill(follower, reading) for follower in followers]


def lowest(cursors: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Return the lowest number of each stream."""
    found: dict[str, int] = {}
    for stream, seq in cursors:
        found[stream] = min(seq, found.get(stream, seq))
    return found


def count(reading: Reading) -> None:
    """Add the look into the log to what this process did."""
    counters.batches += 1
    counters.queries += reading.queries


def refill(follower: Follower, reading: Reading) -> int:
    """Have the follower take in what was read of its stream; return how many events that were."""
    name = follower.stream
    state = reading.states.get(name, _NOTHING)
    return follower.refill(state, reading.events.get(name, ()), whole=name not in reading.cut)


def read(cursors: Mapping[str, int]) -> Reading:
    """Look into the log for what streams have beyond a number each.

    The states first: what they count is then among the events, or was pruned.
    """
    states = log.states(cursors)
    behind = {
        name: cursors[name] for name, state in states.items() if state.last_seq > cursors[name]
    }
    if not behind:
        return Reading(states, {}, set(), queries=1)
    rows = log.after_all(behind, _LIMIT)
    gaps = _gaps(rows, behind)
    states |= _pruned_by_now(states, gaps)
    return Reading(states, _framed(rows), _cut(rows, behind), queries=2 + bool(gaps))


def _gaps(rows: list[log.Entry], behind: Mapping[str, int]) -> list[str]:
    """Return the streams whose very next event is missing."""
    first = {row.stream: row.seq for row in reversed(rows)}
    return [name for name, seq in behind.items() if first.get(name) != seq + 1]


def _pruned_by_now(states: Mapping[str, log.State], gaps: list[str]) -> dict[str, log.State]:
    """Return the states with what was pruned since they were read: that has to be said aloud."""
    now = log.states(gaps) if gaps else {}
    return {name: states[name]._replace(pruned_seq=now[name].pruned_seq) for name in now}


def _framed(rows: list[log.Entry]) -> dict[str, list[Framed]]:
    events: dict[str, list[Framed]] = defaultdict(list)
    for row in rows:
        frame = sse.frame(id=row.seq, event=row.type, data=row.data)
        events[row.stream].append((row.seq, frame, row.final))
    return events


def _cut(rows: list[log.Entry], behind: Mapping[str, int]) -> set[str]:
    """Return the streams that the limit may have cut short: the last, and those without a row."""
    if len(rows) < _LIMIT:
        return set()
    return set(behind) - {row.stream for row in rows} | {rows[-1].stream}
