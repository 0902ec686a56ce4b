"""A request for a stream says the same, by whichever class it is read."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from hypothesis import given
from hypothesis import strategies as st

from events import conf, requests
from events.requests import OrdinaryRequest

NAMES = ["token", "last_event_id", "x", "%74oken"]
texts = st.text(st.sampled_from("aZ09 %+&=;.,\"'\\?#/é%C3%A9%ff\x00"), max_size=12)
queries = st.lists(st.tuples(st.sampled_from(NAMES), texts), max_size=5).map(
    lambda pairs: "&".join("=".join(pair) for pair in pairs)
)
cookies = st.lists(st.tuples(st.sampled_from(["sessionid", "x", ""]), texts), max_size=4).map(
    lambda pairs: "; ".join("=".join(pair) for pair in pairs)
)


def scope(query: str = "", method: str = "GET", **headers: str) -> dict[str, Any]:
    """Return what a server tells of a request."""
    given = {"host": "localhost"} | headers
    return {
        "type": "http",
        "method": method,
        "path": "/api/v1/events",
        "query_string": query.encode(errors="replace"),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in given.items()],
    }


def read(scope: dict[str, Any]) -> requests.Request:
    return requests.read(scope, scope["path"])


@given(queries, cookies)
def test_an_ordinary_request_says_what_django_s_says(query: str, cookie: str) -> None:
    said = scope(query.encode("ascii", "replace").decode(), cookie=cookie)
    ours, theirs = read(said), ASGIRequest(said, BytesIO())
    assert isinstance(ours, OrdinaryRequest)
    assert dict(ours.GET) == theirs.GET.dict()
    assert ours.COOKIES == theirs.COOKIES
    assert dict(ours.headers) == {name.lower(): value for name, value in theirs.headers.items()}
    assert (ours.method, ours.path_info) == (theirs.method, theirs.path_info)
    assert ours.get_host() == theirs.get_host()


@pytest.mark.parametrize("host", ["evil.example", "", "a b", "localhost.evil.example", "[::1"])
def test_a_host_that_is_not_ours_is_django_s_to_refuse(host: str) -> None:
    with pytest.raises(DisallowedHost):
        read(scope(host=host)).get_host()


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]:80"])
def test_a_host_of_ours_may_be_written_in_every_way(host: str) -> None:
    assert isinstance(read(scope(host=host)), OrdinaryRequest)
    assert read(scope(host=host)).get_host() == host


def test_what_is_out_of_the_ordinary_is_django_s_to_read() -> None:
    twice = scope()
    twice["headers"] += [(b"accept", b"text/html"), (b"accept", b"*/*")]
    many = scope("&".join(f"a{number}" for number in range(2000)))
    for said in (twice, many, scope(method="POST"), scope(method="HEAD"), scope("é=1")):
        assert isinstance(read(said), ASGIRequest)
    assert read(twice).headers["accept"] == "text/html,*/*"


def test_a_setting_that_is_changed_is_read_anew(settings: Any) -> None:
    before = conf.settings.EVENTS_BUFFER
    settings.EVENTS_BUFFER = before + 1
    assert before + 1 == conf.settings.EVENTS_BUFFER
    with pytest.raises(AttributeError):
        _ = conf.settings.EVENTS_NOTHING
