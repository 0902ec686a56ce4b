"""Submitting and reconciling: against a RunPod that refuses, vanishes and forgets."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from jobs import callbacks, lifecycle, tasks
from jobs.models import Attempt, Job, Status, hash_of
from jobs.runpod import RunPodError
from tests import factories
from tests.cloud import Cloud

pytestmark = pytest.mark.django_db


@pytest.fixture
def job() -> Job:
    return factories.job(options={"scale": 2})


def aged(job: Job, **ages: float) -> Job:
    """Move the job's and its attempts' times back by so many seconds."""
    for field, seconds in ages.items():
        past = timezone.now() - timedelta(seconds=seconds)
        if field == "created_at":
            job.attempts.update(created_at=past)
        else:
            Job.objects.filter(pk=job.pk).update(**{field: past})
    job.refresh_from_db()
    return job


def test_a_submitted_job_is_queued_and_its_attempt_knows_runpod_s_id(
    job: Job, cloud: Cloud
) -> None:
    lifecycle.submit(job_id=str(job.pk))
    job.refresh_from_db()
    assert job.status == Status.QUEUED
    assert job.attempts.get().runpod_job_id == "eaebd6e7-u1"


def test_runpod_gets_addresses_with_a_token_that_is_kept_as_a_hash(job: Job, cloud: Cloud) -> None:
    lifecycle.submit(job_id=str(job.pk))
    body = json.loads(cloud.calls[0][3])
    token = body["webhook"].rpartition("/")[2]
    assert body["webhook"].startswith("http://127.0.0.1:8000/api/v1/webhooks/runpod-completion/")
    assert body["input"]["progress_url"].endswith(f"/runpod-progress/{token}")
    assert body["input"]["scale"] == 2
    assert Attempt.objects.get().token_hash == hash_of(token)
    assert callbacks.attempt_of(token) == Attempt.objects.get()


def test_a_task_that_is_delivered_twice_submits_once(job: Job, cloud: Cloud) -> None:
    lifecycle.submit(job_id=str(job.pk))
    lifecycle.submit(job_id=str(job.pk))
    assert len(cloud.calls) == 1


def test_a_finished_or_deleted_job_is_not_submitted(job: Job, cloud: Cloud) -> None:
    lifecycle.fail(job=job, code="x", message="x", retryable=False)
    lifecycle.submit(job_id=str(job.pk))
    lifecycle.submit(job_id="00000000-0000-0000-0000-000000000001")
    assert cloud.calls == []


@pytest.mark.parametrize("status", [400, 401, 402, 404])
def test_a_refusal_for_good_fails_the_job_with_a_sentence(
    job: Job, cloud: Cloud, status: int
) -> None:
    cloud.status = status
    with pytest.raises(RunPodError):
        lifecycle.submit(job_id=str(job.pk))
    job.refresh_from_db()
    assert (job.status, job.error_code) == (Status.FAILED, "runpod_refused")
    assert job.error_message.startswith("RunPod")


@pytest.mark.parametrize("status", [409, 429])
def test_a_refusal_for_now_keeps_the_job_and_forgets_the_attempt(
    job: Job, cloud: Cloud, status: int
) -> None:
    cloud.status = status
    with pytest.raises(RunPodError):
        lifecycle.submit(job_id=str(job.pk))
    job.refresh_from_db()
    assert job.status == Status.PENDING
    assert not job.attempts.exists()


def test_an_answer_that_was_lost_is_not_repeated_blindly(job: Job, cloud: Cloud) -> None:
    cloud.status = 502
    with pytest.raises(RunPodError):
        lifecycle.submit(job_id=str(job.pk))
    cloud.status = 200
    lifecycle.submit(job_id=str(job.pk))
    assert len(cloud.calls) == 1
    assert job.attempts.get().runpod_job_id is None


def test_a_pending_job_whose_task_was_lost_is_submitted_again(job: Job, cloud: Cloud) -> None:
    aged(job, heard_at=120)
    assert list(Job.objects.silent(now=timezone.now())) == [job]
    assert lifecycle.reconcile(job=job)
    assert not Job.objects.silent(now=timezone.now()).exists()


def test_a_result_whose_webhook_was_lost_is_found(job: Job, cloud: Cloud) -> None:
    lifecycle.submit(job_id=str(job.pk))
    output = factories.report().output
    answer = {"id": "eaebd6e7-u1", "status": "COMPLETED", "output": output}
    cloud.body = json.dumps(answer).encode()
    assert not lifecycle.reconcile(job=aged(job, heard_at=120))
    job.refresh_from_db()
    assert job.status == Status.COMPLETED


def test_a_job_that_runpod_forgot_is_submitted_again(job: Job, cloud: Cloud) -> None:
    lifecycle.submit(job_id=str(job.pk))
    cloud.status = 404
    assert lifecycle.reconcile(job=aged(job, heard_at=120, created_at=120))
    cloud.status, cloud.body = 200, b'{"id": "second-u1", "status": "IN_QUEUE"}'
    lifecycle.submit(job_id=str(job.pk))
    assert list(job.attempts.values_list("runpod_job_id", flat=True)) == [
        "eaebd6e7-u1",
        "second-u1",
    ]


def test_a_job_that_is_forgotten_again_and_again_fails(
    job: Job, cloud: Cloud, settings: Any
) -> None:
    settings.RUNPOD_ATTEMPTS = 1
    lifecycle.submit(job_id=str(job.pk))
    cloud.status = 404
    assert not lifecycle.reconcile(job=aged(job, heard_at=120))
    job.refresh_from_db()
    assert (job.status, job.error_code, job.error_retryable) == (Status.FAILED, "lost", True)


def test_a_runpod_that_is_down_while_we_ask_changes_nothing(job: Job, cloud: Cloud) -> None:
    lifecycle.submit(job_id=str(job.pk))
    cloud.status = 502
    assert not lifecycle.reconcile(job=aged(job, heard_at=120))
    job.refresh_from_db()
    assert job.status == Status.QUEUED


def test_a_job_beyond_its_time_ends(job: Job, cloud: Cloud, settings: Any) -> None:
    aged(job, heard_at=120, requested_at=settings.RUNPOD_TTL + 120)
    assert not lifecycle.reconcile(job=job)
    job.refresh_from_db()
    assert (job.status, job.error_code) == (Status.TIMED_OUT, "timed_out")


def test_the_task_does_what_the_reconciler_asks_for(job: Job, cloud: Cloud) -> None:
    aged(job, heard_at=120)
    tasks.submit_job.apply(kwargs={"job_id": str(job.pk)})
    job.refresh_from_db()
    assert job.status == Status.QUEUED


def test_the_wait_between_submits_grows_and_obeys_retry_after() -> None:
    busy = RunPodError("x", "x", transient=True)
    assert [tasks._wait(n, busy) <= 2.0 ** (n + 1) for n in range(5)] == [True] * 5
    assert tasks._wait(9, busy) <= 60
    assert tasks._wait(0, RunPodError("x", "x", retry_after=7)) == 7
