"""Submitting: to a RunPod that takes it, refuses it, or says nothing."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from jobs import callbacks, lifecycle, submission
from jobs.models import Attempt, Job, Status, hash_of
from jobs.runpod import RunPodError
from tests import factories
from tests.cloud import Cloud

pytestmark = pytest.mark.django_db


@pytest.fixture
def job() -> Job:
    return factories.job(options={"scale": 2})


def test_a_submitted_job_is_queued_and_its_attempt_knows_runpod_s_id(
    job: Job, cloud: Cloud
) -> None:
    submission.submit(job_id=str(job.pk))
    job.refresh_from_db()
    assert job.status == Status.QUEUED
    assert job.attempts.get().runpod_job_id == "eaebd6e7-u1"


def test_runpod_gets_addresses_with_a_token_that_is_kept_as_a_hash(job: Job, cloud: Cloud) -> None:
    submission.submit(job_id=str(job.pk))
    body = json.loads(cloud.calls[0][3])
    token = body["webhook"].rpartition("/")[2]
    assert body["webhook"].startswith("http://127.0.0.1:8000/api/v1/webhooks/runpod-completion/")
    progress = body["input"]["progress_url"].rpartition("/")[2]
    assert callbacks.reporting_attempt_of(progress) == Attempt.objects.get()
    assert body["input"]["scale"] == 2
    assert Attempt.objects.get().token_hash == hash_of(token)
    assert callbacks.attempt_of(token) == Attempt.objects.get()


def test_a_task_that_is_delivered_twice_submits_once(job: Job, cloud: Cloud) -> None:
    submission.submit(job_id=str(job.pk))
    submission.submit(job_id=str(job.pk))
    assert len(cloud.calls) == 1


def test_a_finished_or_deleted_job_is_not_submitted(job: Job, cloud: Cloud) -> None:
    lifecycle.fail(job=job, code="x", message="x", retryable=False)
    submission.submit(job_id=str(job.pk))
    submission.submit(job_id="00000000-0000-0000-0000-000000000001")
    assert cloud.calls == []


@pytest.mark.parametrize(("status", "code"), [(400, "runpod_refused"), (413, "request_too_large")])
def test_a_refusal_of_this_job_fails_it_with_a_sentence(
    job: Job, cloud: Cloud, status: int, code: str
) -> None:
    cloud.status = status
    with pytest.raises(RunPodError):
        submission.submit(job_id=str(job.pk))
    job.refresh_from_db()
    assert (job.status, job.error_code) == (Status.FAILED, code)
    assert job.error_message.endswith(".")


@pytest.mark.parametrize("status", [401, 402, 404, 409, 429])
def test_a_refusal_for_now_keeps_the_job_and_forgets_the_attempt(
    job: Job, cloud: Cloud, status: int
) -> None:
    cloud.status = status
    with pytest.raises(RunPodError):
        submission.submit(job_id=str(job.pk))
    job.refresh_from_db()
    assert job.status == Status.PENDING
    assert not job.attempts.exists()


def test_an_answer_that_was_lost_is_not_repeated_blindly(job: Job, cloud: Cloud) -> None:
    cloud.status = 502
    with pytest.raises(RunPodError):
        submission.submit(job_id=str(job.pk))
    cloud.status = 200
    submission.submit(job_id=str(job.pk))
    assert len(cloud.calls) == 1
    assert job.attempts.get().runpod_job_id is None


def test_a_job_that_runpod_has_is_never_submitted_again(job: Job, cloud: Cloud) -> None:
    submission.submit(job_id=str(job.pk))
    job.attempts.update(created_at=timezone.now() - timedelta(hours=1))
    submission.submit(job_id=str(job.pk))
    assert len(cloud.calls) == 1


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.FAILED])
def test_what_runpod_took_while_the_job_ended_is_cancelled(
    job: Job, cloud: Cloud, status: Status
) -> None:
    attempt, _ = factories.attempt(job)
    lifecycle.stop(job.pk, status, code="x", message="x", retryable=True)
    submission._accepted(attempt, factories.report("IN_QUEUE", id="late-1"))
    assert cloud.asked("cancel") == ["late-1"]


def test_a_webhook_that_overtakes_the_answer_to_its_submit_is_not_cancelled(
    job: Job, cloud: Cloud
) -> None:
    attempt, token = factories.attempt(job)
    early = callbacks.attempt_of(token)
    assert early
    lifecycle.apply_report(attempt=early, report=factories.report(id="early-1"))
    submission._accepted(attempt, factories.report("IN_QUEUE", id="early-1"))
    assert cloud.asked("cancel") == []
    job.refresh_from_db()
    assert job.status == Status.COMPLETED


def test_runpod_s_own_answer_outweighs_the_id_of_a_webhook(job: Job, cloud: Cloud) -> None:
    attempt, token = factories.attempt(job)
    liar = callbacks.attempt_of(token)
    assert liar
    lifecycle.apply_report(attempt=liar, report=factories.report("IN_PROGRESS", id="lie"))
    attempt.refresh_from_db()
    submission._accepted(attempt, factories.report("IN_QUEUE", id="true"))
    assert job.attempts.get().runpod_job_id == "true"


def test_an_id_that_runpod_gives_twice_is_left_to_who_has_it(job: Job, cloud: Cloud) -> None:
    submission.submit(job_id=str(job.pk))
    other = factories.job(job.photo.owner, options={})
    submission.submit(job_id=str(other.pk))
    assert job.attempts.get().runpod_job_id == "eaebd6e7-u1"
    assert other.attempts.get().runpod_job_id is None
