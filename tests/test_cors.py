"""Other origins: those that are listed may call the API, with credentials; no other may."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from jobs.models import ApiToken
from tests import factories
from tests.streams import bearer, calling, path

LISTED, OTHER = "https://shop.example", "https://evil.example"


@pytest.fixture(autouse=True)
def _list(settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = [LISTED]


def allowed(answer: Any) -> tuple[str | None, str | None]:
    headers = answer.headers
    return (
        headers.get("Access-Control-Allow-Origin"),
        headers.get("Access-Control-Allow-Credentials"),
    )


def preflight(client: httpx2.Client, url: str, origin: str) -> httpx2.Response:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,idempotency-key",
    }
    return client.request("OPTIONS", url, headers=headers)


def test_a_listed_origin_may_call_with_credentials(user: User) -> None:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {ApiToken.make(user=user)}")
    listed = client.get("/api/v1/jobs", headers={"Origin": LISTED})
    assert allowed(listed) == (LISTED, "true")
    assert "origin" in listed["Vary"]
    assert "ratelimit-remaining" in listed["Access-Control-Expose-Headers"]
    assert allowed(client.get("/api/v1/jobs", headers={"Origin": OTHER})) == (None, None)


def test_pages_are_for_no_other_origin(user: User) -> None:
    answer = APIClient().get("/accounts/sign-in/", headers={"Origin": LISTED})
    assert allowed(answer) == (None, None)


@pytest.mark.parametrize("url", ["/api/v1/photos", "/api/v1/events", "/api/v1/events/token"])
def test_a_listed_origin_is_told_before_what_it_may_send(server: str, url: str) -> None:
    with calling(server) as client:
        listed, other = preflight(client, url, LISTED), preflight(client, url, OTHER)
    assert listed.status_code == 200
    assert allowed(listed) == (LISTED, "true")
    assert "idempotency-key" in listed.headers["Access-Control-Allow-Headers"]
    assert "last-event-id" in listed.headers["Access-Control-Allow-Headers"]
    assert allowed(other) == (None, None)


@pytest.mark.parametrize(("origin", "answer"), [(LISTED, (LISTED, "true")), (OTHER, (None, None))])
def test_a_stream_is_for_listed_origins_with_a_token_in_a_header(
    server: str, origin: str, answer: tuple[str | None, str | None]
) -> None:
    job = factories.job()
    with (
        calling(server, Origin=origin, **bearer(job)) as client,
        client.stream("GET", path(job)) as response,
    ):
        assert response.status_code == 200
        assert allowed(response) == answer


@pytest.mark.parametrize("url", ["/api/v1/events", "/api/v1/events/7", "/api/v1/jobs", "/api/v1/x"])
def test_what_is_kept_is_kept_for_one_origin(server: str, url: str) -> None:
    with calling(server) as client:
        for headers in ({}, {"Origin": LISTED}, {"Origin": OTHER}):
            assert "origin" in client.get(url, headers=headers).headers["vary"].lower()


def test_a_grant_is_for_any_origin_and_takes_no_credentials(server: str) -> None:
    with calling(server, Origin=OTHER) as client:
        refused = client.get("/api/v1/events?token=x")
        # A page that was refused has to know for how long.
        assert "retry-after" in refused.headers["Access-Control-Expose-Headers"].lower()
    assert allowed(refused) == ("*", None)
