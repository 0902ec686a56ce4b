"""A follower's place in the relay: what it takes, in which order, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from events import sse
from events.access import Access, Ask, Session
from events.follower import Follower
from events.log import State
from events.messages import Message

EMPTY = State(0, 0, False)
ASK = Ask(Session("key"), None)


def frame(seq: int) -> bytes:
    return sse.frame(id=seq, event="progress", data="{}")


def message(seq: int, *, final: bool = False) -> Message:
    return {"stream": "a", "seq": seq, "frame": frame(seq), "final": final}


def follower(seen: int | None = None, *, log: State = EMPTY) -> Follower:
    """Return one that has looked into a log that stands at `seen`, or where `log` says."""
    made = Follower(ASK, Access("a", 1), cursor=seen)
    last = max(log.last_seq, seen or 0)
    made.refill(State(last, log.pruned_seq, log.ended), (), whole=True)
    return made


def events(*numbers: int) -> list[tuple[int, bytes, bool]]:
    return [(number, frame(number), False) for number in numbers]


def taken(by: Follower) -> bytes:
    return by.take(0.0)


def test_the_next_message_is_taken_once() -> None:
    one = follower(1)
    one.offer(message(2))
    assert taken(one) == frame(2)
    assert taken(one) == b""


def test_whoever_serves_it_is_woken_by_a_message_and_by_a_gap() -> None:
    woken: list[str] = []
    one = follower(1)
    one.ready = lambda: woken.append("")
    one.offer(message(2))
    one.offer(message(4))
    assert len(woken) == 2


def test_a_gap_sends_the_follower_to_the_log() -> None:
    one = follower(1)
    one.offer(message(2))
    one.offer(message(4))
    assert taken(one) == frame(2)
    assert one.behind
    one.refill(State(4, 0, False), events(3, 4), whole=True)
    assert taken(one) == frame(3) + frame(4)
    assert not one.behind


def test_what_was_seen_is_dropped() -> None:
    one = follower(2)
    one.offer(message(1))
    one.offer(message(2))
    assert taken(one) == b""
    assert not one.behind


def test_a_message_heard_while_the_log_is_read_is_not_forgotten() -> None:
    one = Follower(ASK, Access("a", 1), cursor=1)
    one.offer(message(3))
    one.refill(State(2, 0, False), events(2), whole=True)
    assert one.behind
    one.refill(State(3, 0, False), events(3), whole=True)
    assert taken(one) == frame(2) + frame(3)


def test_what_the_log_does_not_have_is_not_asked_for_twice() -> None:
    one = follower(1)
    one.offer(message(9))
    assert one.behind
    assert one.start_reading() == 1
    one.refill(State(1, 0, False), (), whole=True)
    assert not one.behind


def test_a_full_buffer_is_dropped_and_refilled_from_the_log(settings: Any) -> None:
    settings.EVENTS_BUFFER = 2
    one = follower(0)
    for seq in (1, 2, 3):
        one.offer(message(seq))
    assert (taken(one), one.behind, one.seen) == (b"", True, 0)
    one.refill(State(3, 0, False), events(1, 2, 3), whole=True)
    assert taken(one) == frame(1) + frame(2)
    assert one.behind
    one.refill(State(3, 0, False), events(3), whole=True)
    assert taken(one) == frame(3)


def test_a_reading_that_was_cut_short_leaves_it_behind() -> None:
    one = Follower(ASK, Access("a", 1), cursor=None)
    one.refill(State(5, 0, False), events(1, 2), whole=False)
    assert one.behind
    one.refill(State(5, 0, False), events(3, 4, 5), whole=True)
    assert taken(one) == b"".join(frame(number) for number in (1, 2, 3, 4, 5))


def test_superseded_events_are_passed_over() -> None:
    one = follower(1)
    one.hear(9)
    one.refill(State(9, 0, False), events(9), whole=True)
    assert taken(one) == frame(9)
    assert not one.behind


def test_nothing_but_superseded_events_leaves_it_at_the_log_s_end() -> None:
    one = follower(1)
    one.hear(9)
    one.refill(State(9, 0, False), (), whole=True)
    assert (one.seen, one.behind) == (9, False)


@pytest.mark.parametrize(("cursor", "lost"), [(3, True), (4, False), (0, True), (None, False)])
def test_a_pruned_past_is_said_aloud_to_who_had_a_number(cursor: int | None, lost: bool) -> None:
    one = Follower(ASK, Access("a", 1), cursor=cursor)
    one.refill(State(9, 4, False), events(5, 6, 7, 8, 9), whole=True)
    reset = sse.frame(id=9, event="reset", data='{"last_event_id":9}')
    assert taken(one).startswith(reset) == lost
    one.offer(message(10))
    assert taken(one) == frame(10)


def test_who_has_no_number_yet_is_told_of_no_loss_when_its_buffer_is_dropped(settings: Any) -> None:
    settings.EVENTS_BUFFER = 2
    one = Follower(ASK, Access("a", 1), cursor=None)
    one.refill(State(6, 4, False), events(5, 6), whole=True)
    one.offer(message(7))
    one.refill(State(7, 4, False), events(5, 6, 7), whole=True)
    assert taken(one) == frame(5) + frame(6)


def test_a_number_beyond_the_log_is_said_aloud() -> None:
    one = Follower(ASK, Access("a", 1), cursor=99)
    one.refill(State(3, 0, False), (), whole=True)
    assert taken(one) == sse.frame(id=3, event="reset", data='{"last_event_id":3}')


def test_a_final_message_is_the_last() -> None:
    one = follower(1)
    one.offer(message(2, final=True))
    one.offer(message(3))
    assert taken(one) == frame(2)
    assert (one.over, one.reason) == (True, "final")


def test_a_log_that_ended_where_the_client_is_leaves_nothing_to_serve() -> None:
    assert follower(3, log=State(3, 0, True)).is_finished
    assert not follower(3, log=State(3, 0, False)).is_finished


@pytest.mark.parametrize(("reason", "returns"), [("drain", True), ("revoked", False)])
def test_an_end_comes_after_what_waits_and_says_whether_to_return(
    reason: str, returns: bool
) -> None:
    one = follower(1)
    one.offer(message(2))
    one.end(reason)
    assert taken(one).startswith(frame(2) + (b"retry: " if returns else b""))
    assert one.over


def test_a_heartbeat_comes_when_it_is_due_and_nothing_waits(settings: Any) -> None:
    one = follower(1)
    one.look_at(one.due, 0.0)
    assert [taken(one), taken(one)] == [sse.HEARTBEAT, b""]
    one.look_at(one.due, 0.0)
    one.offer(message(2))
    assert [taken(one), taken(one)] == [frame(2), b""]


def test_its_time_is_limited(settings: Any) -> None:
    one = follower(1)
    assert taken(one) == b""
    one.look_at(one.until, 0.0)
    assert taken(one).startswith(b"retry: ")
    assert one.reason == "lifetime"


def test_a_client_that_reads_no_more_is_given_up(settings: Any) -> None:
    one = follower(1)
    one.offer(message(2))
    one.take(100.0)
    for _ in range(2):
        one.look_at(0.0, 100.0 + settings.EVENTS_STALL)
    assert one.reason == ""
    one.look_at(0.0, 100.1 + settings.EVENTS_STALL)
    assert (one.reason, one.over) == ("slow", True)


def test_a_client_that_reads_slowly_is_not_given_up(settings: Any) -> None:
    one = follower(1)
    one.offer(message(2))
    one.take(0.0)
    waiting = iter(range(1_000_000, 0, -1))
    one.unsent = lambda: next(waiting)
    for number in range(10):
        one.look_at(0.0, number * settings.EVENTS_STALL)
    assert one.reason == ""
    one.unsent = lambda: 0
    for number in (10, 11, 12):
        one.look_at(0.0, number * settings.EVENTS_STALL)
    assert one.reason == "slow"


def test_one_look_alone_gives_nobody_up(settings: Any) -> None:
    one = follower(1)
    for seq in (2, 3):
        one.offer(message(seq))
        one.take(0.0)
        one.look_at(0.0, 1.1 * settings.EVENTS_STALL)
    assert one.reason == ""


def test_a_client_is_not_given_up_while_its_log_is_read(settings: Any) -> None:
    one = Follower(ASK, Access("a", 1), cursor=1)
    for number in range(5):
        one.look_at(0.0, number * settings.EVENTS_STALL)
    assert one.reason == ""


def test_a_client_that_reads_no_more_is_given_up_also_when_its_time_is_up(settings: Any) -> None:
    one = follower(1)
    one.offer(message(2))
    one.take(0.0)
    one.offer(message(3))
    one.look_at(one.until, 0.0)
    assert (one.reason, one.over) == ("lifetime", False)
    one.look_at(one.until + settings.EVENTS_STALL + 1, settings.EVENTS_STALL + 1)
    assert (one.reason, one.over) == ("slow", True)


def test_one_that_has_said_goodbye_has_no_heartbeat_to_follow() -> None:
    one = follower(1)
    one.end("drain")
    assert taken(one).startswith(b"retry: ")
    one.look_at(one.due, 0.0)
    assert taken(one) == b""


def test_a_client_that_does_not_take_the_goodbye_is_given_up(settings: Any) -> None:
    one = follower(1)
    one.end("drain")
    assert [taken(one)[:6], taken(one)] == [b"retry:", b""]
    for _ in range(2):
        one.look_at(0.0, settings.EVENTS_STALL + 1)
    assert one.reason == "slow"


def test_it_is_looked_at_when_its_time_is_up_and_not_a_heartbeat_later(settings: Any) -> None:
    settings.EVENTS_HEARTBEAT = 10_000
    one = follower(1)
    assert one.due == one.until
    settings.EVENTS_HEARTBEAT = 100
    one.take(0.0)
    one.look_at(one.until - 10, 0.0)
    assert one.due == one.until
    one.look_at(one.until, 0.0)
    assert one.due == one.until + 100


def test_one_write_is_bounded() -> None:
    one = follower(0)
    big: Callable[[int], Message] = lambda seq: {**message(seq), "frame": b"x" * 50_000}  # noqa: E731
    for seq in (1, 2, 3):
        one.offer(big(seq))
    assert [len(taken(one)), len(taken(one)), len(taken(one))] == [100_000, 50_000, 0]
