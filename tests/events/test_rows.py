"""Rows by statements that are made once."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from events import rows
from events.models import Event, Stream

pytestmark = pytest.mark.django_db


def newest(name: Any) -> Any:
    events = Event.objects.filter(stream=OuterRef("stream"), seq__gt=OuterRef("seq"))
    return (
        Event.objects.filter(stream=name, final=False)
        .annotate(is_newest=~Exists(events))
        .order_by("seq")
    )


def an_event(seq: int, **fields: Any) -> Event:
    Stream.objects.get_or_create(name="a")
    return Event.objects.create(stream_id="a", seq=seq, type="progress", data="{}", **fields)


def test_a_lookup_finds_what_the_query_finds_annotations_too() -> None:
    first, second = an_event(1), an_event(2)
    lookup = rows.Lookup(newest, "stream", example="example")
    assert lookup.all("a") == [first, second]
    assert [event.is_newest for event in lookup.all("a")] == [False, True]
    found = lookup.first("a")
    assert found is not None
    assert {**vars(found), "_state": None, "is_newest": None} == {
        **vars(Event.objects.get(pk=first.pk)),
        "_state": None,
        "is_newest": None,
    }
    assert lookup.first("b") is None


def test_a_lookup_s_row_is_locked_where_the_query_locks(
    django_assert_num_queries: Any,
) -> None:
    an_event(1)
    lookup = rows.Lookup(
        lambda name: Stream.objects.select_for_update().filter(pk=name), "name", example="-"
    )
    with transaction.atomic(), django_assert_num_queries(1) as asked:
        assert str(lookup.first("a")) == "a"
    sql = asked.captured_queries[0]["sql"]
    assert ("FOR UPDATE" in sql) == (connection.vendor == "postgresql")


def test_an_update_writes_the_fields_it_names_and_no_others() -> None:
    event, other = an_event(1), an_event(2)
    event.type, event.data, event.final = "completed", "[]", True
    rows.update(event, "type", "final").make()
    event.refresh_from_db()
    assert (event.type, event.data, event.final) == ("completed", "{}", True)
    other.refresh_from_db()
    assert other.type == "progress"


def test_a_row_that_is_gone_is_not_written_anew() -> None:
    event = an_event(1)
    Event.objects.all().delete()
    event.pk = 1
    rows.update(event, "type").make()
    assert not Event.objects.exists()


def test_a_row_is_added_as_saving_it_does() -> None:
    Stream.objects.create(name="a")
    event = Event(stream_id="a", seq=1, type="progress", data='{"a": 1}', subject="b")
    rows.insert(event).make()
    found = Event.objects.get()
    assert {**vars(found), "_state": None, "id": None} == {
        **vars(event),
        "_state": None,
        "id": None,
    }
    assert found.created_at is not None


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite keeps its plans itself.")
def test_a_statement_that_comes_again_is_planned_once() -> None:
    lookup = rows.Lookup(newest, "stream", example="-")
    for number in range(6):
        lookup.first(f"job.{number}")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%event%'")
        assert cursor.fetchone() == (1,)


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite numbers them itself.")
def test_values_stand_where_they_are_named_however_many() -> None:
    values = [f"{number} %s %% $1" for number in range(60)]
    columns = ", ".join(["%s::text"] * len(values))
    with rows.prepared() as cursor:
        cursor.execute(f"SELECT '100 %%', {columns}", values)
        assert cursor.fetchone() == ("100 %", *values)
        cursor.execute("SELECT '100 %'")
        assert cursor.fetchone() == ("100 %",)
