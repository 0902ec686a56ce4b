"""From a commit anywhere to the open streams of every process: quickly by the channel layer,
certainly by the log."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict, deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypedDict
from weakref import WeakKeyDictionary

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings

from .models import Event, Stream
from .reads import read

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger(__name__)

# One group for all processes. Opening a stream then needs no broker, and joining and leaving
# cannot race; the price is that every process hears every event, which is a kilobyte each.
GROUP = "events"
RECONNECT = 1.0  # seconds


class Message(TypedDict):
    """An event on its way through the channel layer; `data` is the JSON text to send."""

    type: str
    stream: str
    seq: int
    event: str
    data: str
    final: bool


def announce(event: Event) -> None:
    """Tell every process of a committed event. A failure costs a delay: the log has the event."""
    layer = get_channel_layer()
    assert layer is not None
    async_to_sync(layer.group_send)(GROUP, dict(message_of(event)))


def message_of(event: Event) -> Message:
    """Return the event as it travels."""
    return {
        "type": "event",
        "stream": event.stream_id,
        "seq": event.seq,
        "event": event.type,
        "data": event.data,
        "final": event.final,
    }


class Follower:
    """One client's place in the relay: messages that wait for it, in bounded number."""

    def __init__(self, *, seen: int) -> None:
        self.seen = seen
        self._messages: deque[Message] = deque()
        self._behind = False
        self._wake = asyncio.Event()

    def offer(self, message: Message) -> None:
        """Queue a message; one too many, and the client reads the log instead."""
        if len(self._messages) >= settings.EVENTS_BUFFER:
            self.fall_behind()
        else:
            self._messages.append(message)
            self._wake.set()

    def fall_behind(self) -> None:
        """Drop what waits and send the client to the log."""
        self._messages.clear()
        self._behind = True
        self._wake.set()

    async def wait(self, *, within: float) -> bool:
        """Wait until there is something to do; False after `within` seconds of quiet."""
        try:
            async with asyncio.timeout(within):
                await self._wake.wait()
        except TimeoutError:
            return False
        return True

    def take(self) -> tuple[list[Message], bool]:
        """Return the messages that are next in line, and whether the log must be read."""
        behind, messages = self._behind, list(self._messages)
        self._behind = False
        self._messages.clear()
        self._wake.clear()
        due: list[Message] = []
        for message in messages:
            expected = self.seen + len(due) + 1
            if message["seq"] == expected:
                due.append(message)
            elif message["seq"] > expected:
                behind = True
        return due, behind


class Relay:
    """A process's only subscriber: hears the group and hands each event to those who follow."""

    def __init__(self) -> None:
        self._followers: defaultdict[str, set[Follower]] = defaultdict(set)
        self._tasks = [
            asyncio.create_task(self._listen(), name="events-listen"),
            asyncio.create_task(self._catch_up(), name="events-catch-up"),
        ]
        self.closing = False
        self.empty = asyncio.Event()  # set while nobody follows anything
        self.empty.set()
        self.drains = False  # whether the signals of shutdown reach it
        # Set when the first subscription stands, or has failed: from then on nobody waits for it.
        self.subscribed = asyncio.Event()

    @contextmanager
    def follow(self, stream: str, *, seen: int) -> Iterator[Follower]:
        """Follow the stream from beyond `seen` while the context lasts."""
        follower = Follower(seen=seen)
        self._followers[stream].add(follower)
        self.empty.clear()
        try:
            yield follower
        finally:
            self._followers[stream].discard(follower)
            if not self._followers[stream]:
                del self._followers[stream]
            if not self._followers:
                self.empty.set()

    def close(self) -> None:
        """Wake every follower to say goodbye; new ones are sent away at once."""
        self.closing = True
        for followers in self._followers.values():
            for follower in followers:
                follower.fall_behind()

    async def _listen(self) -> None:
        """Receive for ever. Never cancelled for a time-out: that loses messages (measured)."""
        layer: Any = get_channel_layer()
        while True:
            try:
                channel = await layer.new_channel()
                await layer.group_add(GROUP, channel)
                self.subscribed.set()
                while True:
                    self._hand_over(await layer.receive(channel))
            except Exception as error:
                self.subscribed.set()
                logger.warning("The broker does not answer; events come from the log: %s", error)
                await asyncio.sleep(RECONNECT)

    def _hand_over(self, message: Message) -> None:
        for follower in self._followers.get(message["stream"], ()):
            follower.offer(message)

    async def _catch_up(self) -> None:
        """Ask the log, in one query for all, which followed streams have moved on unheard."""
        while True:
            await asyncio.sleep(settings.EVENTS_CATCH_UP)
            if self._followers:
                try:
                    self._compare(await read(_last_seqs, list(self._followers)))
                except Exception:
                    logger.exception("The event log does not answer")

    def _compare(self, last_seqs: dict[str, int]) -> None:
        for stream, last_seq in last_seqs.items():
            for follower in self._followers.get(stream, ()):
                if last_seq > follower.seen:
                    follower.fall_behind()


def _last_seqs(streams: list[str]) -> dict[str, int]:
    return dict(Stream.objects.filter(name__in=streams).values_list("name", "last_seq"))


_relays: WeakKeyDictionary[asyncio.AbstractEventLoop, Relay] = WeakKeyDictionary()


def current() -> Relay:
    """Return the relay of the running event loop, started with its first stream."""
    loop = asyncio.get_running_loop()
    if loop not in _relays:
        _relays[loop] = Relay()
    return _relays[loop]
