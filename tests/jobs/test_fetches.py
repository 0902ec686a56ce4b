"""Results that come as addresses: fetched once, by a task, until they are here or lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import celery
import pytest
from django.utils import timezone

from jobs import collection, fetches, lifecycle, reconciliation, submission, tasks
from jobs.models import Attempt, Fetch, Job, Restore, Status
from tests import factories
from tests.store import Store, serving
from tests.together import together

pytestmark = pytest.mark.django_db

PNG = factories.picture("PNG")


@pytest.fixture
def store(settings: Any) -> Iterator[Store]:
    with serving(Store()) as server:
        settings.RUNPOD_RESULT_HOSTS = [server.origin]
        server.answers["/x.png"] = (200, {}, PNG)
        yield server


@pytest.fixture
def attempt() -> Attempt:
    return factories.attempt(factories.job(status=Status.QUEUED, options={}))[0]


def complete(attempt: Attempt, store: Store, path: str = "/x.png", **output: Any) -> bool:
    report = factories.report(output={"image_url": store.origin + path, **output}, delay_ms=7)
    return lifecycle.apply_report(attempt=attempt, report=report)


def due(attempt: Attempt) -> None:
    """Let the time of the next try have come."""
    Fetch.objects.filter(pk=attempt.pk).update(due_at=timezone.now() - timedelta(minutes=1))


def job_of(attempt: Attempt) -> Job:
    return Job.objects.get(pk=attempt.job_id)


def test_a_job_is_processing_until_its_picture_is_here(attempt: Attempt, store: Store) -> None:
    assert complete(attempt, store, model="m 1", stages=[{"name": "noise"}])
    assert (job_of(attempt).status, job_of(attempt).delay_ms) == (Status.PROCESSING, 7)
    assert collection.collect(attempt_id=attempt.pk) is None
    restore = Restore.objects.get(job=attempt.job_id)
    assert job_of(attempt).status == Status.COMPLETED
    assert (restore.model, restore.stages, restore.width) == ("m 1", [{"name": "noise"}], 64)
    assert not Fetch.objects.exists()


def test_nothing_is_fetched_while_the_report_is_taken_in(attempt: Attempt, store: Store) -> None:
    complete(attempt, store)
    assert store.calls == []


def test_the_task_is_asked_for_once_the_address_is_kept(
    attempt: Attempt,
    store: Store,
    django_capture_on_commit_callbacks: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(
        celery.current_app, "send_task", lambda *args, **kw: sent.append((args, kw))
    )
    with django_capture_on_commit_callbacks(execute=True):
        complete(attempt, store)
        complete(attempt, store)
    task = (("jobs.tasks.fetch_result",), {"kwargs": {"attempt_id": attempt.pk}})
    assert sent.count(task) == 1


def test_a_repeated_report_starts_no_second_fetch(attempt: Attempt, store: Store) -> None:
    complete(attempt, store)
    assert not complete(attempt, store, path="/other.png")
    assert Fetch.objects.get().url == store.origin + "/x.png"
    collection.collect(attempt_id=attempt.pk)
    collection.collect(attempt_id=attempt.pk)
    assert not complete(attempt, store)
    assert len(store.calls) == 1
    assert not Fetch.objects.exists()


def test_the_attempt_has_ended_and_its_job_is_not_submitted_again(
    attempt: Attempt, store: Store, cloud: Any
) -> None:
    complete(attempt, store)
    Job.objects.update(heard_at=timezone.now() - timedelta(days=2), requested_at=timezone.now())
    Attempt.objects.update(created_at=timezone.now() - timedelta(days=2))
    now = timezone.now()
    assert reconciliation.due(now=now) == []
    assert list(reconciliation.to_submit(now=now)) == []
    reconciliation.forget_expired(now=now)
    submission.submit(job_id=str(attempt.job_id))
    assert cloud.calls == []


def test_a_failure_after_the_address_changes_nothing(attempt: Attempt, store: Store) -> None:
    complete(attempt, store)
    with pytest.raises(lifecycle.WrongAttemptError):
        lifecycle.apply_report(attempt=attempt, report=factories.report("FAILED"))
    assert job_of(attempt).status == Status.PROCESSING


def test_another_attempt_s_failure_waits_for_the_picture(attempt: Attempt, store: Store) -> None:
    later, _ = factories.attempt(attempt.job)
    complete(attempt, store)
    assert not lifecycle.apply_report(attempt=later, report=factories.report("FAILED", id="b"))
    collection.collect(attempt_id=attempt.pk)
    assert job_of(attempt).status == Status.COMPLETED


def test_of_two_results_the_first_that_is_here_is_kept(attempt: Attempt, store: Store) -> None:
    later, _ = factories.attempt(attempt.job)
    complete(attempt, store)
    lifecycle.apply_report(attempt=later, report=factories.report(id="b"))
    assert job_of(attempt).status == Status.COMPLETED
    collection.collect(attempt_id=attempt.pk)
    assert store.calls == []
    assert not Fetch.objects.exists()


def test_a_store_that_fails_is_tried_again_and_again(attempt: Attempt, store: Store) -> None:
    store.answers["/x.png"] = (503, {}, b"")
    complete(attempt, store)
    waits = []
    for _ in range(collection.TRIES - 1):
        waits.append(collection.collect(attempt_id=attempt.pk))
        due(attempt)
    assert all(wait is not None and 1 <= wait <= 120 for wait in waits)
    assert waits[0] < waits[4] < waits[-1]  # type: ignore[operator]
    assert job_of(attempt).status == Status.PROCESSING
    assert collection.collect(attempt_id=attempt.pk) is None
    job = job_of(attempt)
    assert (job.status, job.error_code) == (Status.FAILED, "result_unreachable")
    assert job.error_retryable
    assert len(store.calls) == collection.TRIES


def test_it_comes_when_the_store_is_well_again(attempt: Attempt, store: Store) -> None:
    store.answers["/x.png"] = (503, {"Retry-After": "100000"}, b"")
    complete(attempt, store)
    assert collection.collect(attempt_id=attempt.pk) == 300
    assert collection.collect(attempt_id=attempt.pk) is None
    assert len(store.calls) == 1
    store.answers["/x.png"] = (200, {}, PNG)
    due(attempt)
    collection.collect(attempt_id=attempt.pk)
    assert job_of(attempt).status == Status.COMPLETED


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/large", "result_too_large"),
        ("/text", "not_a_picture"),
        ("/empty", "empty_file"),
        ("/inside", "bad_url"),
        ("/elsewhere", "host_not_allowed"),
        ("/circle", "result_unreachable"),
    ],
)
def test_what_will_never_be_a_picture_fails_the_job_at_once(
    path: str, code: str, attempt: Attempt, store: Store, settings: Any, media: Any
) -> None:
    settings.PHOTOS_MAX_BYTES = 50_000
    store.answers |= {
        "/large": (200, {}, b"x" * 50_001),
        "/text": (200, {}, b"Hello!"),
        "/empty": (200, {}, b""),
        "/inside": (302, {"Location": "http://127.0.0.1:6379/"}, b""),
        "/elsewhere": (302, {"Location": "https://cdn.example/"}, b""),
        "/circle": (302, {"Location": "/circle"}, b""),
    }
    before = {file for file in media.rglob("*") if file.is_file()}
    complete(attempt, store, path)
    assert collection.collect(attempt_id=attempt.pk) is None
    job = job_of(attempt)
    assert (job.status, job.error_code) == (Status.FAILED, code)
    assert job.error_message
    assert not Fetch.objects.exists()
    assert {file for file in media.rglob("*") if file.is_file()} == before


def test_a_worker_that_dies_in_the_middle_is_followed_by_another(
    attempt: Attempt, store: Store
) -> None:
    complete(attempt, store)
    # As far as one that is killed while it fetches has come:
    assert collection._claim(Fetch.objects.get(), timezone.now())
    assert collection.collect(attempt_id=attempt.pk) is None
    assert store.calls == []
    assert fetches.overdue(now=timezone.now(), most=9) == []
    due(attempt)
    assert fetches.overdue(now=timezone.now(), most=9) == [attempt.pk]
    collection.collect(attempt_id=attempt.pk)
    assert job_of(attempt).status == Status.COMPLETED


def test_one_whose_fetchers_always_die_ends(attempt: Attempt, store: Store) -> None:
    complete(attempt, store)
    Fetch.objects.update(tries=collection.TRIES)
    assert collection.collect(attempt_id=attempt.pk) is None
    assert job_of(attempt).error_code == "result_unreachable"
    assert store.calls == []


def test_the_reconciler_has_fetched_what_a_broker_lost(
    attempt: Attempt, store: Store, eager: None
) -> None:
    complete(attempt, store)
    due(attempt)
    tasks.reconcile_jobs()
    assert job_of(attempt).status == Status.COMPLETED


def test_a_deleted_photo_s_picture_is_not_fetched(attempt: Attempt, store: Store) -> None:
    complete(attempt, store)
    attempt.job.photo.delete()
    assert collection.collect(attempt_id=attempt.pk) is None
    assert store.calls == []


def test_a_cancelled_job_s_picture_is_not_fetched(attempt: Attempt, store: Store) -> None:
    complete(attempt, store)
    lifecycle.stop(attempt.job_id, Status.CANCELLED, code="c", message="c", retryable=False)
    assert collection.collect(attempt_id=attempt.pk) is None
    assert store.calls == []
    assert not Fetch.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_many_tasks_for_one_picture_fetch_it_once(attempt: Attempt, store: Store) -> None:
    complete(attempt, store)
    together(*[lambda: collection.collect(attempt_id=attempt.pk)] * 8)
    assert len(store.calls) == 1
    assert job_of(attempt).status == Status.COMPLETED


def test_an_address_with_what_databases_refuse_is_kept_or_refused(attempt: Attempt) -> None:
    output = {"image_url": "https://cdn.example/\ud800é/x.png"}
    lifecycle.apply_report(attempt=attempt, report=factories.report(output=output))
    assert Fetch.objects.get().url == "https://cdn.example/?é/x.png"
