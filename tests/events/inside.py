"""What the server in a thread of ours holds, looked at on its own loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

from events import reads, relay
from events.metrics import counters
from events.relay import Relay
from tests.services import PATIENCE

T = TypeVar("T")


class Held(NamedTuple):
    """What streams take up. With none open it is what it was before the first."""

    open: int
    streams: dict[str, int]
    users: dict[int, int]
    tasks: list[str]


def held() -> Held:
    """Return what the server holds now."""
    return on_the_loop(_held)


def on_the_loop(function: Callable[[Relay], T]) -> T:
    """Run the function where the server runs, between two steps of its own, with its relay."""

    async def run() -> T:
        return function(ours)

    loop, ours = next(pair for pair in list(relay._relays.items()) if pair[0].is_running())
    return asyncio.run_coroutine_threadsafe(run(), loop).result(PATIENCE)


def _held(ours: Relay) -> Held:
    streams = {name: len(followers) for name, followers in ours._followers.items()}
    tasks = (repr(task.get_coro()).partition(" at ")[0] for task in asyncio.all_tasks())
    return Held(counters.open, streams, dict(ours._of_user), sorted(tasks))


@contextmanager
def nothing_read() -> Iterator[None]:
    """Keep the threads busy that read the database for streams, while the context lasts."""
    gate = threading.Event()
    for _ in range(reads._THREADS):
        reads._pool.submit(gate.wait)
    try:
        yield
    finally:
        gate.set()
