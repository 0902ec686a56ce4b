"""Submitting and reconciling: against a RunPod that refuses, vanishes and forgets."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from jobs import callbacks, lifecycle, submission, tasks
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
    submission.submit(job_id=str(job.pk))
    job.refresh_from_db()
    assert job.status == Status.QUEUED
    assert job.attempts.get().runpod_job_id == "eaebd6e7-u1"


def test_runpod_gets_addresses_with_a_token_that_is_kept_as_a_hash(job: Job, cloud: Cloud) -> None:
    submission.submit(job_id=str(job.pk))
    body = json.loads(cloud.calls[0][3])
    token = body["webhook"].rpartition("/")[2]
    assert body["webhook"].startswith("http://127.0.0.1:8000/api/v1/webhooks/runpod-completion/")
    assert body["input"]["progress_url"].endswith(f"/runpod-progress/{token}")
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


@pytest.mark.parametrize("status", [400, 401, 402, 404])
def test_a_refusal_for_good_fails_the_job_with_a_sentence(
    job: Job, cloud: Cloud, status: int
) -> None:
    cloud.status = status
    with pytest.raises(RunPodError):
        submission.submit(job_id=str(job.pk))
    job.refresh_from_db()
    assert (job.status, job.error_code) == (Status.FAILED, "runpod_refused")
    assert job.error_message.startswith("RunPod")


@pytest.mark.parametrize("status", [409, 429])
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


def test_a_pending_job_whose_task_was_lost_is_submitted_again(job: Job, cloud: Cloud) -> None:
    aged(job, heard_at=120)
    assert list(Job.objects.silent(now=timezone.now())) == [job]
    assert submission.reconcile(job=job)
    assert not Job.objects.silent(now=timezone.now()).exists()


def test_a_result_whose_webhook_was_lost_is_found(job: Job, cloud: Cloud) -> None:
    submission.submit(job_id=str(job.pk))
    output = factories.report().output
    answer = {"id": "eaebd6e7-u1", "status": "COMPLETED", "output": output}
    cloud.body = json.dumps(answer).encode()
    assert not submission.reconcile(job=aged(job, heard_at=120))
    job.refresh_from_db()
    assert job.status == Status.COMPLETED


def test_a_job_that_runpod_forgot_is_submitted_again(job: Job, cloud: Cloud) -> None:
    submission.submit(job_id=str(job.pk))
    cloud.status = 404
    assert submission.reconcile(job=aged(job, heard_at=120, created_at=120))
    cloud.status, cloud.body = 200, b'{"id": "second-u1", "status": "IN_QUEUE"}'
    submission.submit(job_id=str(job.pk))
    assert list(job.attempts.values_list("runpod_job_id", flat=True)) == [
        "eaebd6e7-u1",
        "second-u1",
    ]


def test_a_job_that_is_forgotten_again_and_again_fails(
    job: Job, cloud: Cloud, settings: Any
) -> None:
    settings.RUNPOD_ATTEMPTS = 1
    submission.submit(job_id=str(job.pk))
    cloud.status = 404
    assert submission.reconcile(job=aged(job, heard_at=120))
    submission.submit(job_id=str(job.pk))
    job.refresh_from_db()
    assert (job.status, job.error_code, job.error_retryable) == (Status.FAILED, "lost", True)


def test_a_gateway_that_swallows_answers_is_not_asked_for_ever(
    job: Job, cloud: Cloud, settings: Any
) -> None:
    cloud.status = 502
    for _ in range(12):
        if submission.reconcile(job=aged(job, heard_at=120, created_at=120)):
            with suppress(RunPodError):
                submission.submit(job_id=str(job.pk))
    job.refresh_from_db()
    assert len(cloud.calls) == settings.RUNPOD_ATTEMPTS
    assert job.status == Status.FAILED


def test_a_job_that_runpod_has_is_never_submitted_again(job: Job, cloud: Cloud) -> None:
    submission.submit(job_id=str(job.pk))
    aged(job, heard_at=900, created_at=900)
    submission.submit(job_id=str(job.pk))
    assert len(cloud.calls) == 1


def test_a_failure_is_final_if_the_later_attempt_came_to_nothing(job: Job, cloud: Cloud) -> None:
    first, _ = factories.attempt(job)
    factories.attempt(job)
    aged(job, created_at=120)
    assert lifecycle.apply_report(attempt=first, report=factories.report("FAILED"))
    job.refresh_from_db()
    assert job.status == Status.FAILED


def test_a_runpod_that_is_down_while_we_ask_changes_nothing(job: Job, cloud: Cloud) -> None:
    submission.submit(job_id=str(job.pk))
    cloud.status = 502
    with pytest.raises(RunPodError):
        submission.reconcile(job=aged(job, heard_at=120))
    job.refresh_from_db()
    assert job.status == Status.QUEUED


def test_a_job_beyond_runpod_s_own_time_ends(job: Job, cloud: Cloud, settings: Any) -> None:
    factories.attempt(job)
    late = settings.RUNPOD_TTL + 120
    assert not submission.reconcile(job=aged(job, heard_at=120, created_at=late))
    job.refresh_from_db()
    assert (job.status, job.error_code) == (Status.TIMED_OUT, "timed_out")


def test_a_job_that_waited_for_us_is_submitted_however_late(
    job: Job, cloud: Cloud, settings: Any
) -> None:
    aged(job, heard_at=7200, requested_at=settings.RUNPOD_TTL * 2)
    assert submission.reconcile(job=job)
    aged(job, heard_at=7200, requested_at=settings.RUNPOD_PATIENCE + 1)
    assert not submission.reconcile(job=job)
    job.refresh_from_db()
    assert job.status == Status.TIMED_OUT


def test_two_reconcilers_do_not_look_after_the_same_job(job: Job) -> None:
    aged(job, heard_at=120)
    assert submission.reconcile(job=job)
    assert not submission.reconcile(job=job)


def test_a_job_that_cannot_be_helped_does_not_keep_the_others_from_it(
    job: Job, cloud: Cloud
) -> None:
    other = factories.job(job.photo.owner, options={})
    for one, name in ((job, "a"), (other, "b")):
        attempt, _ = factories.attempt(one)
        lifecycle.apply_report(attempt=attempt, report=factories.report("IN_QUEUE", id=name))
    aged(job, heard_at=240)
    aged(other, heard_at=120)
    cloud.body = b'{"id": "b", "status": "IN_PROGRESS"}'  # of the first job it makes no sense
    tasks.reconcile_jobs.apply()
    other.refresh_from_db()
    assert other.status == Status.PROCESSING


def test_a_runpod_that_does_not_answer_is_not_asked_about_each_job(job: Job, cloud: Cloud) -> None:
    for one, name in ((job, "a"), (factories.job(job.photo.owner, options={}), "b")):
        attempt, _ = factories.attempt(one)
        lifecycle.apply_report(attempt=attempt, report=factories.report("IN_QUEUE", id=name))
        aged(one, heard_at=120)
    cloud.status = 502
    tasks.reconcile_jobs.apply()
    assert len(cloud.calls) == 1


def test_the_task_does_what_the_reconciler_asks_for(job: Job, cloud: Cloud) -> None:
    aged(job, heard_at=120)
    tasks.submit_job.apply(kwargs={"job_id": str(job.pk)})
    job.refresh_from_db()
    assert job.status == Status.QUEUED


def test_the_wait_between_submits_grows_and_obeys_retry_after() -> None:
    busy = RunPodError("x", "x", transient=True)
    for retries in range(8):
        longest = min(2.0 ** (retries + 1), 60)
        assert longest / 2 <= tasks._wait(retries, busy) <= longest
    assert tasks._wait(0, RunPodError("x", "x", retry_after=7)) == 7
    assert tasks._wait(0, RunPodError("x", "x", retry_after=86_400)) == 300
