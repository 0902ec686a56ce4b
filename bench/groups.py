"""One group for all processes, or one for each stream: what either costs, to choose by.

`python -m bench.groups`. With one for all, every process hears every event, also of streams that
nobody follows there; with one for each, opening a stream subscribes and closing it unsubscribes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import redis
from channels_redis.pubsub import RedisPubSubChannelLayer

from .services import Services
from .setup import prepared, say

_STREAMS = 5000
_PACKETS = 5000
_FRAME = b"x" * 700  # an event's bytes, of the size of a job's snapshot


def main() -> None:
    """Measure both, and say up to where the choice is the cheaper one."""
    with prepared() as services:
        join, kib, hear = asyncio.run(_measured(services))
    open_and_close = f"{join * 1e6:.0f} µs of CPU an open with its close"
    say(f"a group a stream: {open_and_close}, {kib:.2f} KiB of Valkey's memory")
    say(f"one for all: {hear * 1e6:.0f} µs of CPU a packet that nobody follows here")
    say(f"one for all is the cheaper up to {join / hear:.1f} such packets a stream opened")


async def _measured(services: Services) -> tuple[float, float, float]:
    host = {"address": services.redis_url, "socket_timeout": None}
    ours, others = (RedisPubSubChannelLayer(hosts=[host]) for _ in range(2))
    channel = await ours.new_channel()
    await ours.group_add("warm", channel)
    join, kib = await _joining(ours, channel, services.valkey_port)
    return join, kib, await _hearing(ours, others, channel)


async def _joining(layer: Any, channel: str, port: int) -> tuple[float, float]:
    """Return the CPU seconds of joining and leaving a group, and the broker's KiB while joined."""
    names = [f"job.{number:032x}" for number in range(_STREAMS)]
    before, began = _used_kib(port), time.process_time()
    await _each(lambda name: layer.group_add(name, channel), names)
    kib = (_used_kib(port) - before) / _STREAMS
    await _each(lambda name: layer.group_discard(name, channel), names)
    return (time.process_time() - began) / _STREAMS, kib


async def _each(call: Callable[[str], Awaitable[None]], names: list[str]) -> None:
    for name in names:
        await call(name)


def _used_kib(port: int) -> float:
    with redis.Redis(port=port) as client:
        return float(client.info("memory")["used_memory"]) / 1024


async def _hearing(ours: Any, others: Any, channel: str) -> float:
    """Return the CPU seconds of hearing a packet, those of sending it taken off."""
    await ours.group_add("events", channel)
    packet = {
        "type": "events",
        "at": time.time(),
        "messages": [_message(number) for number in (1, 2)],
    }
    together = await _timed(others, packet, lambda: ours.receive(channel))
    await ours.group_discard("events", channel)
    alone = await _timed(others, packet, lambda: asyncio.sleep(0))
    return together - alone


def _message(seq: int) -> dict[str, Any]:
    return {"stream": f"job.{seq:032x}", "seq": seq, "frame": _FRAME, "final": False}


async def _timed(layer: Any, packet: dict[str, Any], hear: Callable[[], Awaitable[Any]]) -> float:
    began = time.process_time()
    for _ in range(_PACKETS):
        await layer.group_send("events", packet)
        await hear()
    return (time.process_time() - began) / _PACKETS


if __name__ == "__main__":
    main()
