"""The circuit breaker: a RunPod that refuses everything is left alone, until it goes again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

import pytest
from django.utils import timezone
from time_machine import Traveller, travel

from events.models import Event
from jobs import circuit, reconciliation, streams, tasks
from jobs.models import ON_HOLD, Circuit, Job, Status
from tests import factories
from tests.cloud import Cloud

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("eager")]

NOW = timezone.now()


@pytest.fixture(autouse=True)
def clock() -> Iterator[Traveller]:
    with travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def jobs() -> list[Job]:
    owner = factories.user()
    return [factories.job(owner, options={}) for _ in range(3)]


def submit(job: Job) -> None:
    tasks.submit_job.apply(kwargs={"job_id": str(job.pk)})


def states(jobs: list[Job]) -> list[tuple[str, str]]:
    found = Job.objects.in_bulk([job.pk for job in jobs])
    return [(found[job.pk].status, found[job.pk].stage) for job in jobs]


def accepts(cloud: Cloud, id: str) -> None:
    cloud.status, cloud.body = 200, json.dumps({"id": id, "status": "IN_QUEUE"}).encode()


@pytest.mark.parametrize("status", [301, 401, 402, 403, 404, 409])
def test_a_runpod_that_refuses_everything_is_asked_once(
    jobs: list[Job], cloud: Cloud, status: int
) -> None:
    cloud.status = status
    for job in jobs:
        submit(job)
    assert len(cloud.calls) == 1
    assert states(jobs) == [(Status.PENDING, ON_HOLD)] * 3
    assert str(status) in Circuit.objects.get().reason


@pytest.mark.parametrize("status", [400, 429, 502])
def test_what_concerns_one_job_stops_no_other(jobs: list[Job], cloud: Cloud, status: int) -> None:
    cloud.status = status
    submit(jobs[0])
    assert circuit.current().opened_at is None


def test_who_waits_is_told_once_and_honestly(jobs: list[Job], cloud: Cloud) -> None:
    cloud.status = 401
    submit(jobs[0])
    submit(jobs[0])
    event = Event.objects.get(stream=streams.job_stream(jobs[0].pk))
    told = json.loads(event.data)
    assert (event.type, told["status"], told["stage"]) == ("progress", "pending", ON_HOLD)


def test_one_job_is_let_through_after_a_minute_and_then_more_rarely(
    jobs: list[Job], cloud: Cloud, clock: Traveller
) -> None:
    cloud.status = 401
    for job in jobs:
        submit(job)
    tries = []
    for _ in range(720):
        clock.shift(timedelta(seconds=5))
        before = len(cloud.calls)
        tasks.reconcile_jobs()
        tries += [(timezone.now() - NOW).seconds] * (len(cloud.calls) - before)
    gaps = [after - before for before, after in pairwise(tries)]
    assert tries[0] == 60
    assert gaps == sorted(gaps)
    assert gaps[-1] == 900


def test_a_paused_endpoint_is_tried_every_minute(
    jobs: list[Job], cloud: Cloud, clock: Traveller
) -> None:
    cloud.status = 409
    submit(jobs[0])
    for _ in range(60):
        clock.shift(timedelta(seconds=10))
        tasks.reconcile_jobs()
    assert len(cloud.calls) == 11


def test_when_the_one_is_taken_all_follow(jobs: list[Job], cloud: Cloud, clock: Traveller) -> None:
    cloud.status = 402
    for job in jobs:
        submit(job)
    clock.shift(timedelta(seconds=61))
    accepts(cloud, "first")
    tasks.reconcile_jobs()
    assert circuit.current().opened_at is None
    assert states(jobs)[0] == (Status.QUEUED, "")
    for job in jobs[1:]:
        accepts(cloud, f"next-{job.pk}")
        submit(job)
    assert states(jobs) == [(Status.QUEUED, "")] * 3


def test_the_others_are_due_as_soon_as_it_is_closed(
    jobs: list[Job], cloud: Cloud, clock: Traveller
) -> None:
    cloud.status = 402
    for job in jobs:
        submit(job)
    clock.shift(timedelta(seconds=61))
    accepts(cloud, "first")
    submit(jobs[0])
    assert set(reconciliation.stranded(now=timezone.now())) == set(jobs[1:])


def test_a_key_that_is_refused_while_we_ask_stops_submitting_too(
    jobs: list[Job], cloud: Cloud, clock: Traveller
) -> None:
    submit(jobs[0])
    cloud.answers["status"] = (401, b"")
    clock.shift(timedelta(seconds=10))
    tasks.reconcile_jobs()
    opened = circuit.current()
    assert opened.code == "runpod_key"
    clock.shift(timedelta(seconds=10))
    tasks.reconcile_jobs()
    assert circuit.current().probe_at == opened.probe_at
    assert Job.objects.get(pk=jobs[0].pk).status == Status.QUEUED


def test_who_waits_too_long_is_told_so(jobs: list[Job], cloud: Cloud, clock: Traveller) -> None:
    cloud.status = 401
    submit(jobs[0])
    clock.shift(timedelta(hours=24, minutes=2))
    tasks.reconcile_jobs()
    assert states(jobs)[0][0] == Status.TIMED_OUT


def test_a_runpod_that_stays_busy_is_told_to_who_waits(
    jobs: list[Job], cloud: Cloud, clock: Traveller
) -> None:
    cloud.status = 429
    clock.shift(timedelta(seconds=90))
    submit(jobs[0])
    assert states(jobs)[0] == (Status.PENDING, ON_HOLD)
    assert circuit.current().opened_at is None


def test_it_can_be_tried_at_once(jobs: list[Job], cloud: Cloud) -> None:
    assert not circuit.probe_now()
    cloud.status = 401
    submit(jobs[0])
    assert circuit.probe_now()
    accepts(cloud, "first")
    tasks.reconcile_jobs()
    assert circuit.current().opened_at is None
