"""From a commit anywhere to the open streams of every process: quickly by the channel layer,
certainly by the log."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings

from .follower import Follower, Message
from .models import Event, Stream
from .reads import read

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger(__name__)

# One group for all processes. Opening a stream then needs no broker, and joining and leaving
# cannot race; the price is that every process hears every event, which is a kilobyte each.
GROUP = "events"
RECONNECT = 1.0  # seconds
# Seconds. A broker that takes longer is as good as dead, and RunPod waits two for our answer.
PATIENCE = 0.5


def announce(event: Event) -> None:
    """Tell every process of a committed event. Whatever fails costs a delay: the log has the event.

    A cancellation too, which comes where the client of an ASGI request has gone: the event is true,
    and what else was to happen after the commit still has to.
    """
    try:
        async_to_sync(_send)(message_of(event))
    except (Exception, asyncio.CancelledError) as error:
        logger.warning("Event %s was not announced: %r", event, error)


async def _send(message: Message) -> None:
    layer = get_channel_layer()
    assert layer is not None
    async with asyncio.timeout(PATIENCE):
        await layer.group_send(GROUP, dict(message))


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
                channel = await self._subscribe(layer)
                while True:
                    self._hand_over(await layer.receive(channel))
            except Exception as error:
                self.subscribed.set()
                logger.warning("The broker does not answer; events come from the log: %r", error)
                await self._forget(layer)

    async def _subscribe(self, layer: Any) -> str:
        async with asyncio.timeout(PATIENCE * 4):
            channel: str = await layer.new_channel()
            await layer.group_add(GROUP, channel)
        self.subscribed.set()
        return channel

    async def _forget(self, layer: Any) -> None:
        """Leave nothing of a subscription that failed, and wait before the next."""
        with suppress(Exception):
            async with asyncio.timeout(PATIENCE):
                await layer.flush()
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
