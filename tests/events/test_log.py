"""The log: gapless numbers per stream, written with what they tell of."""

from __future__ import annotations

import json
import threading
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError

from events import log, rows
from events.models import Event, Stream
from tests.together import together


def append(stream: str, **fields: object) -> int:
    with transaction.atomic():
        return log.append(stream, type="progress", data=fields)


def on(stream: str, type: str = "progress", **fields: Any) -> Event:
    return Event(stream_id=stream, type=type, data="{}", **fields)


def after(cursors: dict[str, int], limit: int) -> list[log.Entry]:
    return log.after_all(cursors, limit)[1]


@pytest.mark.django_db
def test_each_stream_counts_from_one() -> None:
    assert [append("a"), append("b"), append("a")] == [1, 1, 2]


def test_no_reader_finds_a_line_break_in_the_data() -> None:
    data = {"message": "".join(map(chr, [*range(0x20), 0x7F, 0x85, 0xEB, 0x2028, 0x2029]))}
    text = log.text(data)
    assert text.splitlines() == [text]
    assert json.loads(text) == data
    assert "ë" in text


@pytest.mark.django_db
def test_the_data_is_kept_as_it_goes_over_the_wire() -> None:
    append("a", name="Zoë", size=[1, 2])
    assert Event.objects.get().data == '{"name":"Zoë","size":[1,2]}'


@pytest.mark.django_db
def test_several_events_are_numbered_each_on_its_stream() -> None:
    append("b")
    with transaction.atomic():
        log.append_all([on("b", "one"), on("a", "two"), on("b", "three")])
    assert [str(event) for event in Event.objects.all()] == [
        "a 1 two",
        "b 1 progress",
        "b 2 one",
        "b 3 three",
    ]


@pytest.mark.django_db
def test_what_an_event_is_about_and_whether_it_lasts_is_kept() -> None:
    with transaction.atomic():
        log.append("a", type="progress", data={}, subject="one", transient=True)
    event = Event.objects.get()
    assert (event.subject, event.transient, event.final) == ("one", True, False)


@pytest.mark.django_db
def test_a_final_event_ends_its_stream_and_no_other() -> None:
    with transaction.atomic():
        log.append_all([on("a", final=True), on("b")])
    append("a")
    assert list(Stream.objects.order_by("name").values_list("ended", flat=True)) == [True, False]


@pytest.mark.django_db
@pytest.mark.parametrize("streams", [1, 2])
def test_appending_takes_few_statements(django_assert_num_queries: Any, streams: int) -> None:
    names = ["a", "b"][:streams]
    with transaction.atomic():
        log.append_all([on(name) for name in names])
        with django_assert_num_queries(1 if connection.vendor == "postgresql" else 2):
            log.append_all([on(name) for name in names])


@pytest.mark.django_db
def test_what_events_tell_of_is_changed_with_them_or_not_at_all() -> None:
    append("a")
    event, other = Event.objects.get(), Stream(name="c")
    event.type = "queued"
    changes = [rows.update(event, "type"), rows.insert(other)]
    with transaction.atomic():
        log.append_all([on("a"), on("b"), on("a", "completed")], *changes)
        transaction.set_rollback(True)
    assert [str(event) for event in Event.objects.all()] == ["a 1 progress"]
    with transaction.atomic():
        told = [on("a"), on("b"), on("a", "completed")]
        log.append_all(told, *changes)
    assert [(event.stream_id, event.seq) for event in told] == [("a", 2), ("b", 1), ("a", 3)]
    assert [str(event) for event in Event.objects.order_by("stream", "seq")] == [
        "a 1 queued",
        "a 2 progress",
        "a 3 completed",
        "b 1 progress",
    ]
    assert Stream.objects.filter(name="c").exists()


@pytest.mark.django_db(transaction=True)
def test_writers_of_the_same_streams_in_any_order_do_not_wait_for_each_other() -> None:
    def work(number: int) -> None:
        order = ["a", "b", "c"] if number % 2 else ["c", "b", "a"]
        for _ in range(20):
            with transaction.atomic():
                log.append_all([on(name) for name in order])

    together(*(partial(work, number) for number in range(6)))
    assert Event.objects.count() == 6 * 20 * 3


@pytest.mark.django_db(transaction=True)
def test_an_event_outside_of_a_transaction_is_refused() -> None:
    with pytest.raises(TransactionManagementError):
        log.append("a", type="progress", data={})


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_leaves_no_gap() -> None:
    append("a")
    with transaction.atomic():
        log.append("a", type="progress", data={})
        transaction.set_rollback(True)
    assert append("a") == 2


@pytest.mark.django_db(transaction=True)
def test_many_writers_number_one_new_stream_without_gap_or_repeat() -> None:
    def work(number: int) -> None:
        for _ in range(10):
            append("busy", writer=number)

    together(*(partial(work, number) for number in range(8)))
    assert [event.seq for event in after({"busy": 0}, 100)] == list(range(1, 81))


@pytest.mark.django_db(transaction=True)
def test_a_reader_never_sees_a_number_before_the_one_below_it() -> None:
    done = threading.Event()
    broken: list[list[int]] = []

    def work(number: int) -> None:
        if number:
            for _ in range(20):
                append("watched")
            return
        while not done.wait(0):
            seen = [event.seq for event in after({"watched": 0}, 100)]
            if seen != list(range(1, len(seen) + 1)):
                broken.append(seen)
            if len(seen) == 80:
                done.set()

    together(*(partial(work, number) for number in range(5)))
    assert broken == []


@pytest.mark.django_db
def test_a_read_goes_on_after_a_number_and_is_bounded() -> None:
    for _ in range(4):
        append("a")
    assert [event.seq for event in after({"a": 1}, 2)] == [2, 3]


@pytest.mark.django_db
def test_only_its_final_event_ends_a_stream() -> None:
    append("a")
    with transaction.atomic():
        log.append("a", type="completed", data={}, final=True)
    assert log.states(["a"])["a"].ended
    assert (log.last_seq("a"), log.last_seq("never")) == (2, 0)


@pytest.mark.django_db
def test_where_streams_stand_is_told_by_one_query(django_assert_num_queries: Any) -> None:
    append("a")
    with transaction.atomic():
        log.append_all([on("b"), on("b", final=True)])
    Stream.objects.filter(name="b").update(pruned_seq=1)
    with django_assert_num_queries(1):
        assert log.states(["a", "b", "never"]) == {
            "a": log.State(last_seq=1, pruned_seq=0, ended=False),
            "b": log.State(last_seq=2, pruned_seq=1, ended=True),
        }


def numbers(events: list[log.Entry]) -> list[tuple[str, int]]:
    return [(event.stream, event.seq) for event in events]


@pytest.mark.django_db
def test_many_streams_are_read_on_by_one_query_each_from_its_own_number(
    django_assert_num_queries: Any,
) -> None:
    with transaction.atomic():
        log.append_all([on(name) for name in "abcd" for _ in range(3)])
    with django_assert_num_queries(1):
        found = after({"c": 1, "a": 0, "b": 1, "never": 7}, limit=100)
        assert [(event.type, event.data, event.final) for event in found] == [
            ("progress", "{}", False)
        ] * 7
    assert numbers(found) == [
        *[("a", 1), ("a", 2), ("a", 3)],
        *[("b", 2), ("b", 3)],
        *[("c", 2), ("c", 3)],
    ]
    assert log.after_all({}, limit=100) == ({}, [])


@pytest.mark.django_db
def test_a_read_of_many_streams_is_bounded_and_goes_on_where_it_was_cut() -> None:
    with transaction.atomic():
        log.append_all([on(name) for name in "abcd" for _ in range(3)])
    seen = {"a": 0, "b": 1, "c": 2, "d": 0}
    reads = []
    while found := after(seen, limit=5):
        reads.append(numbers(found))
        seen |= dict(numbers(found))
    assert reads == [
        [("a", 1), ("a", 2), ("a", 3), ("b", 2), ("b", 3)],
        [("c", 3), ("d", 1), ("d", 2)],
        [("d", 3)],
    ]


@pytest.mark.django_db
def test_a_read_tells_where_the_streams_stand_that_it_came_to() -> None:
    with transaction.atomic():
        log.append_all([on(name, final=name == "b") for name in "abc" for _ in range(2)])
    cursors = {"a": 0, "b": 2, "c": 0, "never": 0}
    a, b, c = log.State(2, 0, ended=False), log.State(2, 0, ended=True), log.State(2, 0, False)
    assert log.after_all(cursors, limit=9)[0] == {"a": a, "b": b, "c": c}
    assert log.after_all(cursors, limit=3)[0] == {"a": a, "b": b}


@pytest.mark.django_db
def test_thousands_of_streams_are_read_on_whatever_their_numbers() -> None:
    names = [f"s{number:04}" for number in range(3000)]
    Stream.objects.bulk_create([Stream(name=name, last_seq=3000) for name in names])
    Event.objects.bulk_create([on(name, seq=3000) for name in names])
    cursors = {name: number for number, name in enumerate(names)}
    assert numbers(after(cursors, limit=5000)) == [(name, 3000) for name in names]
