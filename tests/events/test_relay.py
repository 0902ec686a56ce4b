"""The relay where the log does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from events.access import Access, Ask, Session
from events.follower import Follower
from events.relay import Relay


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
