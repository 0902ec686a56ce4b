"""What the streams' addresses answer to odd requests, and to ordinary ones at odd times."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import pytest
from django.core.asgi import get_asgi_application
from django.test import Client

from events.metrics import counters
from events.relay import Relay
from jobs.models import Job
from tests.conftest import serving
from tests.services import PATIENCE
from tests.streams import append, bearer, calling, eventually, following, path, refused, take
from tests.wire import Wires

from .inside import on_the_loop


@pytest.mark.parametrize(
    "accept",
    [
        "text/event-stream",
        "TEXT/Event-Stream",
        "text/event-stream; charset=utf-8",
        "text/event-stream;q=0.1, application/json",
        "text/html, text/event-stream",
        "text/*",
        "*/*",
        "application/json;q=0, */*;q=0.01",
        "text/html;q=0.9,, */*",
        "",
        None,
    ],
)
def test_whoever_takes_event_streams_gets_one(wires: Wires, job: Job, accept: str | None) -> None:
    headers = bearer(job) | ({} if accept is None else {"Accept": accept})
    wire = wires.open(path(job), headers)
    assert wire.status == 200
    wire.read_to(b"retry: 3000\n\n")


@pytest.mark.parametrize(
    "accept",
    [
        "application/json",
        "text/event-stream;q=0",
        "text/event-stream;q=0, */*",
        "text/*;q=0, */*",
        "*/*;q=0",
        "text/html, application/json;q=0.5",
        "event-stream",
        ";",
    ],
)
def test_whoever_excludes_event_streams_gets_406(
    client: httpx2.Client, job: Job, accept: str
) -> None:
    count = counters.refused["406"]
    answer = refused(client, path(job), 406, accept=accept)
    assert answer.json()["code"] == "not_acceptable"
    assert counters.refused["406"] == count + 1


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_methods_are_told_the_one_that_is_allowed(
    client: httpx2.Client, job: Job, method: str
) -> None:
    answer = refused(client, path(job), 405, method=method)
    assert answer.json()["code"] == "method_not_allowed"
    assert answer.headers["allow"] == "GET"


def test_a_stream_has_no_head_alone(client: httpx2.Client, job: Job) -> None:
    for _ in range(2):  # the second by the same connection: nothing but a head came
        answer = refused(client, path(job), 405, method="HEAD")
        assert (answer.headers["allow"], answer.content) == ("GET", b"")


def test_the_body_of_another_method_is_passed_over(client: httpx2.Client, job: Job) -> None:
    for _ in range(2):  # the second by the same connection
        answer = client.post(path(job), content=b"GET / HTTP/1.1\r\n\r\n" * 50_000)
        assert answer.status_code == 405


@pytest.mark.parametrize("address", ["/api/v1/events/", "{}/", "{}x", "/api/v1/events/1"])
def test_an_address_beside_a_stream_s_is_not_found(
    client: httpx2.Client, job: Job, address: str
) -> None:
    answer = refused(client, address.format(path(job)), 404)
    assert answer.json()["code"] == "not_found"


def test_what_is_no_stream_says_how_long_it_is_but_for_nothing(
    client: httpx2.Client, server: str, job: Job
) -> None:
    answer = httpx2.get(server + path(job), trust_env=False, timeout=PATIENCE)
    assert int(answer.headers["content-length"]) == len(answer.content)
    append(job, "completed", final=True)
    answer = client.get(path(job), headers={"Last-Event-ID": "1"})
    assert answer.status_code == 204
    assert not {"content-length", "content-type"} & set(answer.headers)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "a b", ""])
def test_a_host_that_is_not_ours_is_refused(client: httpx2.Client, job: Job, host: str) -> None:
    with client.stream("GET", path(job), headers={"Host": host}) as answer:
        assert answer.status_code == 400


@pytest.mark.parametrize(
    "query",
    ["?token=", "?%ff=%fe", "?a=%00&b", "?&&==;", "?" + "x" * 50_000, "?last_event_id="],
    ids=lambda query: query[:20],
)
def test_a_query_may_have_anything_else(wires: Wires, job: Job, query: str) -> None:
    wire = wires.open(path(job) + query, bearer(job))
    assert wire.status == 200
    wire.read_to(b"retry: 3000\n\n")


@pytest.mark.parametrize(
    "query", ["?last_event_id=%00", "?last_event_id=-1", "?last_event_id=1.5", "?a&" * 2000]
)
def test_a_query_that_will_not_do_is_a_bad_request(
    client: httpx2.Client, job: Job, query: str
) -> None:
    with client.stream("GET", path(job) + query) as answer:
        assert answer.status_code == 400


def test_white_space_around_a_header_is_none_of_its_value(wires: Wires, job: Job) -> None:
    append(job)
    append(job)
    wire = wires.open(path(job), bearer(job) | {"Last-Event-ID": " 1 \t", "Accept": " */* "})
    wire.read_event(2)
    assert wire.ids == [2]


def test_headers_may_be_large(wires: Wires, job: Job) -> None:
    wire = wires.open(path(job), bearer(job) | {"X-Padding": "x" * 100_000})
    assert wire.status == 200
    wire.read_to(b"retry: 3000\n\n")


def test_a_site_may_live_below_an_address(job: Job) -> None:
    from photorestore.asgi import application

    append(job)
    with serving(application, root_path="/photos") as site, calling(site, **bearer(job)) as client:
        with following(client, path(job)) as events:
            assert take(events, 1) == [("1", "progress")]
        with client.stream("GET", "/api/v1/events") as answer:
            assert answer.status_code == 200
        refused(client, "/api/v1/events/", 404)


def test_a_drain_ends_every_stream_with_a_time_to_come_back_of_its_own(
    wires: Wires, job: Job
) -> None:
    headers, count = bearer(job), counters.closed["drain"]
    opened = [wires.open(path(job), headers) for _ in range(50)]
    for wire in opened:
        wire.read_to(b"retry: 3000\n\n")
    on_the_loop(Relay.close)
    farewells = [re.findall(rb"retry: (\d+)\n\n", wire.read_all())[1:] for wire in opened]
    times = [int(time) for (time,) in farewells]
    assert (min(times) >= 500, max(times) <= 5000, len(set(times)) > 25) == (True, True, True)
    eventually(lambda: counters.closed["drain"] == count + 50)


def test_a_stream_that_opens_during_a_drain_ends_at_once(
    client: httpx2.Client, wires: Wires, job: Job
) -> None:
    append(job)
    wires.open(path(job), bearer(job)).read_to(b"id: 1\n")
    on_the_loop(Relay.close)
    with client.stream("GET", path(job)) as answer:
        assert re.fullmatch(rb"retry: 3000\n\nretry: \d+\n\n", answer.read())


def test_django_s_own_handler_streams_the_same_bytes_and_leaves_nothing(job: Job) -> None:
    def bytes_of(site: str) -> bytes:
        with calling(site, **bearer(job)) as client:
            return client.get(path(job)).content

    append(job)
    append(job, "completed", final=True)
    from photorestore.asgi import application

    with serving(application) as site:
        ours = bytes_of(site)
    with serving(get_asgi_application()) as site:
        assert bytes_of(site) == ours
        eventually(lambda: counters.open == 0)
    assert ours.count(b"event: ") == 2


def test_django_s_own_handler_streams_what_happens_and_notes_who_goes(job: Job) -> None:
    with serving(get_asgi_application()) as site, calling(site, **bearer(job)) as client:
        with following(client, path(job)) as events:
            append(job)
            assert take(events, 1) == [("1", "progress")]
        eventually(lambda: counters.open == 0)


def test_middleware_that_compresses_keeps_no_event_back(job: Job, settings: Any) -> None:
    names = "gzip.GZipMiddleware", "http.ConditionalGetMiddleware"
    settings.MIDDLEWARE = [f"django.middleware.{name}" for name in names] + settings.MIDDLEWARE
    headers = bearer(job) | {"Accept-Encoding": "gzip", "If-None-Match": "*"}
    with (
        serving(get_asgi_application()) as site,
        calling(site, **headers) as client,
        following(client, path(job)) as events,
    ):
        append(job)
        assert take(events, 1) == [("1", "progress")]


def test_a_response_that_outlasts_its_loop_gives_back_its_place(job: Job) -> None:
    count = counters.open
    answer: Any = Client().get(path(job), headers=bearer(job))
    assert counters.open == count + 1
    answer.close()
    assert counters.open == count
