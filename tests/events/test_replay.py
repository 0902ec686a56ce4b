"""What followers lack of the log, read for many of them at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from asgiref.sync import async_to_sync
from django.db import transaction

from events import log, replay
from events.access import Access, Ask, Session
from events.follower import Follower
from events.models import Event

NAMES = ["a", "b", "c", "d"]


def follower(stream: str, cursor: int | None) -> Follower:
    return Follower(Ask(Session(""), None), Access(stream, 1), cursor=cursor)


def told(of: Follower) -> list[str]:
    return re.findall(r"(?:id|event): (.+)", of.take(0).decode())


def fill(followers: list[Follower]) -> None:
    async_to_sync(replay.fill)([each for each in followers if each.behind])


@pytest.fixture
def streams(transactional_db: None) -> None:
    with transaction.atomic():
        log.append_all([Event(stream_id=name, type="x", data="{}") for name in NAMES * 2])


def test_a_crowd_beyond_one_read_is_read_on_until_nobody_is_behind(
    streams: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.replay._LIMIT", len(NAMES) + 1)
    followers = [follower(name, 0) for name in NAMES]
    found: dict[str, list[str]] = {name: [] for name in NAMES}
    rounds = 0
    while any(each.behind for each in followers):
        fill(followers)
        for each in followers:
            found[each.stream] += told(each)
        rounds += 1
    assert found == {name: ["1", "x", "2", "x"] for name in NAMES}
    assert rounds > 1


def test_whom_a_read_did_not_come_to_is_not_told_that_its_log_is_gone(
    streams: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.replay._LIMIT", 2)
    first, last = follower("a", 1), follower("d", 1)
    fill([follower("b", 0), first, last])
    assert (told(first), told(last), last.behind) == (["2", "x"], [], True)
    fill([last])
    assert (told(last), last.behind) == (["2", "x"], False)


def test_a_stream_that_has_nothing_yet_is_reset_for_who_knows_better(
    transactional_db: None,
) -> None:
    new, returning = follower("never", None), follower("never", 7)
    fill([new, returning])
    assert (told(new), told(returning)) == ([], ["0", "reset"])


def test_states_and_events_are_one_query(
    streams: None, django_assert_num_queries: Callable[[int], AbstractContextManager[object]]
) -> None:
    with django_assert_num_queries(1):
        reading = replay.read({"a": 1, "never": 0})
    assert ([*reading.events], [*reading.states], reading.cut) == (["a"], ["a"], set())
