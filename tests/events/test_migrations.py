"""What migrations make of the rows that are there."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from events.models import Event, Stream
from jobs import lifecycle
from tests import factories


def run(module: str, step: str) -> None:
    migration: Any = importlib.import_module(module)
    getattr(migration, step)(apps, connection.schema_editor())


@pytest.mark.django_db
def test_streams_that_had_their_final_event_are_ended() -> None:
    for name, final in (("a", False), ("b", True)):
        stream = Stream.objects.create(name=name, last_seq=1)
        Event.objects.create(stream=stream, seq=1, type="x", data="{}", final=final)
    run("events.migrations.0003_ended_streams", "note_the_end")
    assert list(Stream.objects.order_by("name").values_list("ended", flat=True)) == [False, True]


@pytest.mark.django_db
def test_events_that_were_there_know_their_job() -> None:
    job = factories.job()
    attempt, _ = factories.attempt(job)
    lifecycle.apply_progress(attempt=attempt, fraction=0.5, stage="noise")
    Event.objects.update(subject="", transient=False)
    run("jobs.migrations.0002_event_subjects", "note_the_job")
    assert set(Event.objects.values_list("type", "subject", "transient")) == {
        ("processing", str(job.pk), False),
        ("progress", str(job.pk), True),
    }
