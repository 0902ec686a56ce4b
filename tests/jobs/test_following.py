"""Whatever shows a job says from where to follow it, and that nothing falls between the two."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from events.models import Event
from jobs import lifecycle, streams
from jobs.models import Job
from tests import factories
from tests.meanwhile import Meanwhile

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(user: User) -> APIClient:
    client = APIClient()
    client.force_login(user)
    return client


def told(job: Job, percent: int = 40) -> Job:
    """Return the job after two events: `processing` and its progress."""
    attempt, _ = factories.attempt(job)
    lifecycle.apply_progress(attempt=attempt, fraction=percent / 100, stage="noise")
    return job


def cursor(snapshot: Any) -> tuple[str, int]:
    return snapshot["events_url"], snapshot["last_event_id"]


def test_every_answer_with_a_job_says_from_where_to_follow_it(
    client: APIClient, user: User
) -> None:
    job = told(factories.job(user))
    expected = (f"/api/v1/events/{job.pk}", 2)
    assert cursor(client.get(f"/api/v1/jobs/{job.pk}").json()) == expected
    assert cursor(client.get("/api/v1/jobs").json()["results"][0]) == expected
    assert cursor(client.get(f"/api/v1/photos/{job.photo_id}").json()["jobs"][0]) == expected
    assert cursor(client.post(f"/api/v1/jobs/{job.pk}/restore").json()) == expected


def test_every_answer_with_a_new_job_does(client: APIClient, user: User) -> None:
    image = SimpleUploadedFile("a.jpg", factories.picture())
    uploaded = client.post("/api/v1/photos", {"image": image}, format="multipart").json()
    data = {"photo_id": uploaded["photo"]["id"]}
    asked = client.post("/api/v1/jobs", data, format="json").json()
    for job in (uploaded["job"], asked):
        assert cursor(job) == (f"/api/v1/events/{job['job_id']}", 0)


def test_lists_say_from_where_to_follow_everything(client: APIClient, user: User) -> None:
    for path in ("/api/v1/jobs", "/api/v1/photos"):
        assert cursor(client.get(path).json()) == ("/api/v1/events", 0)
    told(factories.job(user))
    told(factories.job(user))
    told(factories.job(factories.user("eve")))
    for path in ("/api/v1/jobs", "/api/v1/photos"):
        assert cursor(client.get(path).json()) == ("/api/v1/events", 4)


def test_pages_carry_it(client: APIClient, user: User) -> None:
    job = told(factories.job(user))
    lifecycle.fail(job=job, code="x", message="x", retryable=True)
    browser = Client()
    browser.force_login(user)
    for path in ("/", f"/photos/{job.photo_id}/"):
        assert 'data-last-event-id="3"' in browser.get(path).content.decode()


def queries(ask: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert ask().status_code == 200
    return len(captured)


@pytest.mark.parametrize("path", ["/api/v1/jobs", "/api/v1/photos", "/api/v1/photos/{photo}", "/"])
def test_many_jobs_take_as_many_queries_as_one(client: APIClient, user: User, path: str) -> None:
    job = told(factories.job(user))
    path = path.format(photo=job.photo_id)
    few = queries(lambda: client.get(path))
    for _ in range(4):
        told(factories.job(user))
        told(Job.objects.create(owner=job.owner, photo=job.photo))
    assert queries(lambda: client.get(path)) == few


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/jobs/{job}",
        "/api/v1/jobs",
        "/api/v1/photos/{photo}",
        "/photos/{photo}/",
    ],
)
def test_nothing_falls_between_a_job_and_its_stream(
    client: APIClient, user: User, path: str
) -> None:
    for number in count(1):
        job = factories.job(user)
        happens = Meanwhile(number, lambda job=job: told(job))  # type: ignore[misc]
        with connection.execute_wrapper(happens):
            answer = client.get(path.format(job=job.pk, photo=job.photo_id))
        if not happens.happened:
            assert number > 4
            return
        shown, last = of(answer, job)
        missed = Event.objects.filter(stream=streams.job_stream(job.pk), seq__gt=last)
        assert shown == 40 or missed.count() == 2


def of(answer: Any, job: Job) -> tuple[int, int]:
    """Return the progress that is shown of the job, and the number to follow it from."""
    if answer["Content-Type"].startswith("text/html"):
        page = answer.content.decode()
        last = re.search(r'data-last-event-id="(\d+)"', page)
        assert last
        return (40 if "40 %" in page else 0), int(last[1])
    body = answer.json()
    jobs = body.get("results") or body.get("jobs") or [body]
    found = next(one for one in jobs if one["job_id"] == str(job.pk))
    return found["progress"], found["last_event_id"]


def test_nothing_falls_between_a_list_and_the_stream_of_all(client: APIClient, user: User) -> None:
    for number in count(1):
        job = factories.job(user)
        happens = Meanwhile(number, lambda job=job: told(job))  # type: ignore[misc]
        with connection.execute_wrapper(happens):
            body = client.get("/api/v1/jobs").json()
        if not happens.happened:
            return
        events = Event.objects.filter(stream=streams.owner_stream(user.pk), subject=str(job.pk))
        missed = events.filter(seq__gt=body["last_event_id"])
        assert body["results"][0]["progress"] == 40 or missed.count() == 2


@pytest.mark.parametrize("path", ["/api/v1/jobs/{job}", "/api/v1/jobs", "/photos/{photo}/"])
def test_a_job_that_is_deleted_meanwhile_is_not_there(
    client: APIClient, user: User, path: str
) -> None:
    for number in count(1):
        job = factories.job(user)
        happens = Meanwhile(number, Job.objects.filter(pk=job.pk).delete)
        with connection.execute_wrapper(happens):
            answer = client.get(path.format(job=job.pk, photo=job.photo_id))
        if not happens.happened:
            return
        assert answer.status_code in (200, 404)
