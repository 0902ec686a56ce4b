"""The relay where the log does not answer, or answers too early."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest

from events import log, messages, reads
from events.access import Access, Ask, Session
from events.follower import Follower
from events.grants import Grant
from events.messages import Message, Packet
from events.metrics import latency
from events.relay import Relay
from tests import factories
from tests.events.inside import nothing_read
from tests.services import PATIENCE


@pytest.fixture
async def relay() -> AsyncIterator[Relay]:
    made = Relay()
    yield made
    for task in made._tasks:
        task.cancel()
    await asyncio.gather(*made._tasks, return_exceptions=True)


@pytest.fixture
async def follower(relay: Relay) -> AsyncIterator[Follower]:
    made = relay.follow(Ask(Session("key"), None), Access("a", 1), cursor=None)
    yield made
    relay.leave(made)


async def test_an_end_that_comes_while_the_log_fails_to_answer_is_not_missed(
    relay: Relay, follower: Follower
) -> None:
    # Without a fixture that opens the database, pytest-django lets nobody in.
    reading = asyncio.create_task(relay.read_on(follower))
    await asyncio.sleep(0)
    follower.end("drain")
    assert (await reading).startswith(b"retry: ")
    assert follower.over


@pytest.mark.django_db(transaction=True)
async def test_what_is_told_while_the_log_is_read_for_a_new_follower_is_not_missed(
    relay: Relay,
) -> None:
    job = await reads.read(factories.job)
    who = Grant(job.owner_id, (f"job.{job.pk}",), time.time() + 60)
    with nothing_read():
        opening = asyncio.create_task(relay.open(Ask(who, str(job.pk)), cursor=None))
        await until(lambda: relay._heard is not None)
        relay.hand_over(told(f"job.{job.pk}", 3))
    follower = await opening
    assert follower.behind  # and so the log is read once more
    assert relay._heard is None
    relay.leave(follower)


async def test_a_packet_of_this_process_own_is_not_heard_twice(
    relay: Relay, follower: Follower
) -> None:
    await relay.subscribed.wait()
    follower.refill(log.State(0, 0, ended=False), (), whole=True)
    messages.outbox().put(told("a", 1)["messages"], time.time())
    assert follower.take(0.0) == b"1"
    heard = latency.read()[0][-1][1]
    await messages.send(told("a", 2)["messages"], at=time.time())  # another's, after it
    await until(lambda: latency.read()[0][-1][1] > heard)
    assert follower.take(0.0) == b"2"
    assert latency.read()[0][-1][1] == heard + 1


def told(stream: str, seq: int) -> Packet:
    frame = str(seq).encode()
    message: Message = {"stream": stream, "seq": seq, "frame": frame, "final": False}
    return {"type": "events", "at": time.time(), "origin": "another", "messages": [message]}


async def until(fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not fact():  # noqa: ASYNC110 - nobody tells when
            await asyncio.sleep(0.005)
