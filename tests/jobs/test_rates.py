"""How often somebody may call, and how the API says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from jobs import throttling
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _few(settings: Any, user: User) -> None:
    settings.API_RATES = {"read": 2, "restore": 1, "events": 1, "pictures": 9}
    settings.SECRET_KEY = f"rates of {user.date_joined}"  # which keeps tests apart, too


@pytest.fixture
def client(user: User) -> APIClient:
    client = APIClient()
    client.force_login(user)
    return client


def at(second: int, minute: int = 0) -> Any:
    moment = datetime(2026, 11, 26, 12, 0, tzinfo=UTC) + timedelta(minutes=minute, seconds=second)
    return time_machine.travel(moment, tick=False)


def quota(answer: Any) -> tuple[str, str, str]:
    names = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
    return tuple(answer[name] for name in names)


def test_every_answer_tells_what_is_left(client: APIClient) -> None:
    with at(second=20):
        answer = client.get("/api/v1/jobs")
    assert quota(answer) == ("2", "1", "40")
    assert answer["RateLimit-Policy"] == '"read";q=2;w=60'
    assert answer["RateLimit"] == '"read";r=1;t=40'


def test_beyond_the_limit_a_problem_says_when_to_come_back(client: APIClient) -> None:
    with at(second=20):
        for _ in range(2):
            client.get("/api/v1/jobs")
        answer = client.get("/api/v1/photos")
        assert (answer.status_code, answer.json()["code"]) == (429, "throttled")
        assert (answer["Retry-After"], quota(answer)) == ("40", ("2", "0", "40"))
    with at(second=0, minute=1):
        assert client.get("/api/v1/photos").status_code == 200


def test_scopes_and_users_are_counted_apart(client: APIClient) -> None:
    other = APIClient()
    other.force_login(factories.user("eve"))
    with at(second=20):
        assert client.post("/api/v1/events/token").status_code == 201
        assert client.post("/api/v1/events/token").status_code == 429
        assert client.get("/api/v1/jobs").status_code == 200
        assert client.post("/api/v1/jobs").status_code == 400
        assert other.post("/api/v1/events/token").status_code == 201


def test_nothing_is_refused_for_want_of_a_broker(client: APIClient, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    throttling._broker.cache_clear()
    answers = [client.get("/api/v1/jobs") for _ in range(4)]
    assert {answer.status_code for answer in answers} == {200}
