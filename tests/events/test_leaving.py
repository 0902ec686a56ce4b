"""Clients that go away, at whatever moment: they leave nothing behind."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest
from django.core.asgi import get_asgi_application

from events import reads
from events.follower import Follower
from events.relay import Relay
from events.serving import Connection
from jobs.models import Job
from tests.conftest import serving
from tests.streams import append_many, bearer, eventually, path
from tests.wire import Wire, Wires

from .inside import Held, held, nothing_read, on_the_loop

MANY = 100


@pytest.fixture(autouse=True)
def _nothing_to_say(
    request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    """Fail where somebody warns of something, until the server has stopped."""
    yield
    records = [*caplog.get_records("call"), *caplog.get_records("teardown")]
    # On a busy machine the broker may be late, which is another matter.
    others = ["events.messages"]
    if request.node.callspec.params["site"] == "Django's":
        others.append("asyncio")  # of threads of Django's that a cancelled request has left alone
    told = [record for record in records if record.name not in others]
    assert [record.getMessage() for record in told if record.levelno >= logging.WARNING] == []


@pytest.fixture(params=["ours", "Django's"])
def site(request: pytest.FixtureRequest, job: Job) -> Iterator[str]:
    """Serve the streams by either handler; return the address."""
    from photorestore.asgi import application

    with serving(application if request.param == "ours" else get_asgi_application()) as address:
        yield address


@pytest.fixture
def connect(wires: Wires, job: Job) -> Callable[[], Wire]:
    """Return a function that asks for the job's stream."""
    return partial(wires.open, path(job), bearer(job))


@pytest.fixture
def before(connect: Callable[..., Wire]) -> Held:
    """Return what the server holds after its first stream."""
    first = connect()
    first.read_to(b"retry: 3000\n\n")
    first.close()
    eventually(lambda: served() == 0)
    return held()


def leaves_nothing(before: Held) -> bool:
    return held() == before


def served() -> int:
    """Return how many requests the server is at."""
    return held().tasks.count("<coroutine object RequestResponseCycle.run_asgi")


def are_written_to(ours: Relay) -> bool:
    return [follower.since is None for follower in ours._all()] == [False] * MANY


@pytest.fixture
def impatience(settings: Any) -> None:
    """Give up early who takes nothing: Django drops a response without closing it, at times."""
    settings.EVENTS_HEARTBEAT = 0.5
    settings.EVENTS_STALL = 2.0
    settings.EVENTS_CATCH_UP = settings.EVENTS_RECHECK = 600  # so that nobody else asks anything


@pytest.mark.usefixtures("impatience")
def test_clients_that_are_gone_before_it_is_known_who_they_are(
    connect: Callable[..., Wire], before: Held
) -> None:
    with nothing_read():
        wires = [connect() for _ in range(MANY)]
        eventually(lambda: served() == MANY)
        for wire in wires:
            wire.reset()
    eventually(lambda: leaves_nothing(before))


@pytest.mark.usefixtures("impatience")
def test_clients_that_are_gone_before_the_first_byte(
    connect: Callable[..., Wire], before: Held
) -> None:
    with ExitStack() as later:
        with nothing_read():
            wires = [connect() for _ in range(MANY)]
            eventually(lambda: served() == MANY)
            eventually(reads._pool._work_queue.qsize)  # the question who they are
            later.enter_context(nothing_read())
        eventually(lambda: held().streams)
        for wire in wires:
            wire.reset()
    eventually(lambda: leaves_nothing(before))


def test_clients_that_are_gone_after_the_first_byte(
    connect: Callable[..., Wire], job: Job, before: Held
) -> None:
    wires = [connect() for _ in range(MANY)]
    for wire in wires:
        wire.read_to(b"retry: 3000\n\n")
    assert held().streams == {f"job.{job.pk}": MANY}
    assert held().users == {job.photo.owner_id: MANY}
    for wire in wires:
        wire.reset()
    eventually(lambda: leaves_nothing(before))


def test_clients_that_hang_up_in_order(
    connect: Callable[..., Wire], job: Job, before: Held
) -> None:
    wires = [connect() for _ in range(MANY)]
    for wire in wires:
        wire.read_to(b"retry: 3000\n\n")
        wire.close()
    eventually(lambda: leaves_nothing(before))


def test_clients_that_are_gone_in_the_middle_of_a_replay(
    connect: Callable[..., Wire], job: Job, before: Held
) -> None:
    append_many(job, 500, size=10_000)
    wires = [connect(receive_buffer=4096) for _ in range(MANY)]
    for wire in wires:
        wire.read_to(b"id: 1\n")
    eventually(lambda: on_the_loop(are_written_to))
    for wire in wires:
        wire.reset()
    eventually(lambda: leaves_nothing(before))


@pytest.mark.parametrize("site", ["ours"], indirect=True)
def test_what_is_closed_does_not_wait_for_the_garbage_collector(
    site: str, connect: Callable[..., Wire]
) -> None:
    """Thousands of connections would, for minutes, with all that hangs on them."""
    gc.collect()
    others = connections()  # which other tests have left
    gc.disable()
    try:
        for _ in range(20):
            wire = connect()
            wire.read_to(b"retry: 3000\n\n")
            wire.close()
        eventually(lambda: served() == 0)
        eventually(
            lambda: connections() < others + 5
        )  # the relay's loops still name the last they saw
    finally:
        gc.enable()


def connections() -> int:
    return sum(isinstance(each, Connection | Follower) for each in gc.get_objects())
