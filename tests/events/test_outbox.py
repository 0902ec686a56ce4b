"""From a commit to this process' own streams at once, and to the others' by the broker."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.db import connection, transaction

from events import log, messages
from events.messages import Message, Outbox, Packet


def message(seq: int) -> Message:
    return {"stream": "a", "seq": seq, "frame": b"", "final": False}


def numbers(packet: Packet) -> list[int]:
    return [each["seq"] for each in packet["messages"]]


async def subscribed() -> Callable[[], Awaitable[Packet]]:
    """Return what gives the next packet that the broker brings."""
    layer = get_channel_layer()
    assert layer is not None
    channel = await layer.new_channel()
    await layer.group_add(messages.GROUP, channel)
    return lambda: cast("Awaitable[Packet]", layer.receive(channel))


async def test_own_streams_are_told_before_anything_else() -> None:
    told: list[Packet] = []
    outbox = Outbox()
    outbox.hand_over = told.append
    outbox.put([message(1)], 5.0)
    assert [(numbers(packet), packet["at"]) for packet in told] == [([1], 5.0)]
    assert outbox._task is not None
    await outbox._task


async def test_what_comes_while_a_packet_is_under_way_shares_the_next() -> None:
    receive = await subscribed()
    outbox = Outbox()
    outbox.put([message(1)], 0.0)
    await asyncio.sleep(0)  # the first is on its way
    outbox.put([message(2)], 0.0)
    await asyncio.sleep(0)
    outbox.put([message(3), message(4)], 0.0)
    packets = [await receive(), await receive()]
    assert [numbers(packet) for packet in packets] == [[1], [2, 3, 4]]
    assert {packet["origin"] for packet in packets} == {outbox.name}


async def test_many_take_several_packets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "_PACKET", 2)
    receive = await subscribed()
    Outbox().put([message(seq) for seq in range(1, 6)], 0.0)
    assert [numbers(await receive()) for _ in range(3)] == [[1, 2], [3, 4], [5]]


@pytest.mark.django_db(transaction=True)
async def test_what_a_request_commits_is_told_by_the_loop_that_serves_it() -> None:
    told: asyncio.Queue[Packet] = asyncio.Queue()
    outbox = messages.outbox()
    outbox.hand_over = told.put_nowait
    messages.at_home()

    def commit() -> int:
        try:
            with transaction.atomic():
                return log.append("a", type="progress", data={})
        finally:
            connection.close()  # this thread's own

    assert await sync_to_async(commit)() == 1
    assert numbers(await told.get()) == [1]


def test_where_the_loop_has_ended_the_broker_is_told_all_the_same() -> None:
    async def receive_what(announce: Callable[[], None]) -> Packet:
        receive = (await subscribed())()
        await sync_to_async(announce)()
        return await receive

    def announce() -> None:
        ended = asyncio.new_event_loop()
        ended.close()
        messages._home.set(ended)
        messages.announce([messages.message("a", 7, "progress", "{}", final=False)])

    packet = asyncio.run(receive_what(announce))
    assert (numbers(packet), packet["origin"]) == ([7], "")
