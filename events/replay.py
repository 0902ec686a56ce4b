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
    count()
    return [refill(follower, reading) for follower in followers]


def lowest(cursors: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Return the lowest number of each stream."""
    found: dict[str, int] = {}
    for stream, seq in cursors:
        found[stream] = min(seq, found.get(stream, seq))
    return found


def count() -> None:
    """Add a look into the log to what this process did."""
    counters.batches += 1
    counters.queries += 1


def refill(follower: Follower, reading: Reading) -> int:
    """Have the follower take in what was read of its stream; return how many events that were."""
    name = follower.stream
    if name in reading.cut and name not in reading.states:
        return 0  # it stays behind, and asks again
    state = reading.states.get(name, _NOTHING)
    return follower.refill(state, reading.events.get(name, ()), whole=name not in reading.cut)


def read(cursors: Mapping[str, int]) -> Reading:
    """Look into the log for what streams have beyond a number each: one query."""
    states, entries = log.after_all(cursors, _LIMIT)
    events: dict[str, list[Framed]] = defaultdict(list)
    for entry in entries:
        frame = sse.frame(id=entry.seq, event=entry.type, data=entry.data)
        events[entry.stream].append((entry.seq, frame, entry.final))
    return Reading(states, events, _cut(states, events, cursors))


def _cut(
    states: Mapping[str, log.State],
    events: Mapping[str, list[Framed]],
    cursors: Mapping[str, int],
) -> set[str]:
    """Return the streams that the limit may have cut short: the last, and those without a row."""
    count = sum(len(events.get(name, "-")) for name in states)
    if count < _LIMIT:
        return set()
    return cursors.keys() - states.keys() | {[*states][-1]}
