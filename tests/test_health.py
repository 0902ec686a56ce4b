"""What a process says of itself to who restarts it, and to who routes requests to it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
from django.test import AsyncClient

from jobs.models import Job
from photorestore import health
from tests import factories
from tests.events.inside import on_the_loop
from tests.services import free_port
from tests.streams import bearer, calling, eventually, following, path


@pytest.fixture
def client(server: str) -> Iterator[httpx2.Client]:
    """Return somebody whom nobody knows, who calls the host by a name of their own."""
    with calling(server, Host="10.0.0.5:8001") as client:
        yield client


@contextmanager
def no_answer_of_the_database() -> Iterator[None]:
    gate = threading.Event()
    health._thread.submit(gate.wait)
    try:
        yield
    finally:
        gate.set()


@contextmanager
def mute() -> Iterator[int]:
    """Have a port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as silence:
        yield silence.getsockname()[1]


def parts(answer: httpx2.Response) -> dict[str, bool]:
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    found: dict[str, bool] = answer.json()
    assert answer.status_code == (200 if all(found.values()) else 503)
    return found


def until_it_says(client: httpx2.Client, **expected: bool) -> httpx2.Response:
    """Return the answer; what is well may at first be too busy to say so within a second."""

    def answered() -> httpx2.Response | None:
        answer = client.get("/readyz")
        return answer if parts(answer) == expected else None

    found = eventually(answered)
    assert found
    return found


def test_a_process_that_is_well_lives_and_is_ready(client: httpx2.Client) -> None:
    assert client.get("/livez").json() == {"live": True}
    until_it_says(client, database=True, broker=True, process=True)
    eventually(lambda: client.head("/readyz").status_code == 200)
    assert client.post("/readyz").status_code != 200


def test_without_a_broker_it_is_not_ready_and_says_nothing_of_where_that_is(
    client: httpx2.Client, settings: Any
) -> None:
    settings.REDIS_URL = f"redis://:secret@127.0.0.1:{free_port()}/0"
    answer = until_it_says(client, database=True, broker=False, process=True)
    assert "127.0.0.1" not in answer.text
    assert client.get("/livez").status_code == 200


def test_a_broker_that_says_nothing_is_waited_for_no_longer_than_a_second(
    client: httpx2.Client, settings: Any
) -> None:
    with mute() as port:
        settings.REDIS_URL = f"redis://127.0.0.1:{port}/0"
        until_it_says(client, database=True, broker=False, process=True)


def test_a_database_that_says_nothing_is_waited_for_no_longer_than_a_second(
    client: httpx2.Client,
) -> None:
    with no_answer_of_the_database():
        until_it_says(client, database=False, broker=True, process=True)
        assert client.get("/livez").status_code == 200
    until_it_says(client, database=True, broker=True, process=True)


def test_a_process_that_ends_its_streams_is_not_ready(server: str, client: httpx2.Client) -> None:
    job: Job = factories.job()
    with calling(server, **bearer(job)) as owner, following(owner, path(job)):
        on_the_loop(lambda ours: ours.close())
    until_it_says(client, database=True, broker=True, process=False)
    assert client.get("/livez").status_code == 200


@pytest.mark.django_db(transaction=True)
async def test_under_django_s_own_handler_they_answer_the_same(async_client: AsyncClient) -> None:
    for address, view in health.VIEWS.items():
        answer = await async_client.get(address)
        assert (answer.status_code, answer.resolver_match.func.__name__) == (200, view.__name__)
