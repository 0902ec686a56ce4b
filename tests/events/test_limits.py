"""As many streams as may be, of one user and of one server, and no more."""

from __future__ import annotations

from collections import Counter
from typing import Any

import httpx2
import pytest

from events.metrics import counters
from jobs.models import Job
from tests import factories
from tests.streams import bearer, eventually, path
from tests.wire import Wire, Wires

from .inside import held, nothing_read

CROWD = 40


def asked(wires: Wires, job: Job) -> Wire:
    return wires.open(path(job), bearer(job))


def test_who_has_as_many_streams_as_may_be_gets_429_until_one_is_closed(
    wires: Wires, client: httpx2.Client, job: Job, settings: Any
) -> None:
    settings.EVENTS_MAX_STREAMS_PER_USER = 2
    opened = [asked(wires, job), asked(wires, job)]
    assert [wire.status for wire in opened] == [200, 200]
    refused = counters.refused["429"]
    answer = client.get(path(job))
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_streams")
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    assert counters.refused["429"] == refused + 1
    opened[0].close()
    eventually(lambda: held().users == {job.photo.owner_id: 1})
    assert asked(wires, job).status == 200


def test_the_streams_of_all_of_a_user_s_jobs_count_and_no_other_user_s(
    wires: Wires, job: Job, settings: Any
) -> None:
    settings.EVENTS_MAX_STREAMS_PER_USER = 1
    assert asked(wires, factories.job(job.photo.owner)).status == 200
    assert asked(wires, job).status == 429
    assert asked(wires, factories.job(factories.user("eve"))).status == 200


def test_a_server_that_is_full_says_so_until_a_stream_is_closed(
    wires: Wires, client: httpx2.Client, job: Job, settings: Any
) -> None:
    settings.EVENTS_MAX_STREAMS = 2
    eve = factories.job(factories.user("eve"))
    opened = [asked(wires, eve), asked(wires, eve)]
    assert [wire.status for wire in opened] == [200, 200]
    answer = client.get(path(job))
    assert (answer.status_code, answer.json()["code"]) == (503, "server_full")
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    opened[0].close()
    eventually(lambda: held().open == 1)
    assert asked(wires, job).status == 200


@pytest.mark.parametrize("relay", ["new", "running"])
@pytest.mark.parametrize(
    ("limit", "status"), [("EVENTS_MAX_STREAMS_PER_USER", 429), ("EVENTS_MAX_STREAMS", 503)]
)
def test_a_crowd_does_not_get_past_a_limit(
    wires: Wires, job: Job, settings: Any, limit: str, status: int, relay: str
) -> None:
    setattr(settings, limit, 5)
    first = [asked(wires, job).status for _ in range(relay == "running")]
    with nothing_read():
        opened = [asked(wires, job) for _ in range(CROWD)]
    statuses = Counter([*first, *(wire.status for wire in opened)])
    assert statuses == {200: 5, status: CROWD + len(first) - 5}
    assert held().open == 5


def test_a_stream_that_was_refused_leaves_nothing(wires: Wires, job: Job, settings: Any) -> None:
    settings.EVENTS_MAX_STREAMS_PER_USER = 1
    first = asked(wires, job)
    assert [first.status, asked(wires, job).status] == [200, 429]
    first.close()
    eventually(lambda: held()[:3] == (0, {}, {}))
