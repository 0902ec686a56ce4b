"""A client that stops reading: it costs a bounded buffer, then its connection, and nobody else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest

from events import reads
from events.metrics import counters
from events.relay import Relay
from jobs.models import Job
from tests.streams import append_many, bearer, eventually, following, path, take
from tests.wire import Wire, Wires

from .inside import held, nothing_read, on_the_loop

BATCHES, BATCH, SIZE = 12, 250, 5000  # 15 MB, more than any kernel keeps for a connection
EVENTS = BATCHES * BATCH


@pytest.fixture(autouse=True)
def _impatience(settings: Any) -> None:
    settings.EVENTS_HEARTBEAT = 0.2
    settings.EVENTS_STALL = 2.0


@pytest.fixture
def slow(wires: Wires, job: Job) -> Wire:
    """Return a client that has stopped reading."""
    wire = wires.open(path(job), bearer(job), receive_buffer=4096)
    wire.read_to(b"retry: 3000\n\n")
    return wire


@pytest.fixture
def beside(wires: Wires, job: Job) -> Iterator[Any]:
    """Return what another client, who reads on, will have got in the end."""
    wire = wires.open(path(job), bearer(job))
    wire.read_to(b"retry: 3000\n\n")
    with ThreadPoolExecutor(1) as reader:
        yield reader.submit(wire.read_event, EVENTS), wire


def taken_up(ours: Relay) -> tuple[int, int]:
    """Return the most that waits for a follower, in events, and for its socket, in bytes."""
    followers = ours._all()
    transports = [follower.ready.__self__._send.__self__.transport for follower in followers]  # type: ignore[attr-defined]
    return (
        max((len(follower._frames) for follower in followers), default=0),
        max((transport.get_write_buffer_size() for transport in transports), default=0),
    )


def test_who_stops_reading_costs_a_buffer_and_then_the_connection(
    slow: Wire, beside: Any, job: Job, settings: Any, client: httpx2.Client
) -> None:
    count, most = counters.closed["slow"], (0, 0)
    patience, settings.EVENTS_STALL = settings.EVENTS_STALL, 600  # however long the writing takes
    for _ in range(BATCHES):
        append_many(job, BATCH, size=SIZE)
        most = max(most[0], on_the_loop(taken_up)[0]), max(most[1], on_the_loop(taken_up)[1])
    got, wire = beside
    got.result()
    assert wire.ids == list(range(1, EVENTS + 1))
    assert most[0] <= settings.EVENTS_BUFFER
    assert 0 < most[1] < 256 * 1024
    settings.EVENTS_STALL = patience
    eventually(lambda: counters.closed["slow"] == count + 1)
    eventually(lambda: held().open == 1)
    slow.read_to_reset()
    seen = slow.ids
    assert seen == list(range(1, len(seen) + 1))
    assert len(seen) < EVENTS
    with following(client, path(job), last=str(len(seen))) as events:
        rest = take(events, EVENTS - len(seen))
    assert [int(id) for id, _ in rest] == list(range(len(seen) + 1, EVENTS + 1))


def clock(ours: Relay) -> float:
    return ours.clock


def wait_for_a_tick() -> None:
    now = on_the_loop(clock)
    eventually(lambda: on_the_loop(clock) > now)


def are_waiting(ours: Relay) -> bool:
    return [follower.since is not None for follower in ours._all()] == [True]


def test_a_log_that_answers_late_breaks_no_connection(
    wires: Wires, job: Job, settings: Any, client: httpx2.Client
) -> None:
    settings.EVENTS_CATCH_UP = settings.EVENTS_RECHECK = 600  # so that nothing else is asked
    append_many(job, 3)
    with following(client, path(job)) as events:
        take(events, 1)
    eventually(lambda: held().open == 0)
    with ExitStack() as later:
        with nothing_read():
            eventually(reads._pool._work_queue.empty)
            wire = wires.open(path(job), bearer(job))
            eventually(reads._pool._work_queue.qsize)  # the question who it is
            later.enter_context(nothing_read())
        eventually(lambda: held().open == 1)
        late = on_the_loop(clock) + 2 * settings.EVENTS_STALL
        eventually(lambda: on_the_loop(clock) > late)
    wire.read_to(b"id: 3\n")
    append_many(job, 1)
    wire.read_to(b"id: 4\n")


def test_a_server_that_stood_still_breaks_no_connection(
    slow: Wire, job: Job, settings: Any
) -> None:
    append_many(job, 4 * BATCH, size=SIZE)
    eventually(lambda: on_the_loop(are_waiting))

    def stand_still(ours: Relay) -> float:
        time.sleep(2 * settings.EVENTS_STALL)
        return ours.clock

    before = on_the_loop(stand_still)
    wait_for_a_tick()
    assert on_the_loop(clock) - before < settings.EVENTS_STALL
    slow.read_to(f"id: {4 * BATCH}\n".encode())


def test_who_reads_slowly_keeps_the_connection(slow: Wire, job: Job, settings: Any) -> None:
    settings.EVENTS_STALL = 1.0
    append_many(job, 4 * BATCH, size=SIZE)
    eventually(lambda: on_the_loop(are_waiting))
    read = 0
    for _ in range(30):
        wait_for_a_tick()
        read += len(slow.read())
    assert read < 1_000_000  # so that the server has had no room for more
    slow.read_to(f"id: {4 * BATCH}\n".encode())
