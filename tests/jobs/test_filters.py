"""Lists by state and time, page by page."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from jobs import intake, lifecycle
from jobs.models import Job, Photo, Status
from tests import factories

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


@pytest.fixture
def client(user: User) -> APIClient:
    client = APIClient()
    client.force_login(user)
    return client


@pytest.fixture
def jobs(user: User) -> list[Job]:
    """Return three jobs of an hour each: failed, processing, created."""
    jobs = [factories.job(user) for _ in range(3)]
    lifecycle.fail(job=jobs[0], code="lost", message="Gone.", retryable=True)
    Job.objects.filter(pk=jobs[1].pk).update(status=Status.PROCESSING)
    for hours, job in enumerate(jobs):
        moment = NOON + timedelta(hours=hours)
        Job.objects.filter(pk=job.pk).update(created_at=moment)
        Photo.objects.filter(pk=job.photo_id).update(created_at=moment)
    Job.objects.filter(pk=jobs[0].pk).update(finished_at=NOON)
    return jobs


def found(client: APIClient, jobs: list[Job], query: str, of: str = "jobs") -> list[int]:
    """Return which of the jobs, or their photos, were found."""
    answer = client.get(f"/api/v1/{of}?{query}")
    assert answer.status_code == 200, answer.content
    ids = [str(job.pk if of == "jobs" else job.photo_id) for job in jobs]
    return [ids.index(row["job_id" if of == "jobs" else "id"]) for row in answer.json()["results"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [2, 1, 0]),
        ("status=failed", [0]),
        ("status=failed&status=created", [2, 0]),
        ("status=completed", []),
        ("created_after=2026-11-26T12:00:00Z", [2, 1]),
        ("created_before=2026-11-26T14:00:00%2B01:00", [0]),
        ("created_after=2026-11-26T12:30:00Z&created_before=2026-11-26T13:30:00Z", [1]),
        ("limit=2", [2, 1]),
    ],
)
def test_photos_and_jobs_are_found_by_state_and_time(
    client: APIClient, jobs: list[Job], query: str, expected: list[int]
) -> None:
    assert found(client, jobs, query) == expected
    assert found(client, jobs, query, "photos") == expected


def test_jobs_are_found_by_photo_and_by_their_end(client: APIClient, jobs: list[Job]) -> None:
    assert found(client, jobs, f"photo_id={jobs[1].photo_id}") == [1]
    assert found(client, jobs, "finished_after=2026-11-26T11:00:00Z") == [0]
    assert found(client, jobs, "finished_before=2026-11-26T12:00:00Z") == []


def test_a_photo_s_state_is_its_newest_job_s(client: APIClient, jobs: list[Job]) -> None:
    intake.request_new_job(photo=jobs[0].photo, options={})
    assert found(client, jobs, "status=failed", "photos") == []
    assert found(client, jobs, "status=pending", "photos") == [0]


@pytest.mark.parametrize(
    "query",
    [
        "status=done",
        "status=",
        "created_after=yesterday",
        "created_before=2026-13-01T00:00:00Z",
        "created_after=9999-12-31T23:59:59-23:00",
        "limit=0",
        "limit=101",
        "limit=x",
        "limit=" + "9" * 2000,
        "cursor=",
        "cursor=%00",
        "state=failed",
        "created_afer=2026-11-26T12:00:00Z",
    ],
)
@pytest.mark.parametrize("of", ["jobs", "photos"])
def test_a_filter_that_is_none_is_refused(client: APIClient, query: str, of: str) -> None:
    answer = client.get(f"/api/v1/{of}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


@pytest.mark.parametrize(
    ("query", "help"),
    [
        ("status=done", "none of created, pending, queued,"),
        ("created_after=2026-11-26T12:00:00+02:00", "%2B02:00"),
        ("state=failed", "only cursor, limit, created_after, created_before, status"),
    ],
)
def test_a_refusal_says_what_would_do(client: APIClient, query: str, help: str) -> None:
    assert help in client.get(f"/api/v1/photos?{query}").json()["detail"]


@pytest.mark.parametrize(
    "position", ["yesterday", "2026-99-99", "", "\0", "0001-01-01 00:00:00+14:00"]
)
def test_a_cursor_of_no_page_is_refused(client: APIClient, jobs: list[Job], position: str) -> None:
    made_up = base64.b64encode(urlencode({"p": position}).encode()).decode()
    for cursor in (made_up, "junk", "\u00e4", "bz0tMQ=="):
        answer = client.get("/api/v1/jobs", {"cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor"), cursor


def test_pages_stay_while_rows_are_added(client: APIClient, jobs: list[Job], user: User) -> None:
    seen, url = [], "/api/v1/jobs?limit=1"
    while url:
        page: Any = client.get(url).json()
        seen += [row["job_id"] for row in page["results"]]
        added = factories.job(user)
        Job.objects.filter(pk=added.pk).update(created_at=NOON + timedelta(days=len(seen)))
        url = page["next"]
    assert seen == [str(job.pk) for job in reversed(jobs)]


def test_pages_keep_their_filters_and_miss_nothing(client: APIClient, jobs: list[Job]) -> None:
    seen, url = [], "/api/v1/jobs?limit=1&status=failed&status=created"
    while url:
        page: Any = client.get(url).json()
        seen += [row["job_id"] for row in page["results"]]
        url = page["next"]
    assert seen == [str(jobs[2].pk), str(jobs[0].pk)]


def test_answers_link_to_their_streams(client: APIClient, jobs: list[Job]) -> None:
    one, all = client.get(f"/api/v1/jobs/{jobs[0].pk}"), client.get("/api/v1/jobs")
    assert one["Link"] == f'</api/v1/events/{jobs[0].pk}>; rel="events"'
    assert all["Link"] == '</api/v1/events>; rel="events"'


@pytest.mark.parametrize("query", ["created_after=", "limit=", "photo_id="])
def test_a_filter_that_is_empty_is_not_taken_for_none(client: APIClient, query: str) -> None:
    assert client.get(f"/api/v1/jobs?{query}").json()["code"] == "invalid"
