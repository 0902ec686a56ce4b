"""Short reads on behalf of streams: two threads, two connections at most, none kept by a stream."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import close_old_connections

P = ParamSpec("P")
T = TypeVar("T")

# One for who comes, one for who is behind: each is asked in batches, one at a time.
_THREADS = 2
_pool = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="events-read")


def start() -> None:
    """Start the threads, so that a process has as many with thousands of streams as with none."""
    together = threading.Barrier(_THREADS + 1)
    for _ in range(_THREADS):
        _pool.submit(together.wait)
    together.wait()


async def read(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function that uses the database on one of the pool's threads, and return its result."""

    def run() -> T:
        close_old_connections()
        try:
            return function(*args, **kwargs)
        finally:
            close_old_connections()

    return await asyncio.get_running_loop().run_in_executor(_pool, run)
