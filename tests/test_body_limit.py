"""No body beyond the limit is taken in, whoever sends it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from events.problems import CONTENT_TYPE
from tests.services import PATIENCE


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, server: str) -> str:
    from photorestore.asgi import application

    monkeypatch.setattr(application._application._application, "_limit", 1000)
    return server + "/accounts/sign-in/"


def test_a_declared_body_beyond_the_limit_is_refused(small: str) -> None:
    answer = httpx2.post(small, content=b"x" * 1001, trust_env=False, timeout=PATIENCE)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == CONTENT_TYPE
    assert answer.json()["code"] == "too_large"


def test_a_browser_is_told_by_a_page_in_its_language(small: str) -> None:
    headers = {"Accept": "text/html,*/*;q=0.8", "Accept-Language": "de"}
    answer = httpx2.post(
        small, content=b"x" * 1001, headers=headers, trust_env=False, timeout=PATIENCE
    )
    assert (answer.status_code, answer.headers["content-type"]) == (413, "text/html; charset=utf-8")
    assert "<h1>Zu viel auf einmal</h1>" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_page_of_a_listed_origin_may_read_why(small: str, settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://shop.example"]
    url, headers = (
        small.replace("accounts/sign-in/", "api/v1/photos"),
        {"Origin": "https://shop.example"},
    )
    answer = httpx2.post(
        url, content=b"x" * 1001, headers=headers, trust_env=False, timeout=PATIENCE
    )
    assert answer.status_code == 413
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert answer.headers["access-control-allow-credentials"] == "true"


def test_a_body_beyond_the_limit_that_was_not_declared_is_cut_off(small: str) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(100):
            yield b"x" * 100

    try:
        status = httpx2.post(small, content=chunks(), trust_env=False, timeout=PATIENCE).status_code
    except httpx2.TransportError:
        status = 0
    assert status not in (200, 302, 403)


def test_a_body_within_the_limit_is_taken(small: str) -> None:
    answer = httpx2.post(small, content=b"x" * 1000, trust_env=False, timeout=PATIENCE)
    assert answer.status_code == 403  # for want of a CSRF token
