"""A follower's place in the relay."""

from __future__ import annotations

from typing import Any

from events.follower import Follower, Message


def message(seq: int) -> Message:
    return {
        "type": "event",
        "stream": "a",
        "seq": seq,
        "event": "progress",
        "data": "{}",
        "final": False,
    }


async def test_the_next_message_is_due() -> None:
    follower = Follower(seen=1)
    follower.offer(message(2))
    assert follower.take() == ([message(2)], False)


async def test_a_gap_sends_the_follower_to_the_log() -> None:
    follower = Follower(seen=1)
    follower.offer(message(2))
    follower.offer(message(4))
    assert follower.take() == ([message(2)], True)


async def test_what_was_seen_is_dropped() -> None:
    follower = Follower(seen=2)
    follower.offer(message(1))
    follower.offer(message(2))
    assert follower.take() == ([], False)


async def test_a_full_buffer_is_dropped_and_refilled_from_the_log(settings: Any) -> None:
    settings.EVENTS_BUFFER = 2
    follower = Follower(seen=0)
    for seq in (1, 2, 3):
        follower.offer(message(seq))
    assert follower.take() == ([], True)


async def test_a_quiet_wait_ends_in_time() -> None:
    assert not await Follower(seen=0).wait(within=0.01)
