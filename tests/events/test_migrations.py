"""What migrations make of the rows that are there."""

from __future__ import annotations

import importlib

import pytest
from django.apps import apps
from django.db import connection

from events.models import Event, Stream


@pytest.mark.django_db
def test_streams_that_had_their_final_event_are_ended() -> None:
    for name, final in (("a", False), ("b", True)):
        stream = Stream.objects.create(name=name, last_seq=1)
        Event.objects.create(stream=stream, seq=1, type="x", data="{}", final=final)
    migration = importlib.import_module("events.migrations.0003_ended_streams")
    migration.note_the_end(apps, connection.schema_editor())
    assert list(Stream.objects.order_by("name").values_list("ended", flat=True)) == [False, True]
