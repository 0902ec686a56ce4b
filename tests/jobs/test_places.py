"""How many are before one: told by steps, to those who wait, by the streams that they follow."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from events.models import Event
from jobs import intake, lifecycle, places, streams, tasks
from jobs.models import Job, Photo, Status
from tests import factories

pytestmark = pytest.mark.django_db


def waiting(owner: User, count: int) -> list[Job]:
    """Return so many jobs that were asked for one after the other."""
    now = timezone.now()
    made = Photo.objects.bulk_create(
        Photo(owner=owner, format="JPEG", width=4, height=3, bytes=1) for _ in range(count)
    )
    return Job.objects.bulk_create(
        Job(photo=photo, owner=owner, status="pending", requested_at=now + timedelta(seconds=n))
        for n, photo in enumerate(made)
    )


def told(job: Job) -> list[int | None]:
    events = Event.objects.filter(stream=streams.job_stream(job.pk)).order_by("seq")
    return [json.loads(event.data)["ahead"] for event in events]


def leave(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(status=Status.PROCESSING)


@pytest.mark.parametrize(
    ("ahead", "step"),
    [(0, 0), (1, 1), (10, 10), (11, 20), (20, 20), (21, 50), (50, 50), (51, None)],
)
def test_the_last_ten_are_told_one_by_one_those_before_by_steps(
    ahead: int, step: int | None
) -> None:
    assert places.step(ahead) == step


def test_who_waits_is_told_each_step_once(user: User) -> None:
    *before, job = waiting(user, 13)
    tasks.tell_places()
    assert told(job) == [20]
    for other in before:
        leave(other)
        tasks.tell_places()
        tasks.tell_places()
    assert told(job) == [20, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    job.refresh_from_db()
    assert job.ahead == 0


def test_it_is_told_to_the_owner_s_stream_too_and_is_what_the_api_says(
    client: Any, user: User
) -> None:
    _, job = waiting(factories.user("eve"), 1)[0], waiting(user, 1)[0]
    Job.objects.filter(pk=job.pk).update(requested_at=timezone.now() + timedelta(minutes=1))
    tasks.tell_places()
    event = Event.objects.get(stream=streams.owner_stream(user.pk))
    client.force_login(user)
    read = client.get(f"/api/v1/jobs/{job.pk}").json()
    assert read.pop("last_event_id") == 1
    assert json.loads(event.data) == read
    assert read["ahead"] == 1


def test_far_behind_nobody_is_told_anything(user: User) -> None:
    *_, last = waiting(user, 60)
    tasks.tell_places()
    assert told(last) == []
    assert places.of(last) is None


def test_it_costs_one_query_where_nothing_is_new(
    user: User, django_assert_num_queries: Any
) -> None:
    waiting(user, 20)
    tasks.tell_places()
    with django_assert_num_queries(1):
        tasks.tell_places()


def upload(owner: User) -> Job:
    return factories.job(owner, options={})


def start(owner: User) -> Job:
    job = factories.job(owner)
    intake.request_restore(job=job)
    return job


def repeat(owner: User) -> Job:
    return intake.request_new_job(photo=factories.job(owner).photo, options={})


@pytest.mark.parametrize("ask", [upload, start, repeat])
def test_it_is_known_from_when_a_job_is_asked_for_and_told_with_what_happens_next(
    user: User, ask: Callable[[User], Job]
) -> None:
    before = [upload(user), upload(user)]
    job = ask(user)
    places.tell()
    assert told(job) == []
    attempt, _ = factories.attempt(job)
    lifecycle.apply_report(attempt=attempt, report=factories.report("IN_QUEUE"))
    places.tell()
    leave(before[0])
    places.tell()
    assert told(job) == [2, 1]


def test_whose_turn_is_at_once_is_told_so_with_what_happens_next(user: User) -> None:
    job = upload(user)
    places.tell()
    assert told(job) == []
    attempt, _ = factories.attempt(job)
    for word in ("IN_QUEUE", "IN_PROGRESS"):
        lifecycle.apply_report(attempt=attempt, report=factories.report(word))
        places.tell()
    assert told(job) == [0, None]


def test_who_was_asked_for_at_the_same_moment_as_another_is_told_of_it(user: User) -> None:
    first, second = upload(user), upload(user)
    Job.objects.filter(pk=second.pk).update(ahead=0)  # as seen before the other was committed
    places.tell()
    assert (told(first), told(second)) == ([], [1])


def test_who_is_on_hold_has_no_turn_to_wait_for(user: User) -> None:
    _, held = upload(user), upload(user)
    lifecycle.hold(held.pk)
    leave(Job.objects.exclude(pk=held.pk).get())
    places.tell()
    assert told(held) == [None]


def test_asking_costs_the_same_however_many_wait(user: User) -> None:
    costs = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            upload(user)
        costs.append(len(queries))
        waiting(user, 60)
    assert costs[0] == costs[1]
