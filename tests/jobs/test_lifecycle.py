"""What happens to a job: forward only, once only, whatever is reported in whichever order."""

from __future__ import annotations

import base64
import itertools
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone

from events.models import Event
from jobs import callbacks, leftovers, lifecycle, streams
from jobs.models import FINAL, ORDER, Job, Restore, Status
from jobs.outgoing import registry
from jobs.runpod import Report
from jobs.snapshots import snapshot
from tests import factories
from tests.together import together

pytestmark = pytest.mark.django_db

WORDS = ["IN_QUEUE", "IN_PROGRESS", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"]


def at(status: Status) -> Job:
    """Return a job at the status, consistent as the database demands."""
    job = factories.job()
    finished = timezone.now() if status in FINAL else None
    Job.objects.filter(pk=job.pk).update(status=status, finished_at=finished)
    job.refresh_from_db()
    return job


@pytest.mark.parametrize(("status", "word"), list(itertools.product(Status, WORDS)))
def test_every_report_moves_every_job_forward_or_not_at_all(status: Status, word: str) -> None:
    job = at(status)
    attempt, _ = factories.attempt(job)
    moved = lifecycle.apply_report(attempt=attempt, report=factories.report(word))
    job.refresh_from_db()
    assert moved == (ORDER[lifecycle.STATUSES[word]] > ORDER[status])
    assert job.status == (lifecycle.STATUSES[word] if moved else status)
    assert Event.objects.filter(stream=streams.job_stream(job.pk)).count() == int(moved)


def test_a_word_that_runpod_has_not_used_before_changes_nothing() -> None:
    job = at(Status.QUEUED)
    attempt, _ = factories.attempt(job)
    assert not lifecycle.apply_report(attempt=attempt, report=factories.report("RETRIED"))
    job.refresh_from_db()
    assert job.status == Status.QUEUED


def test_a_completed_job_has_a_restore_and_final_events(media: Path) -> None:
    job = at(Status.PROCESSING)
    attempt, _ = factories.attempt(job)
    assert lifecycle.apply_report(attempt=attempt, report=factories.report(execution_ms=157))
    job.refresh_from_db()
    own, owners = Event.objects.order_by("stream_id")
    assert (job.status, job.progress, job.execution_ms) == (Status.COMPLETED, 100, 157)
    assert (own.stream_id, own.type, own.final) == (f"job.{job.pk}", "completed", True)
    assert (owners.type, owners.final) == ("completed", False)
    assert json.loads(own.data)["restore_id"] == str(job.restore.pk)
    assert Path(job.restore.image.path).read_bytes()[:4] == b"\x89PNG"


def test_every_event_is_about_its_job_and_progress_alone_does_not_last() -> None:
    job = at(Status.QUEUED)
    attempt, _ = factories.attempt(job)
    lifecycle.apply_progress(attempt=attempt, fraction=0.4, stage="noise")
    lifecycle.apply_report(attempt=attempt, report=factories.report())
    assert set(Event.objects.values_list("subject", "type", "transient")) == {
        (str(job.pk), "processing", False),
        (str(job.pk), "progress", True),
        (str(job.pk), "completed", False),
    }


def test_the_api_s_snapshot_is_the_last_event_s_data() -> None:
    job = at(Status.PROCESSING)
    attempt, _ = factories.attempt(job)
    lifecycle.apply_report(attempt=attempt, report=factories.report())
    event = Event.objects.filter(stream=streams.job_stream(job.pk)).latest("seq")
    assert json.loads(event.data) == snapshot(Job.objects.get(pk=job.pk))


def test_a_duplicate_report_leaves_one_restore_one_event_and_no_stray_file(media: Path) -> None:
    job = at(Status.PROCESSING)
    attempt, _ = factories.attempt(job)
    assert lifecycle.apply_report(attempt=attempt, report=factories.report())
    files = sorted(path for path in media.rglob("*") if path.is_file())
    assert not lifecycle.apply_report(attempt=attempt, report=factories.report())
    assert Restore.objects.count() == 1
    assert Event.objects.filter(stream=streams.job_stream(job.pk)).count() == 1
    assert sorted(path for path in media.rglob("*") if path.is_file()) == files


@pytest.mark.parametrize(
    ("output", "code"),
    [
        (None, "no_output"),
        ({}, "no_output"),
        ({"results": [1]}, "unknown_output"),
        ({"image_base64": "!!"}, "unknown_output"),
        ({"image_base64": "aGVsbG8="}, "unknown_output"),
        ({"image_base64": base64.b64encode(factories.picture()[:300]).decode()}, "broken_picture"),
        ({"error": "No face was found."}, "output_error"),
    ],
)
def test_completed_without_a_usable_picture_is_a_failure_with_its_reason(
    output: Any, code: str
) -> None:
    job = at(Status.PROCESSING)
    attempt, _ = factories.attempt(job)
    lifecycle.apply_report(attempt=attempt, report=factories.report(output=output))
    job.refresh_from_db()
    assert (job.status, job.error_code) == (Status.FAILED, code)
    assert job.error_message


def test_a_failure_tells_what_the_worker_said() -> None:
    job = at(Status.PROCESSING)
    attempt, _ = factories.attempt(job)
    lifecycle.apply_report(attempt=attempt, report=factories.report("FAILED", error="CUDA, full"))
    job.refresh_from_db()
    assert (job.error_code, job.error_message) == ("worker_failed", "CUDA, full")
    assert job.error_retryable


def test_the_failure_of_a_replaced_attempt_changes_nothing() -> None:
    job = at(Status.PROCESSING)
    old, _ = factories.attempt(job)
    factories.attempt(job)
    assert not lifecycle.apply_report(attempt=old, report=factories.report("FAILED"))
    job.refresh_from_db()
    assert job.status == Status.PROCESSING


def test_the_result_of_a_replaced_attempt_is_welcome() -> None:
    job = at(Status.PROCESSING)
    old, _ = factories.attempt(job)
    factories.attempt(job)
    assert lifecycle.apply_report(attempt=old, report=factories.report())


def test_an_attempt_adopts_the_first_id_and_refuses_another() -> None:
    attempt, _ = factories.attempt(at(Status.PENDING))
    lifecycle.apply_report(attempt=attempt, report=factories.report("IN_QUEUE", id="a"))
    assert attempt.runpod_job_id == "a"
    with pytest.raises(lifecycle.WrongAttemptError):
        lifecycle.apply_report(attempt=attempt, report=factories.report("FAILED", id="b"))


def test_the_id_of_another_attempt_is_refused() -> None:
    job = at(Status.PENDING)
    first, second = factories.attempt(job)[0], factories.attempt(job)[0]
    lifecycle.apply_report(attempt=first, report=factories.report("IN_QUEUE", id="a"))
    with pytest.raises(lifecycle.WrongAttemptError):
        lifecycle.apply_report(attempt=second, report=factories.report(id="a"))


def test_the_database_refuses_a_final_job_without_its_time() -> None:
    job = factories.job()
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.filter(pk=job.pk).update(status=Status.FAILED)


def test_a_job_that_is_deleted_meanwhile_takes_its_report_and_leaves_no_file(media: Path) -> None:
    job = at(Status.PROCESSING)
    attempt, _ = factories.attempt(job)
    before = {path for path in media.rglob("*") if path.is_file()}
    Job.objects.filter(pk=job.pk).delete()
    assert not lifecycle.apply_report(attempt=attempt, report=factories.report())
    assert {path for path in media.rglob("*") if path.is_file()} == before


def test_what_a_database_refuses_is_taken_out_of_a_worker_s_words() -> None:
    job = at(Status.PROCESSING)
    attempt, _ = factories.attempt(job)
    body = {"id": "a", "status": "FAILED", "error": "no\x00 \ud800 memory\ntraceback: secret"}
    assert lifecycle.apply_report(attempt=attempt, report=Report.parse(body))
    assert Job.objects.get(pk=job.pk).error_message == "no ? memory"


def test_a_worker_s_strange_stages_do_not_cost_the_result() -> None:
    job = at(Status.PROCESSING)
    attempt, _ = factories.attempt(job)
    output = factories.report().output | {"model": "m\x00", "stages": [{"note": "\x00\ud800"}, 7]}
    assert lifecycle.apply_report(attempt=attempt, report=factories.report(output=output))
    restore = Restore.objects.get()
    assert (restore.model, restore.stages) == ("m", [{"note": "?"}])


@pytest.mark.django_db(transaction=True)
def test_many_webhooks_at_once_complete_a_job_once(media: Path) -> None:
    job = at(Status.PROCESSING)
    attempt, _ = factories.attempt(job)

    def call() -> bool:
        return lifecycle.apply_report(attempt=attempt, report=factories.report())

    moved = together(*[call] * 8)
    assert sorted(moved) == [False] * 7 + [True]
    assert Restore.objects.count() == 1
    assert Event.objects.filter(stream=streams.job_stream(job.pk)).count() == 1
    assert len([path for path in media.rglob("*") if path.is_file()]) == 3 + 2


@pytest.mark.django_db(transaction=True)
def test_a_result_whose_commit_was_not_answered_keeps_its_files(media: Path) -> None:
    _, token = factories.attempt(at(Status.PROCESSING))
    attempt = callbacks.attempt_of(token)
    assert attempt

    def lose_the_answer(execute: Any, sql: str, *rest: Any) -> Any:
        answer = execute(sql, *rest)
        if 'INSERT INTO "jobs_restore"' in sql:
            raise OperationalError
        return answer

    with connection.execute_wrapper(lose_the_answer), pytest.raises(OperationalError):
        lifecycle.apply_report(attempt=attempt, report=factories.report())
    leftovers.forget(now=timezone.now() + timedelta(hours=2))
    results = Restore.objects.count()  # one, where one statement was all
    assert results == (connection.vendor == "postgresql")
    assert len([path for path in media.rglob("*") if path.is_file()]) == 3 + 2 * results


@pytest.mark.django_db(transaction=True)
def test_a_report_of_an_end_that_was_overtaken_changes_nothing() -> None:
    job = at(Status.PROCESSING)
    _, token = factories.attempt(job)
    early, late = callbacks.attempt_of(token), callbacks.attempt_of(token)
    assert early
    assert late
    assert lifecycle.apply_report(attempt=early, report=factories.report("FAILED"))
    assert not lifecycle.apply_report(attempt=late, report=factories.report("CANCELLED"))
    assert [event.type for event in Event.objects.filter(stream=streams.job_stream(job.pk))] == [
        "failed"
    ]


def test_an_owner_s_webhooks_are_told_of_a_report_as_of_anything() -> None:
    job = at(Status.PROCESSING)
    webhook = registry.register(
        owner=job.owner, url="https://shop.example/hook", event_types=["failed"]
    )
    _, token = factories.attempt(job)
    attempt = callbacks.attempt_of(token)
    assert attempt
    lifecycle.apply_report(attempt=attempt, report=factories.report("FAILED"))
    assert [delivery.type for delivery in webhook.deliveries.all()] == ["failed"]


def test_after_its_last_word_an_attempt_takes_that_alone() -> None:
    job = at(Status.PROCESSING)
    attempt, token = factories.attempt(job)
    lifecycle.apply_report(attempt=attempt, report=factories.report("FAILED"))
    spent = callbacks.attempt_of(token)
    assert spent
    assert not lifecycle.apply_report(attempt=spent, report=factories.report("FAILED"))
    with pytest.raises(lifecycle.WrongAttemptError):
        lifecycle.apply_report(attempt=spent, report=factories.report())


def test_a_result_that_comes_after_a_cancellation_is_kept_out_and_logged(
    caplog: pytest.LogCaptureFixture, media: Path
) -> None:
    job = at(Status.CANCELLED)
    attempt, token = factories.attempt(job)
    assert not lifecycle.apply_report(attempt=attempt, report=factories.report())
    assert not Restore.objects.exists()
    assert "A result came after" in caplog.text
    found = callbacks.attempt_of(token)
    assert found
    assert found.ended_at
