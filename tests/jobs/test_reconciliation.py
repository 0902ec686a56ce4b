"""What nobody told us is found, whatever was lost, and whoever was down for however long."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.utils import timezone
from time_machine import Traveller, travel

from jobs import callbacks, lifecycle, reconciliation, submission, tasks
from jobs.models import Attempt, Job, Status
from jobs.runpod import RunPodError
from tests import factories
from tests.cloud import Cloud

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture(autouse=True)
def clock() -> Iterator[Traveller]:
    with travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def job() -> Job:
    return factories.job(options={"scale": 2})


def says(cloud: Cloud, status: str, id: str = "eaebd6e7-u1", **fields: Any) -> None:
    """Let RunPod's /status answer so."""
    body = json.dumps({"id": id, "status": status, **fields}).encode()
    cloud.answers["status"] = (200, body)


def knows_nothing(cloud: Cloud) -> None:
    cloud.answers["status"] = (404, b"")


def later(clock: Traveller, **time: float) -> None:
    clock.shift(timedelta(**time))


def found(job: Job) -> Job:
    job.refresh_from_db()
    return job


def test_a_pending_job_whose_task_was_lost_is_submitted(
    job: Job, cloud: Cloud, clock: Traveller, eager: None
) -> None:
    tasks.reconcile_jobs()
    assert cloud.calls == []
    later(clock, hours=1)
    tasks.reconcile_jobs()
    assert found(job).status == Status.QUEUED


def test_two_reconcilers_do_not_look_after_the_same_job(job: Job, clock: Traveller) -> None:
    later(clock, seconds=61)
    now = timezone.now()
    assert list(reconciliation.to_submit(now=now)) == [job]
    assert list(reconciliation.to_submit(now=now)) == []


def test_two_reconcilers_do_not_ask_about_the_same_attempt(
    job: Job, cloud: Cloud, clock: Traveller
) -> None:
    submission.submit(job_id=str(job.pk))
    later(clock, seconds=10)
    for attempt in [*reconciliation.due(now=timezone.now())] * 2:
        reconciliation.look_after(attempt)
    assert len(cloud.asked("status")) == 1


def test_a_result_whose_webhook_was_lost_is_found(job: Job, cloud: Cloud, clock: Traveller) -> None:
    submission.submit(job_id=str(job.pk))
    says(cloud, "COMPLETED", output=factories.report().output)
    later(clock, seconds=6)
    tasks.reconcile_jobs()
    assert found(job).status == Status.COMPLETED
    assert job.attempts.get().ended_at == timezone.now()


def test_runpod_is_asked_at_growing_gaps(job: Job, cloud: Cloud, clock: Traveller) -> None:
    submission.submit(job_id=str(job.pk))
    looks = []
    for _ in range(600):
        later(clock, seconds=1)
        says(cloud, "IN_QUEUE")
        before = len(cloud.calls)
        tasks.reconcile_jobs()
        looks += [(timezone.now() - NOW).seconds] * (len(cloud.calls) - before)
    gaps = [after - before for before, after in pairwise(looks)]
    assert looks[0] <= 10
    assert gaps == sorted(gaps)
    assert gaps[-1] == 120
    assert len(looks) < 20


def test_a_worker_that_tells_its_progress_is_left_alone(
    job: Job, cloud: Cloud, clock: Traveller
) -> None:
    submission.submit(job_id=str(job.pk))
    attempt = job.attempts.get()
    for percent in range(10, 60, 10):
        later(clock, seconds=4)
        lifecycle.apply_progress(attempt=attempt, fraction=percent / 100, stage="noise")
        tasks.reconcile_jobs()
    assert cloud.asked("status") == []


def test_a_job_that_runpod_forgot_is_submitted_again(
    job: Job, cloud: Cloud, clock: Traveller, eager: None
) -> None:
    submission.submit(job_id=str(job.pk))
    knows_nothing(cloud)
    cloud.body = b'{"id": "second-u1", "status": "IN_QUEUE"}'
    later(clock, seconds=30)
    tasks.reconcile_jobs()
    ids = list(job.attempts.values_list("runpod_job_id", flat=True))
    assert ids == ["eaebd6e7-u1", "second-u1"]
    assert found(job).status == Status.QUEUED


def test_a_job_that_is_forgotten_again_and_again_fails(
    job: Job, cloud: Cloud, clock: Traveller, settings: Any, eager: None
) -> None:
    knows_nothing(cloud)
    for number in range(settings.RUNPOD_ATTEMPTS + 1):
        cloud.answers["run"] = (200, b'{"id": "u%d", "status": "IN_QUEUE"}' % number)
        later(clock, seconds=90)
        tasks.reconcile_jobs()
    assert (found(job).status, job.error_code, job.error_retryable) == ("failed", "lost", True)
    assert len(cloud.asked("run")) == settings.RUNPOD_ATTEMPTS


def test_a_gateway_that_swallows_answers_is_not_asked_for_ever(
    job: Job, cloud: Cloud, clock: Traveller, settings: Any, eager: None
) -> None:
    cloud.answers["run"] = (502, b"")
    for _ in range(12):
        later(clock, seconds=90)
        with suppress(RunPodError):
            tasks.reconcile_jobs()
    assert found(job).status == Status.FAILED
    assert len(cloud.asked("run")) == settings.RUNPOD_ATTEMPTS


def test_a_runpod_that_is_down_while_we_ask_changes_nothing(
    job: Job, cloud: Cloud, clock: Traveller
) -> None:
    submission.submit(job_id=str(job.pk))
    cloud.answers["status"] = (502, b"")
    later(clock, seconds=30)
    tasks.reconcile_jobs()
    assert found(job).status == Status.QUEUED
    assert not job.attempts.get().lost_at


def test_a_job_that_runpod_lets_wait_for_ever_ends_and_is_cancelled(
    job: Job, cloud: Cloud, clock: Traveller, settings: Any
) -> None:
    submission.submit(job_id=str(job.pk))
    says(cloud, "IN_QUEUE")
    later(clock, seconds=settings.RUNPOD_TTL + 61)
    tasks.reconcile_jobs()
    assert (found(job).status, job.error_code) == (Status.TIMED_OUT, "timed_out")
    later(clock, seconds=121)
    tasks.reconcile_jobs()
    assert cloud.asked("cancel") == ["eaebd6e7-u1"]


def test_a_job_whose_time_with_runpod_is_over_ends(
    job: Job, cloud: Cloud, clock: Traveller, settings: Any
) -> None:
    submission.submit(job_id=str(job.pk))
    says(cloud, "IN_QUEUE")
    later(clock, seconds=settings.RUNPOD_TTL)
    tasks.reconcile_jobs()
    knows_nothing(cloud)
    later(clock, seconds=121)
    tasks.reconcile_jobs()
    assert found(job).status == Status.TIMED_OUT


def test_a_result_that_came_and_went_while_we_were_down_is_made_again(
    job: Job, cloud: Cloud, clock: Traveller, settings: Any, eager: None
) -> None:
    submission.submit(job_id=str(job.pk))
    knows_nothing(cloud)
    cloud.body = b'{"id": "second-u1", "status": "IN_QUEUE"}'
    later(clock, seconds=settings.RUNPOD_TTL + 300)
    tasks.reconcile_jobs()
    assert found(job).status == Status.QUEUED
    assert job.attempts.count() == 2


def test_a_result_that_waited_for_us_is_taken_before_its_time_is_judged(
    job: Job, cloud: Cloud, clock: Traveller, settings: Any
) -> None:
    submission.submit(job_id=str(job.pk))
    says(cloud, "COMPLETED", output=factories.report().output)
    later(clock, seconds=settings.RUNPOD_TTL + 300)
    tasks.reconcile_jobs()
    assert found(job).status == Status.COMPLETED


def test_a_runpod_that_never_answers_again_does_not_keep_a_job_for_ever(
    job: Job, cloud: Cloud, clock: Traveller, settings: Any, eager: None
) -> None:
    submission.submit(job_id=str(job.pk))
    cloud.answers["status"] = cloud.answers["run"] = (502, b"")
    for _ in range(100):
        later(clock, minutes=20)
        with suppress(RunPodError):
            tasks.reconcile_jobs()
    assert found(job).is_final


def test_a_job_that_waited_for_us_is_submitted_until_patience_ends(
    job: Job, clock: Traveller, settings: Any
) -> None:
    later(clock, seconds=settings.RUNPOD_PATIENCE - 60)
    assert list(reconciliation.to_submit(now=timezone.now())) == [job]
    later(clock, seconds=121)
    tasks.reconcile_jobs()
    assert found(job).status == Status.TIMED_OUT


def test_a_worker_whose_running_time_stands_still_is_replaced(
    job: Job, cloud: Cloud, clock: Traveller, settings: Any, eager: None
) -> None:
    submission.submit(job_id=str(job.pk))
    says(cloud, "IN_PROGRESS", executionTime=4000)
    cloud.answers["run"] = (200, b'{"id": "second-u1", "status": "IN_QUEUE"}')
    for _ in range(60):
        later(clock, seconds=5)
        tasks.reconcile_jobs()
        if cloud.asked("cancel"):
            break
    assert cloud.asked("cancel") == ["eaebd6e7-u1"]
    assert list(job.attempts.values_list("runpod_job_id", flat=True))[1] == "second-u1"
    assert (timezone.now() - NOW).seconds < settings.RUNPOD_FROZEN + 130


def test_a_worker_that_is_only_slow_is_not_replaced(
    job: Job, cloud: Cloud, clock: Traveller, settings: Any
) -> None:
    submission.submit(job_id=str(job.pk))
    for second in range(5, settings.RUNPOD_EXECUTION_TIMEOUT, 5):
        later(clock, seconds=5)
        says(cloud, "IN_PROGRESS", executionTime=second * 1000)
        tasks.reconcile_jobs()
    assert cloud.asked("cancel") == []


@pytest.mark.parametrize("times", [{}, {"executionTime": 700_000}])
def test_a_worker_that_runs_beyond_runpod_s_own_limit_is_replaced(
    job: Job, cloud: Cloud, clock: Traveller, settings: Any, times: dict[str, Any]
) -> None:
    submission.submit(job_id=str(job.pk))
    says(cloud, "IN_PROGRESS", **times)
    later(clock, seconds=10)
    tasks.reconcile_jobs()
    later(clock, seconds=settings.RUNPOD_EXECUTION_TIMEOUT + 61)
    tasks.reconcile_jobs()
    assert cloud.asked("cancel") == ["eaebd6e7-u1"]
    assert job.attempts.get().lost_at


def test_the_progress_of_a_worker_that_tells_runpod_alone_is_told(
    job: Job, cloud: Cloud, clock: Traveller
) -> None:
    submission.submit(job_id=str(job.pk))
    says(cloud, "IN_PROGRESS", output={"progress": 0.4, "stage": "faces\x00"})
    later(clock, seconds=6)
    tasks.reconcile_jobs()
    assert (found(job).status, job.progress, job.stage) == ("processing", 40, "faces")


@pytest.mark.parametrize(
    "output", ["40 %", [1], {"progress": "x"}, {"progress": -1}, {"progress": 0.4, "stage": 7}]
)
def test_output_that_is_no_progress_is_left_aside(
    job: Job, cloud: Cloud, clock: Traveller, output: Any
) -> None:
    submission.submit(job_id=str(job.pk))
    says(cloud, "IN_PROGRESS", output=output)
    later(clock, seconds=6)
    tasks.reconcile_jobs()
    assert (found(job).status, job.progress) == ("processing", 0)


def test_the_result_of_a_run_that_was_given_up_is_still_welcome(
    job: Job, cloud: Cloud, clock: Traveller
) -> None:
    attempt, token = factories.attempt(job)
    lifecycle.apply_report(attempt=attempt, report=factories.report("IN_PROGRESS", id="old"))
    attempt.lose()
    submission.submit(job_id=str(job.pk))
    late = callbacks.attempt_of(token)
    assert late
    assert lifecycle.apply_report(attempt=late, report=factories.report(id="old"))
    # What the newer one does is for nobody any more.
    later(clock, seconds=6)
    tasks.reconcile_jobs()
    assert cloud.asked("cancel") == ["eaebd6e7-u1"]


def test_a_failure_is_final_if_the_later_attempt_came_to_nothing(
    job: Job, clock: Traveller
) -> None:
    first, _ = factories.attempt(job)
    factories.attempt(job)
    later(clock, seconds=120)
    assert lifecycle.apply_report(attempt=first, report=factories.report("FAILED"))
    assert found(job).status == Status.FAILED


def test_a_job_that_cannot_be_helped_does_not_keep_the_others_from_it(
    job: Job, cloud: Cloud, clock: Traveller
) -> None:
    other = factories.job(job.photo.owner, options={})
    for one, name in ((job, "a"), (other, "b")):
        attempt, _ = factories.attempt(one)
        lifecycle.apply_report(attempt=attempt, report=factories.report("IN_QUEUE", id=name))
    says(cloud, "IN_PROGRESS", id="b")  # of the first job it makes no sense
    later(clock, seconds=30)
    tasks.reconcile_jobs()
    assert found(other).status == Status.PROCESSING


def test_a_runpod_that_does_not_answer_is_not_asked_about_each_job(
    job: Job, cloud: Cloud, clock: Traveller
) -> None:
    for one, name in ((job, "a"), (factories.job(job.photo.owner, options={}), "b")):
        attempt, _ = factories.attempt(one)
        lifecycle.apply_report(attempt=attempt, report=factories.report("IN_QUEUE", id=name))
    cloud.status = 502
    later(clock, seconds=30)
    tasks.reconcile_jobs()
    assert len(cloud.calls) == 1


def test_no_more_is_cancelled_at_once_than_runpod_takes(
    job: Job, cloud: Cloud, clock: Traveller
) -> None:
    Attempt.objects.bulk_create(
        Attempt(job=job, token_hash=str(number), runpod_job_id=f"u{number}") for number in range(60)
    )
    lifecycle.fail(job=job, code="x", message="x", retryable=False)
    later(clock, seconds=6)
    tasks.reconcile_jobs()
    assert len(cloud.asked("cancel")) == 40
    tasks.reconcile_jobs()
    assert len(set(cloud.asked("cancel"))) == 60
    tasks.reconcile_jobs()
    assert len(cloud.asked("cancel")) == 60


def test_a_runpod_that_wants_no_cancels_is_left_alone(
    job: Job, cloud: Cloud, clock: Traveller, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    for number in range(3):
        attempt, _ = factories.attempt(job)
        report = factories.report("IN_QUEUE", id=f"u{number}")
        lifecycle.apply_report(attempt=attempt, report=report)
    lifecycle.fail(job=job, code="x", message="x", retryable=False)
    cloud.answers["cancel"] = (429, b"")
    later(clock, seconds=6)
    tasks.reconcile_jobs()
    assert len(cloud.asked("cancel")) == 1
    assert caplog.text.count("was not cancelled") == 1


@pytest.mark.parametrize(
    ("answer", "is_true"),
    [
        ((404, b""), False),
        ((200, b'{"id": "a", "status": "FAILED"}'), False),
        ((200, b'{"id": "a", "status": "COMPLETED"}'), True),
        ((200, b'{"id": "a", "status": "IN_PROGRESS"}'), True),
    ],
)
def test_what_a_webhook_was_the_first_to_tell_is_confirmed(
    job: Job,
    cloud: Cloud,
    caplog: pytest.LogCaptureFixture,
    answer: tuple[int, bytes],
    is_true: bool,
) -> None:
    attempt, _ = factories.attempt(job)
    lifecycle.apply_report(attempt=attempt, report=factories.report(id="a"))
    cloud.answers["status"] = answer
    assert reconciliation.confirm(attempt) == is_true
    assert ("a webhook" in caplog.text) != is_true
    assert found(job).status == Status.COMPLETED


def test_a_runpod_that_does_not_answer_is_asked_again_for_that(job: Job, cloud: Cloud) -> None:
    attempt, _ = factories.attempt(job)
    lifecycle.apply_report(attempt=attempt, report=factories.report(id="a"))
    cloud.answers["status"] = (502, b"")
    tasks.confirm_attempt.apply(kwargs={"attempt_id": attempt.pk})
    assert cloud.asked("status") == ["a"] * 4
