"""RunPod's calls as RunPod makes them: unsigned, repeated, with more in them than we asked for."""

from __future__ import annotations

import base64
import gc
import json
from collections.abc import Iterator
from typing import Any

import celery
import pytest
from django.db import DatabaseError, OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from jobs import callbacks
from jobs.models import Job, Status
from tests import factories
from tests.cloud import Cloud
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db


@pytest.fixture
def job() -> Job:
    return factories.job(options={})


@pytest.fixture
def token(job: Job) -> str:
    return factories.attempt(job)[1]


@pytest.fixture
def eager() -> Iterator[None]:
    """Let tasks run where they are asked for."""
    celery.current_app.conf.task_always_eager = True
    yield
    celery.current_app.conf.task_always_eager = False


def call(token: str, body: Any, kind: str = "completion", **extra: Any) -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    path = f"/api/v1/webhooks/runpod-{kind}/{token}"
    return Client().post(path, data, content_type="application/json", **extra)


def progress_token(job: Job) -> str:
    attempt = job.attempts.last() or factories.attempt(job)[0]
    return callbacks.progress_token(attempt)


def completed(**fields: Any) -> dict[str, Any]:
    picture = base64.b64encode(factories.picture()).decode()
    return {
        "delayTime": 4736,
        "executionTime": 157,
        "id": "e4616554-495e-4e66-838b-c55f2ea7ecbc-e1",
        "input": {"image_url": "https://…", "unknown": [1, 2]},
        "output": {"image_base64": picture},
        "status": "COMPLETED",
        "webhook": "https://photos.example/hook",
        "workerId": "t7zclng6mb5jwy",
        **fields,
    }


def test_a_completed_job_is_answered_by_exactly_200(job: Job, token: str) -> None:
    assert call(token, completed()).status_code == 200
    job.refresh_from_db()
    assert (job.status, job.delay_ms, job.execution_ms) == (Status.COMPLETED, 4736, 157)


def test_what_a_caller_would_accept_costs_no_result(job: Job, token: str) -> None:
    answer = call(token, completed(), HTTP_ACCEPT="text/html")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    assert Job.objects.get(pk=job.pk).restore.bytes > 0


def test_the_same_call_three_times_is_200_three_times_and_one_result(job: Job, token: str) -> None:
    assert [call(token, completed()).status_code for _ in range(3)] == [200] * 3
    assert Job.objects.get(pk=job.pk).restore.bytes > 0


def test_a_wrong_token_is_a_404_and_changes_nothing(job: Job, token: str) -> None:
    assert call(token[:-1] + "x", completed()).status_code == 404
    job.refresh_from_db()
    assert job.status == Status.PENDING


def test_another_job_s_id_is_refused(job: Job, token: str) -> None:
    assert call(token, {"id": "a", "status": "IN_PROGRESS"}).status_code == 200
    assert call(token, completed(id="b")).status_code == 404
    job.refresh_from_db()
    assert job.status == Status.PROCESSING


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, [], "x", {}, {"id": 1, "status": "FAILED"}]
)
def test_a_malformed_body_is_a_400_and_changes_nothing(job: Job, token: str, body: Any) -> None:
    assert call(token, body).status_code == 400
    job.refresh_from_db()
    assert job.status == Status.PENDING


def test_a_body_beyond_django_s_limit_is_taken_and_one_beyond_ours_is_not(
    job: Job, token: str, settings: Any
) -> None:
    large = completed(input={"image": "x" * 5_000_000})
    assert call(token, large).status_code == 200
    settings.RUNPOD_MAX_WEBHOOK = 1000
    assert call(token, large).status_code == 413


def test_only_a_post_is_a_webhook(token: str) -> None:
    assert Client().get(f"/api/v1/webhooks/runpod-completion/{token}").status_code == 405


def test_the_type_of_the_body_does_not_matter(job: Job, token: str) -> None:
    path = f"/api/v1/webhooks/runpod-completion/{token}"
    data = json.dumps(completed()).encode()
    answer = Client().post(path, data, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 200


def test_a_cookie_or_a_header_gives_no_rights(job: Job, token: str) -> None:
    answer = call("x", completed(), headers={"Authorization": "Bearer test-key"})
    assert answer.status_code == 404


def test_the_worker_s_progress_is_told(job: Job) -> None:
    body = {"progress": 0.4, "stage": "noise"}
    answer = call(progress_token(job), body, kind="progress")
    job.refresh_from_db()
    assert answer.status_code == 200
    assert (job.status, job.progress, job.stage) == (Status.PROCESSING, 40, "noise")


def test_neither_address_is_good_for_the_other(job: Job, token: str) -> None:
    assert call(progress_token(job), completed()).status_code == 404
    assert call(token, {"progress": 0.4}, kind="progress").status_code == 404
    job.refresh_from_db()
    assert (job.status, job.progress) == (Status.PENDING, 0)


def test_a_progress_address_ends_with_its_attempt(job: Job, token: str) -> None:
    assert call(token, completed()).status_code == 200
    assert call(progress_token(job), {"progress": 0.4}, kind="progress").status_code == 404


def test_a_progress_address_of_one_s_own_making_is_none(job: Job, token: str) -> None:
    signed = progress_token(job)
    pk, _, mark = signed.partition(":")
    for made_up in (f"{int(pk) + 1}:{mark}", f"{pk}:{mark[::-1]}", pk, "x"):
        assert call(made_up, {"progress": 0.4}, kind="progress").status_code == 404


def test_a_spent_token_is_good_for_nothing_new(job: Job, token: str) -> None:
    assert call(token, completed()).status_code == 200
    for news in ({"status": "FAILED"}, {"status": "IN_PROGRESS"}, {"id": "other"}):
        assert call(token, completed(**news)).status_code == 404
    assert Job.objects.get(pk=job.pk).status == Status.COMPLETED


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"progress": "4/10"},
        {"progress": 2},
        {"progress": True},
        {"progress": -1},
        b'{"progress": NaN}',
    ],
)
def test_progress_that_is_none_is_refused(job: Job, body: Any) -> None:
    assert call(progress_token(job), body, kind="progress").status_code == 400
    job.refresh_from_db()
    assert job.progress == 0


def deliveries() -> list[tuple[str, int, str, bool]]:
    rows = Delivery.objects.order_by("id")
    return [(row.kind, row.answer, row.outcome, row.attempt is not None) for row in rows]


def test_every_call_is_written_down_with_what_became_of_it(job: Job, token: str) -> None:
    call("wrong", completed())
    call(token, b"{")
    call(token, {"id": 7})
    call(token, {"id": "a", "status": "RETRIED"})
    call(token, completed(id="a"))
    call(token, completed(id="a"))
    call(token, completed(id="b"))
    assert deliveries() == [
        ("completion", 404, "Nobody's: its token is wrong, or spent.", False),
        ("completion", 400, "The body is not JSON.", True),
        ("completion", 400, "`id` must be a word of 1 to 100 characters.", True),
        ("completion", 200, "Nothing changed.", True),
        ("completion", 200, "The job moved.", True),
        ("completion", 200, "Nothing changed.", True),
        ("completion", 404, "Refused: it is of another RunPod job, or after the last word.", True),
    ]


def test_what_is_written_down_has_no_secret_and_no_picture(job: Job, token: str) -> None:
    body = completed(webhook=f"https://photos.example/{token}", error=f"see {token}")
    call(token, body, headers={"X-Forwarded-Uri": token, "Cookie": "a=b", "User-Agent": "RunPod"})
    row = Delivery.objects.get()
    assert row.report
    assert (row.report["id"], row.report["executionTime"]) == (body["id"], 157)
    assert row.headers["User-Agent"] == "RunPod"
    assert row.size == len(json.dumps(body))
    kept = json.dumps([row.headers, row.report, row.outcome])
    assert token not in kept
    assert "Cookie" not in kept
    assert body["output"]["image_base64"][:80] not in kept
    assert "input" not in row.report


def test_browsers_are_told_before_anything_is_written_down(job: Job, token: str) -> None:
    with CaptureQueriesContext(connection) as queries:
        call(token, completed())
    assert "webhooks_delivery" in queries.captured_queries[-1]["sql"]
    assert not [query for query in queries.captured_queries[:-1] if "delivery" in query["sql"]]


def test_of_a_worker_s_progress_refusals_alone_are_written_down(job: Job) -> None:
    call(progress_token(job), {"progress": 0.4}, kind="progress")
    call(progress_token(job), {"progress": 7}, kind="progress")
    assert [row[:2] for row in deliveries()] == [("progress", 400)]


@pytest.mark.django_db(transaction=True)
def test_a_record_that_fails_costs_nothing(
    job: Job, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(execute: Any, sql: str, *rest: Any) -> Any:
        if "webhooks_delivery" in sql:
            raise DatabaseError("no space left")
        return execute(sql, *rest)

    with connection.execute_wrapper(refuse):
        assert call(token, completed()).status_code == 200
    assert Job.objects.get(pk=job.pk).status == Status.COMPLETED
    assert "no space left" in caplog.text


def test_with_the_database_down_runpod_is_asked_to_call_again(job: Job, token: str) -> None:
    def gone(*arguments: Any) -> Any:
        raise OperationalError("gone")

    client = Client(raise_request_exception=False)
    for kind, secret in (("completion", token), ("progress", progress_token(job))):
        path = f"/api/v1/webhooks/runpod-{kind}/{secret}"
        with connection.execute_wrapper(gone):
            answer = client.post(path, json.dumps(completed()), content_type="application/json")
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")


def test_an_id_that_a_webhook_was_the_first_to_tell_is_asked_about_once(
    job: Job, token: str, cloud: Cloud, eager: None
) -> None:
    assert [call(token, completed()).status_code for _ in range(2)] == [200, 200]
    assert cloud.asked("status") == [completed()["id"]]


def test_without_a_broker_it_is_taken_in_all_the_same(
    job: Job, token: str, no_broker: None
) -> None:
    assert call(token, completed()).status_code == 200
    assert Job.objects.get(pk=job.pk).status == Status.COMPLETED


def test_what_came_is_not_kept_until_the_garbage_collector_comes_by(job: Job, token: str) -> None:
    gc.collect()
    gc.disable()
    try:
        assert call(token, completed(marked="it may be megabytes")).status_code == 200
        kept = [each for each in gc.get_objects() if isinstance(each, dict) and "marked" in each]
        assert kept == []
    finally:
        gc.enable()
