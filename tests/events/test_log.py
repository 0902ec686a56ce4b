"""The log: gapless numbers per stream, written with what they tell of."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError

from events import log
from events.models import Event


def append(stream: str, **fields: object) -> int:
    with transaction.atomic():
        return log.append(stream, type="progress", data=fields)


def in_threads(count: int, work: Callable[[int], None]) -> None:
    def run(number: int) -> None:
        try:
            work(number)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.django_db
def test_each_stream_counts_from_one() -> None:
    assert [append("a"), append("b"), append("a")] == [1, 1, 2]


@pytest.mark.django_db
def test_the_data_is_kept_as_it_goes_over_the_wire() -> None:
    append("a", name="Zoë", size=[1, 2])
    assert Event.objects.get().data == '{"name":"Zoë","size":[1,2]}'


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

    in_threads(8, work)
    assert [event.seq for event in log.after("busy", 0)] == list(range(1, 81))


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
            seen = [event.seq for event in log.after("watched", 0)]
            if seen != list(range(1, len(seen) + 1)):
                broken.append(seen)
            if len(seen) == 80:
                done.set()

    in_threads(5, work)
    assert broken == []


@pytest.mark.django_db
def test_a_read_goes_on_after_a_number_and_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "PAGE", 2)
    for _ in range(4):
        append("a")
    assert [event.seq for event in log.after("a", 1)] == [2, 3]


@pytest.mark.django_db
def test_only_its_final_event_ends_a_stream() -> None:
    append("a")
    with transaction.atomic():
        log.append("a", type="completed", data={}, final=True)
    assert [log.has_ended("a", seq) for seq in (1, 2, 3)] == [False, True, False]
    assert (log.last_seq("a"), log.last_seq("never")) == (2, 0)
