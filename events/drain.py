"""A clean end for every open stream before the server stops."""

from __future__ import annotations

import asyncio
import signal
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from .relay import Relay

# uvicorn waits for open streams for ever, or breaks them; so the streams must end first.
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_FLUSH = 0.1  # seconds for the last bytes to leave
# The event loop itself keeps only weak references to its tasks.
_tasks: set[asyncio.Task[None]] = set()


def install(relay: Relay) -> None:
    """Close the relay's streams on SIGTERM and SIGINT, then let the server's own handler run.

    Only the main thread may handle signals; elsewhere (tests) there is no server to stop.
    """
    if threading.current_thread() is threading.main_thread():
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            _chain(number, relay, loop)


def _chain(number: signal.Signals, relay: Relay, loop: asyncio.AbstractEventLoop) -> None:
    previous: Any = signal.getsignal(number)
    if callable(previous):

        def handle(signum: int, frame: Any) -> None:
            signal.signal(number, previous)
            loop.call_soon_threadsafe(_start, relay, lambda: previous(signum, frame))

        signal.signal(number, handle)


def _start(relay: Relay, then: Callable[[], None]) -> None:
    task = asyncio.create_task(_drain(relay, then))
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


async def _drain(relay: Relay, then: Callable[[], None]) -> None:
    relay.close()
    with suppress(TimeoutError):
        async with asyncio.timeout(settings.EVENTS_GRACE):
            await relay.empty.wait()
    await asyncio.sleep(_FLUSH)
    then()
