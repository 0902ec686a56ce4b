"""Events on their way through the channel layer, from a commit to every process."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import TypedDict

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


class Message(TypedDict):
    """An event as it travels: `frame` is what goes over the wire."""

    stream: str
    seq: int
    frame: bytes
    final: bool


class Packet(TypedDict):
    """The events of one commit, which travel together; `at` is when, in seconds since the epoch."""

    type: str
    at: float
    messages: list[Message]


def announce(events: Sequence[Event]) -> None:
    """Tell every process of what was committed. Failing costs a delay: the log has the events.

    A cancellation too, which comes where the client of an ASGI request has gone: the events are
    true, and what else was to happen after the commit still has to.
    """
    try:
        async_to_sync(send)([message_of(event) for event in events])
    except (Exception, asyncio.CancelledError) as error:
        logger.warning("Not announced: %s: %r", ", ".join(map(str, events)), error)


async def send(messages: list[Message]) -> None:
    """Send the messages to every process' relay. Raises what the channel layer raises."""
    layer = get_channel_layer()
    assert layer is not None
    packet: Packet = {"type": "events", "at": time.time(), "messages": messages}
    async with asyncio.timeout(PATIENCE):
        await layer.group_send(GROUP, dict(packet))


def message_of(event: Event) -> Message:
    """Return the event as it travels: its bytes are made here, once, for all who follow."""
    return {
        "stream": event.stream_id,
        "seq": event.seq,
        "frame": sse.frame(id=event.seq, event=event.type, data=event.data),
        "final": event.final,
    }
