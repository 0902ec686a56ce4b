"""Coroutines that begin at once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any


def start(work: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
    """Run the coroutine up to its first wait now; return the task that does the rest, if any.

    A write that its socket takes whole needs no task and no turn of the loop. Python 3.12 has
    eager tasks for it, 3.11 has not. What the coroutine raises before its first wait is raised
    here.
    """
    try:
        awaited = work.send(None)
    except StopIteration:
        return None
    return asyncio.create_task(_rest(work, awaited))


async def _rest(work: Coroutine[Any, Any, None], awaited: Any) -> None:
    await _resume(work, awaited)  # type: ignore[misc] # typeshed knows no generator for it


@coroutine
def _resume(work: Coroutine[Any, Any, None], awaited: Any) -> Generator[Any, Any, None]:
    """Wait for what it waits for, and hand it what comes of that, until it returns."""
    try:
        while True:
            try:
                value = yield awaited
            except BaseException as error:  # a cancellation, which is its own matter
                awaited = work.throw(error)
            else:
                awaited = work.send(value)
    except StopIteration:
        return
