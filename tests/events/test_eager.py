"""Coroutines that begin at once."""

from __future__ import annotations

import asyncio

import pytest

from events import eager


async def test_what_never_waits_is_done_at_once_without_a_task() -> None:
    done: list[int] = []

    async def work() -> None:
        done.append(1)

    assert eager.start(work()) is None
    assert done == [1]


async def test_what_waits_goes_on_in_a_task() -> None:
    event, steps = asyncio.Event(), []

    async def work() -> None:
        steps.append("began")
        await event.wait()
        await asyncio.sleep(0)
        steps.append("ended")

    task = eager.start(work())
    assert steps == ["began"]
    event.set()
    assert task is not None
    await task
    assert steps == ["began", "ended"]


async def test_its_errors_are_raised_where_they_happen() -> None:
    async def work(*, wait: bool) -> None:
        if wait:
            await asyncio.sleep(0)
        raise KeyError

    with pytest.raises(KeyError):
        eager.start(work(wait=False))
    task = eager.start(work(wait=True))
    assert task is not None
    with pytest.raises(KeyError):
        await task


async def test_it_can_be_cancelled_and_clean_up() -> None:
    cleaned: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append("yes")

    task = eager.start(work())
    assert task is not None
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cleaned == ["yes"]
