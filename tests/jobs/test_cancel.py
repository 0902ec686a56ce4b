"""A job that is cancelled: by its owner, by a program, by an operator, whatever RunPod does."""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import UUID

import celery
import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from rest_framework.test import APIClient

from events.models import Event
from jobs import lifecycle, streams, submission, tasks, withdrawal
from jobs.models import Attempt, Job, Restore, Status
from tests import factories
from tests.cloud import Cloud

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("eager")]


@pytest.fixture
def job(cloud: Cloud) -> Job:
    """Return a job that RunPod has taken."""
    job = factories.job(options={})
    job.refresh_from_db()
    assert job.status == Status.QUEUED
    return job


@pytest.fixture
def client(job: Job) -> APIClient:
    client = APIClient()
    client.force_login(job.owner)
    return client


def cancel(client: Any, job: Job) -> Any:
    return client.post(f"/api/v1/jobs/{job.pk}/cancel")


def told(job: Job) -> list[tuple[str, bool]]:
    events = Event.objects.filter(stream=streams.job_stream(job.pk))
    return list(events.values_list("type", "final"))


def test_a_job_is_cancelled_at_once_and_runpod_is_told(
    client: APIClient, job: Job, cloud: Cloud
) -> None:
    answer = cancel(client, job)
    assert answer.status_code == 202
    assert (answer.json()["status"], answer.json()["error"]["code"]) == ("cancelled", "cancelled")
    assert told(job)[-1] == ("cancelled", True)
    assert cloud.asked("cancel") == ["eaebd6e7-u1"]


def test_once_more_is_no_error_and_tells_nothing_twice(
    client: APIClient, job: Job, cloud: Cloud
) -> None:
    assert [cancel(client, job).status_code for _ in range(2)] == [202, 202]
    assert told(job).count(("cancelled", True)) == 1
    assert len(cloud.asked("cancel")) == 1


@pytest.mark.parametrize("word", ["COMPLETED", "FAILED", "TIMED_OUT"])
def test_what_has_ended_cannot_be_cancelled(
    client: APIClient, job: Job, cloud: Cloud, word: str
) -> None:
    report = factories.report(word, id="eaebd6e7-u1")
    lifecycle.apply_report(attempt=job.attempts.get(), report=report)
    answer = cancel(client, job)
    assert (answer.status_code, answer.json()["code"]) == (409, "too_late")
    assert cloud.asked("cancel") == []


@pytest.mark.parametrize("status", [Status.CREATED, Status.PENDING])
def test_what_runpod_does_not_have_is_cancelled_without_it(
    client: APIClient, job: Job, cloud: Cloud, status: Status
) -> None:
    other = factories.job(job.owner, status=status)
    assert cancel(client, other).json()["status"] == "cancelled"
    assert cloud.asked("cancel") == []


def test_nobody_cancels_another_s_job(client: APIClient, job: Job) -> None:
    stranger = APIClient()
    assert cancel(stranger, job).status_code == 401
    stranger.force_login(factories.user("eve"))
    assert cancel(stranger, job).status_code == 404
    assert client.post(f"/api/v1/jobs/{UUID(int=1)}/cancel").status_code == 404
    assert Job.objects.get(pk=job.pk).status == Status.QUEUED


def test_a_result_that_arrives_after_all_is_kept_out(
    client: APIClient, job: Job, caplog: pytest.LogCaptureFixture
) -> None:
    cancel(client, job)
    attempt = job.attempts.get()
    assert not lifecycle.apply_report(attempt=attempt, report=factories.report(id="eaebd6e7-u1"))
    assert not Restore.objects.exists()
    assert Job.objects.get(pk=job.pk).status == Status.CANCELLED
    assert "kept out" in caplog.text


def test_runpod_s_own_word_of_the_cancellation_changes_nothing(client: APIClient, job: Job) -> None:
    cancel(client, job)
    report = factories.report("CANCELLED", id="eaebd6e7-u1")
    assert not lifecycle.apply_report(attempt=job.attempts.get(), report=report)


def test_a_runpod_that_does_not_answer_keeps_nobody_waiting(
    client: APIClient, job: Job, cloud: Cloud
) -> None:
    cloud.answers["cancel"] = (502, b"")
    assert cancel(client, job).status_code == 202
    cloud.answers["cancel"] = (200, b'{"id": "eaebd6e7-u1", "status": "CANCELLED"}')
    Attempt.objects.update(look_at=job.created_at)
    before = len(cloud.asked("cancel"))
    tasks.reconcile_jobs()
    assert len(cloud.asked("cancel")) == before + 1
    assert Attempt.objects.get().lost_at


def test_with_the_broker_down_it_is_cancelled_and_the_reconciler_tells_runpod(
    client: APIClient, job: Job, cloud: Cloud, no_broker: None
) -> None:
    celery.current_app.conf.task_always_eager = False
    assert cancel(client, job).status_code == 202
    assert cloud.asked("cancel") == []
    Attempt.objects.update(look_at=job.created_at)
    tasks.reconcile_jobs()
    assert cloud.asked("cancel") == ["eaebd6e7-u1"]


def test_a_cancelled_job_whose_photo_is_deleted_is_cancelled_all_the_same(
    client: APIClient, job: Job, cloud: Cloud
) -> None:
    celery.current_app.conf.task_always_eager = False
    cancel(client, job)
    celery.current_app.conf.task_always_eager = True
    assert client.delete(f"/api/v1/photos/{job.photo_id}").status_code == 204
    assert cloud.asked("cancel") == ["eaebd6e7-u1"]


def test_the_page_has_a_button_for_it(job: Job, cloud: Cloud) -> None:
    browser = Client()
    browser.force_login(job.owner)
    address = f"/jobs/{job.pk}/cancel/"
    page = f"/photos/{job.photo_id}/"
    assert f'action="{address}"' in browser.get(page).content.decode()
    answer = browser.post(address)
    assert (answer.status_code, answer["Location"]) == (302, page)
    after = browser.get(page).content.decode()
    assert f'action="{address}"' not in after
    assert "The restoration was cancelled." in after
    assert browser.post(address).status_code == 302
    assert browser.get(address).status_code == 405


def test_many_are_cancelled_no_faster_than_runpod_takes_it(job: Job, cloud: Cloud) -> None:
    done = factories.job(job.owner)
    lifecycle.fail(job=done, code="x", message="x", retryable=False)
    assert withdrawal.cancel_all(jobs=[job, done]) == 1
    assert cloud.asked("cancel") == []
    tasks.reconcile_jobs()
    assert cloud.asked("cancel") == ["eaebd6e7-u1"]


def test_a_long_list_is_cancelled_in_parts(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "_CANCELS", 2)
    tasks.cancel_runs.apply(kwargs={"runpod_job_ids": ["a", "b", "c", "d", "e"]})
    assert sorted(cloud.asked("cancel")) == ["a", "b", "c", "d", "e"]


@pytest.fixture
def admin(job: Job) -> Client:
    browser = Client()
    browser.force_login(User.objects.create_superuser("root"))
    return browser


def act(admin: Client, model: str, action: str, *ids: object) -> str:
    body = {"action": action, "_selected_action": [str(id) for id in ids]}
    return admin.post(f"/admin/jobs/{model}/", body, follow=True).content.decode()


def test_an_operator_cancels_jobs(admin: Client, job: Job) -> None:
    assert "1 cancelled" in act(admin, "job", "cancel", job.pk)
    assert Job.objects.get(pk=job.pk).status == Status.CANCELLED


def test_an_operator_has_runpod_asked(admin: Client, job: Job, cloud: Cloud) -> None:
    body = {"id": "eaebd6e7-u1", "status": "COMPLETED", "output": factories.report().output}
    cloud.answers["status"] = (200, json.dumps(body).encode())
    assert "1 will be looked after" in act(admin, "job", "ask_runpod", job.pk)
    tasks.reconcile_jobs()
    assert Job.objects.get(pk=job.pk).status == Status.COMPLETED


def test_admin_says_that_nothing_is_submitted_and_tries_again(
    admin: Client, job: Job, cloud: Cloud
) -> None:
    cloud.status = 401
    waits = factories.job(job.owner, options={})
    page = Client()
    page.force_login(job.owner)
    assert re.search(r"data-ahead hidden>", page.get(f"/photos/{waits.photo_id}/").content.decode())
    assert "RunPod refuses the key (401)" in admin.get("/admin/jobs/job/").content.decode()
    assert "RunPod refuses the key (401)" in admin.get("/admin/jobs/circuit/").content.decode()
    cloud.status, cloud.body = 200, b'{"id": "second", "status": "IN_QUEUE"}'
    assert "The next job is let through" in act(admin, "circuit", "try_now", 1)
    tasks.reconcile_jobs()
    assert Job.objects.get(pk=waits.pk).status == Status.QUEUED
    assert "RunPod takes jobs already" in act(admin, "circuit", "try_now", 1)


def test_who_may_only_look_has_no_actions(job: Job) -> None:
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename="view_job"))
    browser = Client()
    browser.force_login(viewer)
    assert "Ask RunPod now" not in browser.get("/admin/jobs/job/").content.decode()
    act(browser, "job", "cancel", job.pk)
    assert Job.objects.get(pk=job.pk).status == Status.QUEUED


def test_a_submit_under_way_is_cancelled_when_it_is_taken(
    job: Job, client: APIClient, cloud: Cloud
) -> None:
    attempt, _ = factories.attempt(other := factories.job(job.owner, status=Status.PENDING))
    cancel(client, other)
    submission._accepted(attempt, factories.report("IN_QUEUE", id="late"))
    assert cloud.asked("cancel") == ["late"]
