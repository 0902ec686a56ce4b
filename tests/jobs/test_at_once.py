"""One statement does what the long way does, or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection, transaction
from django.forms.models import model_to_dict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import get_script_prefix, set_script_prefix
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from time_machine import Traveller

from events.models import Event
from jobs import callbacks, lifecycle, streams
from jobs.models import FINAL, Attempt, Job, Status, Webhook, hash_of
from jobs.runpod import Report
from jobs.snapshots import expression, snapshot
from tests import factories
from tests.together import together
from webhooks import deliveries
from webhooks.models import Delivery

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="Only PostgreSQL does it."),
]

TOKEN = "token"
TOLD_BY_IT = sorted({Status.PROCESSING, *FINAL} - {Status.COMPLETED})
MOMENTS = st.datetimes(
    min_value=datetime(1, 1, 2),  # noqa: DTZ001 - the strategy adds the zone
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=st.just(UTC),
)
# What a column takes: no NUL, no halves of surrogate pairs.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
COLUMNS = {
    "options": st.dictionaries(TEXTS, st.none() | st.booleans() | st.integers(-99, 99) | TEXTS),
    "progress": st.integers(0, 100),
    "stage": TEXTS,
    "ahead": st.none() | st.integers(0, 9),
    "error_message": TEXTS,
    "error_retryable": st.booleans(),
    "created_at": MOMENTS,
    **dict.fromkeys(["requested_at", "queued_at", "started_at"], st.none() | MOMENTS),
}


class TestExpression(TestCase):
    @settings(max_examples=150, deadline=None)
    @given(st.sampled_from(TOLD_BY_IT), st.fixed_dictionaries(COLUMNS), TEXTS.filter(bool), MOMENTS)
    def test_the_database_says_of_a_job_what_its_snapshot_says(
        self, status: Status, columns: dict[str, Any], code: str, finished_at: datetime
    ) -> None:
        end = {"error_code": code, "finished_at": finished_at} if status in FINAL else {}
        job = factories.job()
        Job.objects.filter(pk=job.pk).update(status=status, **columns, **end)
        text = said_of(job, status)
        assert json.loads(text) == snapshot(Job.objects.get(pk=job.pk))
        assert len(text.splitlines()) == 1


def said_of(job: Job, status: Status) -> str:
    with connection.cursor() as cursor:
        text, values = expression(status)
        statement = "SELECT {} FROM jobs_job job WHERE id = %s"
        cursor.execute(statement.format(text), [*values, job.pk])
        return str(cursor.fetchone()[0])


@pytest.fixture
def attempt() -> Attempt:
    """Return the only attempt, TOKEN's, of a job that RunPod is at."""
    attempt, _ = factories.attempt(factories.job(status=Status.PROCESSING))
    attempt.runpod_job_id, attempt.token_hash = "runpod-1", hash_of(TOKEN)
    attempt.save()
    return attempt


def end(token: str = TOKEN, status: str = "FAILED", **fields: Any) -> bool:
    report = factories.report(status, **{"error": "CUDA, full"} | fields)
    return lifecycle.end_at_once(token=token, report=report)


def end_slowly(attempt: Attempt, status: str = "FAILED", **fields: Any) -> bool:
    report = factories.report(status, **{"error": "CUDA, full"} | fields)
    return lifecycle.apply_report(attempt=attempt, report=report)


def tell(attempt: Attempt, percent: int = 40, stage: str = "noise") -> bool:
    return lifecycle.progress_at_once(attempt_id=attempt.pk, fraction=percent / 100, stage=stage)


def tell_slowly(attempt: Attempt, percent: int = 40, stage: str = "noise") -> None:
    lifecycle.apply_progress(attempt=attempt, fraction=percent / 100, stage=stage)


def outcome(attempt: Attempt) -> tuple[Any, ...]:
    """Return all that is known of the attempt's job, and all that was told of it."""
    job = Job.objects.get(pk=attempt.job_id)
    own, owners = streams.job_stream(job.pk), streams.owner_stream(job.owner_id)
    fields = ["stream", "seq", "type", "data", "final", "subject", "transient", "created_at"]
    found = Event.objects.filter(stream__in=[own, owners]).values_list(*fields)
    events = [(name, seq, type, json.loads(data), *more) for name, seq, type, data, *more in found]
    return model_to_dict(job), events


def undone(attempt: Attempt, work: Callable[[], Any]) -> tuple[Any, ...]:
    """Return what comes of the work, and undo it."""
    point = transaction.savepoint()
    work()
    found = outcome(attempt)
    transaction.savepoint_rollback(point)
    return found


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("status", [Status.QUEUED, Status.PROCESSING])
@pytest.mark.parametrize("word", ["FAILED", "CANCELLED", "TIMED_OUT"])
def test_an_end_is_the_same_both_ways(attempt: Attempt, word: str, status: Status) -> None:
    Job.objects.update(status=status, progress=40, stage="noise", delay_ms=7)
    fields: dict[str, Any] = {"status": word, "execution_ms": 157}
    at_once = undone(attempt, lambda: end(**fields))
    assert at_once == undone(attempt, lambda: end_slowly(attempt, **fields))
    assert at_once != undone(attempt, lambda: None)


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("untold", [True, False])
def test_progress_is_the_same_both_ways(attempt: Attempt, *, untold: bool) -> None:
    told_at = timezone.now() - timedelta(seconds=0.5)
    Job.objects.update(progress=30, progress_told_at=told_at, progress_is_untold=untold)
    at_once = undone(attempt, lambda: tell(attempt))
    assert at_once == undone(attempt, lambda: tell_slowly(attempt))
    assert at_once != undone(attempt, lambda: None)


def test_a_call_of_a_worker_is_one_statement(attempt: Attempt) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert call(callbacks.progress_token(attempt), {"progress": 0.4}, "progress") == 200
    assert len(queries) == 1


def test_a_failure_is_told_by_the_first_statement(attempt: Attempt) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert call(TOKEN, {"id": "runpod-1", "status": "FAILED", "error": "CUDA"}) == 200
    assert "INSERT INTO events_event" in queries[0]["sql"]
    attempt.refresh_from_db()
    assert attempt.ended_at
    delivery = Delivery.objects.get()
    assert (delivery.attempt, delivery.outcome) == (attempt, deliveries.MOVED)


def test_a_long_error_is_told_the_long_way(attempt: Attempt) -> None:
    with CaptureQueriesContext(connection) as queries:
        error = "CUDA" * 20_000
        assert call(TOKEN, {"id": "runpod-1", "status": "FAILED", "error": error}) == 200
    assert queries[0]["sql"].startswith("SELECT")
    assert Job.objects.get().status == Status.FAILED


def call(token: str, body: dict[str, Any], kind: str = "completion") -> int:
    path = f"/api/v1/webhooks/runpod-{kind}/{token}"
    return Client().post(path, body, content_type="application/json").status_code


@pytest.mark.parametrize(
    "change",
    [
        lambda attempt: Job.objects.update(status=Status.PENDING),
        lambda attempt: Job.objects.update(status=Status.CANCELLED, finished_at=timezone.now()),
        lambda attempt: Webhook.objects.create(owner=attempt.job.owner, url="https://a.example"),
        lambda attempt: Attempt.objects.update(ended_at=timezone.now()),
        lambda attempt: attempt.job.photo.delete(),
    ],
    ids=["pending", "cancelled", "watched", "ended", "deleted"],
)
def test_what_has_more_to_it_is_left_alone(
    attempt: Attempt, change: Callable[[Attempt], Any]
) -> None:
    change(attempt)
    events = Event.objects.count()
    assert not end()
    assert not tell(attempt)
    assert Event.objects.count() == events


def test_webhooks_that_are_off_are_none(attempt: Attempt) -> None:
    owner = attempt.job.owner
    Webhook.objects.create(owner=owner, url="https://a.example", disabled_at=timezone.now())
    Webhook.objects.create(owner=factories.user("bob"), url="https://a.example")
    assert tell(attempt)
    assert end()


@pytest.mark.parametrize(
    "fields", [{"id": "runpod-2"}, {"token": "another"}, {"status": "RUNNING"}]
)
def test_an_end_that_is_not_surely_the_jobs_is_left_alone(
    attempt: Attempt, fields: dict[str, str]
) -> None:
    before = outcome(attempt)
    assert not end(**fields)
    assert outcome(attempt) == before


def test_one_of_two_attempts_ends_nothing_at_once(attempt: Attempt) -> None:
    factories.attempt(attempt.job)
    assert not end()


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(("percent", "stage"), [(40, "noise"), (39, "scratches"), (100, "")])
def test_only_news_is_told_and_never_all(attempt: Attempt, percent: int, stage: str) -> None:
    Job.objects.update(progress=40, stage="noise")
    assert tell(attempt, percent, stage) == (percent == 100)
    assert Job.objects.get().progress == (99 if percent == 100 else 40)


def test_progress_too_soon_after_another_is_left_to_the_long_way(
    attempt: Attempt, clock: Traveller
) -> None:
    assert tell(attempt, 10)
    clock.shift(0.49)
    assert not tell(attempt, 20)
    clock.shift(0.01)
    assert tell(attempt, 20)


@pytest.mark.django_db(transaction=True)
def test_of_several_at_the_same_moment_one_is_told(attempt: Attempt) -> None:
    told = together(*[partial(tell, attempt, percent) for percent in (10, 20, 30, 40)])
    assert told.count(True) == 1
    ended = together(*[partial(end, status=word) for word in ("FAILED", "CANCELLED", "FAILED")])
    assert ended.count(True) == 1
    seqs = Event.objects.filter(stream=streams.job_stream(attempt.job_id)).values_list("seq")
    assert [seq for (seq,) in seqs] == [*range(1, len(seqs) + 1)]


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    "prefix", ["/restore/", "/l'atelier/", "/')) AS data), x AS (--%s/", '/"/']
)
def test_addresses_begin_as_the_request_does(attempt: Attempt, prefix: str) -> None:
    was = get_script_prefix()
    set_script_prefix(prefix)
    try:
        at_once = undone(attempt, lambda: end())
        assert at_once == undone(attempt, lambda: end_slowly(attempt))
        assert at_once != undone(attempt, lambda: None)
        assert undone(attempt, lambda: tell(attempt)) == undone(
            attempt, lambda: tell_slowly(attempt)
        )
    finally:
        set_script_prefix(was)


def test_a_worker_s_own_on_hold_goes_the_long_way(attempt: Attempt) -> None:
    Job.objects.update(stage="on hold")
    assert not end()
    assert call(TOKEN, {"id": "runpod-1", "status": "FAILED"}) == 200
    assert Job.objects.get().stage == ""


def test_what_was_told_at_once_is_not_refused_afterwards(attempt: Attempt) -> None:
    def meanwhile(token: str, report: Report) -> bool:
        told = really(token=token, report=report)
        attempt.hear("TIMED_OUT", None, ends=True)
        return told

    really = lifecycle.end_at_once
    with patch("jobs.lifecycle.end_at_once", meanwhile):
        assert call(TOKEN, {"id": "runpod-1", "status": "FAILED"}) == 200
    assert Delivery.objects.get().outcome == deliveries.MOVED
    assert call(TOKEN, {"id": "runpod-1", "status": "FAILED"}) == 404
