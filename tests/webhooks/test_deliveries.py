"""The record of calls: replayed, and forgotten."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from jobs import lifecycle
from jobs.models import Attempt, Job, Status
from tests import factories
from tests.cloud import Cloud
from webhooks import deliveries, tasks
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db


@pytest.fixture
def attempt() -> Attempt:
    """Return an attempt that RunPod is at."""
    attempt, _ = factories.attempt(factories.job(options={}))
    lifecycle.apply_report(attempt=attempt, report=factories.report("IN_QUEUE", id="a-u1"))
    return attempt


def delivery(attempt: Attempt | None, **fields: Any) -> Delivery:
    given = {"kind": "completion", "answer": 200, "took_ms": 3, "outcome": "x"} | fields
    return Delivery.objects.create(attempt=attempt, **given)


def status(attempt: Attempt) -> str:
    return Job.objects.get(pk=attempt.job_id).status


def test_a_failure_is_replayed_from_what_was_kept(attempt: Attempt) -> None:
    row = delivery(attempt, report={"id": "a-u1", "status": "FAILED", "error": "CUDA"})
    assert deliveries.replay(delivery=row) == "The job moved."
    assert status(attempt) == Status.FAILED
    assert deliveries.replay(delivery=row) == "Nothing changed."
    row.refresh_from_db()
    assert (row.replay_outcome, row.replayed_at is not None) == ("Nothing changed.", True)


def test_a_result_that_was_not_kept_is_asked_for(attempt: Attempt, cloud: Cloud) -> None:
    row = delivery(attempt, report={"id": "a-u1", "status": "COMPLETED", "output": {"image": "…"}})
    cloud.status = 404
    assert deliveries.replay(delivery=row).startswith("RunPod cannot tell the result")
    body = {"id": "a-u1", "status": "COMPLETED", "output": factories.report().output}
    cloud.status, cloud.body = 200, json.dumps(body).encode()
    assert deliveries.replay(delivery=row) == "The job moved."
    assert status(attempt) == Status.COMPLETED


@pytest.mark.parametrize(
    ("report", "says"),
    [
        (None, "Malformed"),
        ({"id": "other", "status": "FAILED"}, "Refused"),
        ({"id": "a-u1", "status": "RETRIED"}, "Nothing changed."),
    ],
)
def test_what_was_refused_is_refused_again(attempt: Attempt, report: Any, says: str) -> None:
    assert deliveries.replay(delivery=delivery(attempt, report=report)).startswith(says)
    assert status(attempt) == Status.QUEUED


def test_nobody_s_call_is_not_replayed() -> None:
    row = delivery(None, report={"id": "a-u1", "status": "FAILED"})
    assert deliveries.replay(delivery=row).startswith("Nobody's")


def test_an_operator_replays_them_oldest_first(attempt: Attempt) -> None:
    browser = Client()
    browser.force_login(User.objects.create_superuser("root"))
    newer = delivery(attempt, report={"id": "a-u1", "status": "FAILED"})
    older = delivery(
        attempt,
        report={"id": "a-u1", "status": "IN_PROGRESS"},
        received_at=timezone.now() - timedelta(hours=1),
    )
    form = {"action": "replay", "_selected_action": [newer.pk, older.pk]}
    page = browser.post("/admin/webhooks/delivery/", form, follow=True).content.decode()
    assert page.count("The job moved.") == 2
    assert status(attempt) == Status.FAILED
    assert browser.get(f"/admin/webhooks/delivery/{newer.pk}/change/").status_code == 200


def test_who_may_only_look_replays_nothing(attempt: Attempt) -> None:
    viewer = User.objects.create_user("viewer", is_staff=True)
    browser = Client()
    browser.force_login(viewer)
    row = delivery(attempt, report={"id": "a-u1", "status": "FAILED"})
    form = {"action": "replay", "_selected_action": [row.pk]}
    browser.post("/admin/webhooks/delivery/", form)
    assert status(attempt) == Status.QUEUED


def test_old_ones_are_forgotten(attempt: Attempt, settings: Any) -> None:
    old = timezone.now() - timedelta(days=settings.RUNPOD_KEEP_DAYS, seconds=1)
    delivery(attempt, received_at=old)
    kept = delivery(attempt)
    tasks.prune_deliveries()
    assert list(Delivery.objects.all()) == [kept]


def test_strangers_do_not_fill_the_database(
    attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "_STRANGERS", 2)
    monkeypatch.setattr(deliveries, "_BATCH", 1)
    now = timezone.now()
    ours = delivery(attempt, received_at=now - timedelta(hours=1))
    theirs = [delivery(None, received_at=now - timedelta(minutes=age)) for age in range(5)]
    tasks.prune_deliveries()
    assert list(Delivery.objects.all()) == [*theirs[:2], ours]


def test_they_go_with_their_job(attempt: Attempt) -> None:
    delivery(attempt)
    attempt.job.delete()
    assert not Delivery.objects.exists()
