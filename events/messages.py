"""Events on their way through the channel layer, from a commit to every process."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import TypedDict
from weakref import WeakKeyDictionary

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

from . import sse
from .models import Event

logger = logging.getLogger(__name__)

# One group for all processes. Opening a stream then needs no broker, and joining and leaving
# cannot race; the price is that every process hears every event, which is a kilobyte each.
GROUP = "events"
# Seconds. A broker that takes longer is as good as dead, and RunPod waits two for our answer.
PATIENCE = 0.5
_PACKET = 500  # events


class Message(TypedDict):
    """An event as it travels: `frame` is what goes over the wire."""

    stream: str
    seq: int
    frame: bytes
    final: bool


class Packet(TypedDict):
    """Events that travel together; `at` is when the first was committed, in seconds of the epoch,
    and `origin` names the process' outbox that they are from."""

    type: str
    at: float
    origin: str
    messages: list[Message]


class Outbox:
    """What one event loop's requests commit, on its way to everybody who follows it.

    This process' own streams are told at once, the others by the broker: a packet at a time, which
    takes along what was committed meanwhile. Thirty at once then cost little more than one.
    """

    def __init__(self) -> None:
        self.name = secrets.token_hex(8)
        self.hand_over: Callable[[Packet], None] | None = None  # to this process' own streams
        self._waiting: list[Message] = []
        self._task: asyncio.Task[None] | None = None

    def put(self, messages: list[Message], at: float) -> None:
        """Tell of what was committed at that time."""
        if self.hand_over is not None:
            self.hand_over(_packet(messages, at, self.name))
        self._waiting += messages
        if self._task is None:
            self._task = asyncio.create_task(self._send(at), name="events-outbox")

    async def _send(self, at: float) -> None:
        while self._waiting:
            messages, self._waiting = self._waiting[:_PACKET], self._waiting[_PACKET:]
            try:
                await send(messages, at=at, origin=self.name)
            except Exception as error:
                logger.warning("Not announced: %d events: %r", len(messages), error)
            at = time.time()
        self._task = None


_outboxes: WeakKeyDictionary[asyncio.AbstractEventLoop, Outbox] = WeakKeyDictionary()
# Where the code that runs now was called from, if that is a server's event loop.
_home: ContextVar[asyncio.AbstractEventLoop | None] = ContextVar("events_home", default=None)


def outbox() -> Outbox:
    """Return the running event loop's outbox."""
    loop = asyncio.get_running_loop()
    if loop not in _outboxes:
        _outboxes[loop] = Outbox()
    return _outboxes[loop]


def at_home() -> None:
    """Have what is called from here on, on whatever thread, announce by the running loop."""
    _home.set(asyncio.get_running_loop())


def announce(messages: list[Message]) -> None:
    """Tell every process of what was committed. Failing costs a delay: the log has the events."""
    home = _home.get()
    if home is None or not _told(home, messages):
        _announce_alone(messages)


def _told(home: asyncio.AbstractEventLoop, messages: list[Message]) -> bool:
    try:
        home.call_soon_threadsafe(_put, messages, time.time())
    except RuntimeError:  # it has ended
        return False
    time.sleep(0)  # its turn: what is committed goes out before this thread goes on
    return True


def _put(messages: list[Message], at: float) -> None:
    outbox().put(messages, at)


def _announce_alone(messages: list[Message]) -> None:
    """Send from a process that serves nobody, a worker's or a command's.

    A cancellation is no reason to fail either: what else was to happen after the commit still has
    to.
    """
    try:
        async_to_sync(send)(messages, at=time.time())
    except (Exception, asyncio.CancelledError) as error:
        logger.warning("Not announced: %d events: %r", len(messages), error)


async def send(messages: list[Message], *, at: float, origin: str = "") -> None:
    """Send the messages to every process' relay. Raises what the channel layer raises."""
    layer = get_channel_layer()
    assert layer is not None
    async with asyncio.timeout(PATIENCE):
        await layer.group_send(GROUP, dict(_packet(messages, at, origin)))


def _packet(messages: list[Message], at: float, origin: str) -> Packet:
    return {"type": "events", "at": at, "origin": origin, "messages": messages}


def message_of(event: Event) -> Message:
    """Return the event as it travels."""
    return message(event.stream_id, event.seq, event.type, event.data, final=event.final)


def message(stream: str, seq: int, type: str, data: str, *, final: bool) -> Message:
    """Return an event as it travels: its bytes are made here, once, for all who follow."""
    frame = sse.frame(id=seq, event=type, data=data)
    return {"stream": stream, "seq": seq, "frame": frame, "final": final}
