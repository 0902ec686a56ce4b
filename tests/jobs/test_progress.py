"""How far a worker is, as it is told: forward only, twice a second at most, the newest always."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any
from unittest.mock import patch

import pytest
import redis
import time_machine
from django.conf import settings as django_settings
from django.db import connection
from time_machine import Traveller

from events.models import Event
from jobs import callbacks, deletion, lifecycle, progress, streams, tasks
from jobs.models import Attempt, Job, Status
from jobs.snapshots import snapshot
from tests import factories
from tests.together import together

pytestmark = pytest.mark.django_db

GAP = timedelta(seconds=0.5)


@pytest.fixture
def attempt() -> Attempt:
    return factories.attempt(factories.job(status=Status.PROCESSING))[0]


@pytest.fixture
def broker() -> Iterator[redis.Redis]:
    """Return the broker, with nothing queued."""
    with redis.Redis.from_url(django_settings.REDIS_URL) as broker:
        broker.delete("celery")
        yield broker
        broker.delete("celery")


def as_called(attempt: Attempt) -> Attempt:
    """Return it as a call of its worker finds it."""
    found = callbacks.reporting_attempt_of(callbacks.progress_token(attempt))
    assert found
    return found


def post(attempt: Attempt, percent: int, stage: str = "noise") -> timedelta | None:
    attempt = as_called(attempt)
    return lifecycle.apply_progress(attempt=attempt, fraction=percent / 100, stage=stage)


def told(attempt: Attempt) -> list[tuple[str, int]]:
    """Return the types and percentages of what the job's stream was told."""
    events = Event.objects.filter(stream=streams.job_stream(attempt.job_id))
    return [(event.type, json.loads(event.data)["progress"]) for event in events]


def row(attempt: Attempt) -> tuple[int, str]:
    job = Job.objects.get(pk=attempt.job_id)
    return job.progress, job.stage


def test_progress_only_rises_and_is_told_once(clock: Traveller) -> None:
    attempt, _ = factories.attempt(factories.job(status=Status.QUEUED))
    for percent in (40, 40, 20):
        post(attempt, percent)
        clock.shift(1)
    assert row(attempt) == (40, "noise")
    assert told(attempt) == [("processing", 0), ("progress", 40)]


def test_progress_after_the_end_is_ignored(attempt: Attempt) -> None:
    lifecycle.fail(job=attempt.job, code="x", message="x", retryable=True)
    assert post(attempt, 40) is None
    assert row(attempt) == (0, "")
    assert told(attempt) == [("failed", 0)]


def test_what_comes_within_half_a_second_is_on_the_row_and_held_back(
    attempt: Attempt, clock: Traveller
) -> None:
    for percent in (10, 11, 12):
        post(attempt, percent)
        clock.shift(0.1)
    assert row(attempt) == (12, "noise")
    assert told(attempt) == [("progress", 10)]


def test_somebody_is_asked_once_to_tell_what_is_held_back(
    attempt: Attempt, clock: Traveller
) -> None:
    waits = []
    for percent in (10, 11, 12, 12):
        waits.append(post(attempt, percent))
        clock.shift(0.1)
    assert waits == [None, timedelta(seconds=0.4), None, None]


def test_the_newest_is_told_when_the_half_second_is_over(
    attempt: Attempt, clock: Traveller
) -> None:
    post(attempt, 10)
    post(attempt, 11)
    post(attempt, 12, "colour")
    clock.shift(0.5)
    assert lifecycle.tell_progress(job_id=attempt.job_id) is None
    event = Event.objects.filter(stream=streams.job_stream(attempt.job_id)).latest("seq")
    assert json.loads(event.data) == snapshot(Job.objects.get(pk=attempt.job_id))
    assert told(attempt) == [("progress", 10), ("progress", 12)]
    clock.shift(0.5)
    lifecycle.tell_progress(job_id=attempt.job_id)
    assert len(told(attempt)) == 2


def test_who_tells_too_early_is_asked_to_wait(attempt: Attempt, clock: Traveller) -> None:
    post(attempt, 10)
    post(attempt, 11)
    clock.shift(0.2)
    assert lifecycle.tell_progress(job_id=attempt.job_id) == timedelta(seconds=0.3)
    assert told(attempt) == [("progress", 10)]
    clock.shift(0.3)
    lifecycle.tell_progress(job_id=attempt.job_id)
    assert told(attempt) == [("progress", 10), ("progress", 11)]


def test_the_next_progress_tells_it_where_nobody_did(attempt: Attempt, clock: Traveller) -> None:
    post(attempt, 10)
    post(attempt, 11)
    clock.shift(0.6)
    post(attempt, 11)  # no news, but not told yet
    clock.shift(0.6)
    post(attempt, 11)
    assert told(attempt) == [("progress", 10), ("progress", 11)]


def test_nothing_is_told_after_the_end(attempt: Attempt, clock: Traveller) -> None:
    post(attempt, 10)
    post(attempt, 11)
    lifecycle.apply_report(attempt=attempt, report=factories.report())
    clock.shift(1)
    assert lifecycle.tell_progress(job_id=attempt.job_id) is None
    assert told(attempt) == [("progress", 10), ("completed", 100)]


def test_nothing_is_told_of_a_job_that_is_deleted(attempt: Attempt, clock: Traveller) -> None:
    post(attempt, 10)
    post(attempt, 11)
    Job.objects.all().delete()
    clock.shift(1)
    assert lifecycle.tell_progress(job_id=attempt.job_id) is None


def test_however_fast_a_worker_posts_two_are_told_in_a_second(
    attempt: Attempt, clock: Traveller
) -> None:
    due: datetime | None = None
    times: list[datetime] = []
    for percent in range(1, 99):
        if wait := post(attempt, percent):
            due = datetime.now(UTC) + wait
        if due and due <= datetime.now(UTC):
            lifecycle.tell_progress(job_id=attempt.job_id)
            due = None
        while len(times) < len(told(attempt)):
            times.append(datetime.now(UTC))
        clock.shift(0.03)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert min(gaps) >= GAP
    assert max(gaps) < GAP + timedelta(seconds=0.03)


def queued(broker: redis.Redis) -> list[dict[str, Any]]:
    messages: Any = broker.lrange("celery", 0, -1)
    return [json.loads(message)["headers"] for message in messages]


def test_a_task_is_queued_for_what_is_held_back(
    attempt: Attempt, broker: redis.Redis, clock: Traveller
) -> None:
    for percent in (10, 11, 12):
        progress.report(attempt=attempt, fraction=percent / 100, stage="noise")
    [task] = queued(broker)
    assert task["task"] == "jobs.tasks.tell_progress"
    assert datetime.fromisoformat(task["eta"]) == datetime.now(UTC) + GAP
    clock.shift(0.3)
    tasks.tell_progress.apply(kwargs={"job_id": str(attempt.job_id)})
    assert len(queued(broker)) == 2  # too early: once more, later
    clock.shift(0.2)
    tasks.tell_progress.apply(kwargs={"job_id": str(attempt.job_id)})
    assert len(queued(broker)) == 2
    assert told(attempt) == [("progress", 10), ("progress", 12)]


def test_without_a_broker_progress_is_taken_in_and_told_with_the_next(
    attempt: Attempt,
    clock: Traveller,
    no_broker: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for percent in (10, 11):
        progress.report(attempt=attempt, fraction=percent / 100, stage="noise")
    assert row(attempt) == (11, "noise")
    [said] = [record for record in caplog.records if record.name == "jobs.tasks"]
    assert not said.exc_info
    clock.shift(0.5)
    progress.report(attempt=attempt, fraction=0.12, stage="noise")
    assert told(attempt) == [("progress", 10), ("progress", 12)]


@pytest.mark.django_db(transaction=True)
def test_many_posts_at_once_are_told_once_and_ask_once(attempt: Attempt) -> None:
    posts = [partial(post, attempt, 10 + number) for number in range(8)]
    with time_machine.travel(datetime(2026, 11, 24, 12, tzinfo=UTC), tick=False):
        waits = together(*posts)
    assert row(attempt)[0] == 17
    assert [type for type, _ in told(attempt)] == ["progress"]
    assert len([wait for wait in waits if wait]) <= 1


def test_a_call_takes_two_statements_where_rows_have_versions(
    attempt: Attempt, clock: Traveller, django_assert_num_queries: Any
) -> None:
    post(attempt, 10)
    clock.shift(1)
    with django_assert_num_queries(2 if connection.vendor == "postgresql" else 7):
        post(attempt, 11)


@pytest.mark.django_db(transaction=True)
def test_what_happened_since_the_call_was_read_counts(attempt: Attempt, clock: Traveller) -> None:
    early, late = as_called(attempt), as_called(attempt)
    post(attempt, 20)
    clock.shift(1)
    assert lifecycle.apply_progress(attempt=early, fraction=0.1, stage="noise") is None
    assert lifecycle.apply_progress(attempt=late, fraction=0.3, stage="noise") is None
    lost = as_called(attempt)
    lifecycle.stop(attempt.job_id, Status.CANCELLED, code="c", message="c", retryable=False)
    assert lifecycle.apply_progress(attempt=lost, fraction=0.9, stage="noise") is None
    assert told(attempt) == [("progress", 20), ("progress", 30), ("cancelled", 30)]


@pytest.mark.django_db(transaction=True)
def test_a_photo_that_was_deleted_since_the_call_was_read_is_not_told_of(attempt: Attempt) -> None:
    early = as_called(attempt)
    deletion.delete(photo=attempt.job.photo)
    events = Event.objects.count()
    assert lifecycle.apply_progress(attempt=early, fraction=0.1, stage="noise") is None
    assert Event.objects.count() == events


@pytest.mark.django_db(transaction=True)
def test_calls_and_an_end_at_once_are_told_in_order_and_end_with_it(attempt: Attempt) -> None:
    def work(number: int) -> None:
        for percent in range(number, 99, 4):
            post(attempt, percent, f"stage {number}")

    def end() -> None:
        lifecycle.stop(attempt.job_id, Status.FAILED, code="x", message="x", retryable=True)

    with patch.object(lifecycle, "_PROGRESS_GAP", timedelta()):
        together(*(partial(work, number) for number in range(1, 5)), end)
    rising = [percent for type, percent in told(attempt)]
    assert rising == sorted(rising)
    assert [type for type, _ in told(attempt)].index("failed") == len(rising) - 1
    seqs = Event.objects.filter(stream=streams.job_stream(attempt.job_id)).values_list("seq")
    assert [seq for (seq,) in seqs] == [*range(1, len(rising) + 1)]
