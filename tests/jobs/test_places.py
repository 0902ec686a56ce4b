"""How many are before one: told by steps, to those who wait, by the streams that they follow."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import F
from django.utils import timezone

from events.models import Event
from jobs import lifecycle, places, streams, tasks
from jobs.models import ON_HOLD, Job, Photo, Status
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
    assert {event.type for event in events} <= {"progress"}
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


def test_who_does_not_wait_for_a_turn_is_told_none(user: User) -> None:
    job, held = waiting(user, 2)
    Job.objects.filter(pk=held.pk).update(stage=ON_HOLD)
    tasks.tell_places()
    assert told(job) == []  # whose turn is at once
    Job.objects.update(requested_at=F("requested_at") - timedelta(minutes=1))
    tasks.tell_places()
    assert (told(job), told(held)) == ([0], [])
    attempt, _ = factories.attempt(job)
    lifecycle.apply_report(attempt=attempt, report=factories.report("IN_PROGRESS"))
    events = Event.objects.filter(stream=streams.job_stream(job.pk)).order_by("seq")
    assert json.loads(list(events)[-1].data)["ahead"] is None
