"""Grants as their owner asks for them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from events import grants
from jobs.models import ApiToken
from tests import factories

pytestmark = pytest.mark.django_db
PATH = "/api/v1/events/token"
JSON = "application/json"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def client(user: User) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {ApiToken.make(user=user)}")
    return client


@pytest.mark.parametrize(
    "body",
    [
        {"data": {}, "format": "json"},
        {},
        {"data": "", "content_type": "application/x-www-form-urlencoded"},  # as by curl -d ''
    ],
)
def test_without_a_wish_a_grant_opens_everything_of_mine(
    client: APIClient, user: User, body: Any
) -> None:
    with time_machine.travel(NOON, tick=False):
        answer = client.post(PATH, **body)
        grant = grants.read(answer.json()["token"])
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    assert {**answer.json(), "token": "…"} == {
        "token": "…",
        "expires_at": "2026-11-24T13:00:00Z",
        "expires_in": 3600,
        "events_urls": ["/api/v1/events"],
    }
    assert grant == grants.Grant(user.pk, (f"owner.{user.pk}",), NOON.timestamp() + 3600)


def test_for_jobs_a_grant_opens_those_alone(client: APIClient, user: User) -> None:
    ids = [str(factories.job(user).pk) for _ in range(3)]
    answer = client.post(PATH, {"job_ids": [*ids[1:], ids[1]]}, format="json")
    assert answer.json()["events_urls"] == [f"/api/v1/events/{id}" for id in ids[1:]]
    grant = grants.read(answer.json()["token"])
    assert grant.user == user.pk
    assert set(grant.streams) == {f"job.{id}" for id in ids[1:]}


def test_a_hundred_jobs_are_one_question_to_the_database(
    client: APIClient, user: User, django_assert_num_queries: Callable[[int], Any]
) -> None:
    ids = [str(factories.job(user).pk) for _ in range(100)]
    with django_assert_num_queries(3):  # and two for the caller's token
        answer = client.post(PATH, {"job_ids": ids}, format="json")
    assert len(grants.read(answer.json()["token"]).streams) == 100


@pytest.mark.parametrize("whose", ["another's", "nobody's"])
def test_a_job_that_is_not_mine_does_not_exist(client: APIClient, user: User, whose: str) -> None:
    theirs = factories.job(factories.user("eve")).pk if whose == "another's" else uuid4()
    ids = [str(factories.job(user).pk), str(theirs)]
    answer = client.post(PATH, {"job_ids": ids}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("body", "about"),
    [
        ({"job_ids": []}, "job_ids"),
        ({"job_ids": [str(uuid4())] * 101}, "job_ids"),
        ({"job_ids": ["gran"]}, "job_ids"),
        ({"job_ids": [1]}, "job_ids"),
        ({"job_ids": [True]}, "job_ids"),
        ({"job_ids": [None]}, "job_ids"),
        ({"job_ids": str(uuid4())}, "job_ids"),
        ({"job_ids": {}}, "job_ids"),
        ({"job_ids": None}, "job_ids"),
        ({"job_id": str(uuid4())}, "job_id"),
        ([str(uuid4())], "dictionary"),
        ("", "dictionary"),
    ],
)
def test_a_wish_that_is_none_is_told_so_and_grants_nothing(
    client: APIClient, body: Any, about: str
) -> None:
    answer = client.post(PATH, body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert about in answer.json()["detail"]


def test_nobody_gets_a_grant_without_saying_who_they_are() -> None:
    answer = APIClient().post(PATH)
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")


def test_a_grant_grants_no_other(client: APIClient) -> None:
    token = client.post(PATH).json()["token"]
    assert APIClient().post(f"{PATH}?token={token}").status_code == 401
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    assert client.post(PATH).status_code == 401


def test_a_session_needs_its_csrf_token(user: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(user)
    assert browser.post(PATH, {}, JSON).status_code == 403
    browser.get("/")
    header = {"X-CSRFToken": browser.cookies["csrftoken"].value}
    answer = browser.post(PATH, {}, JSON, headers=header)
    assert answer.status_code == 201
    assert grants.read(answer.json()["token"]).user == user.pk


def test_there_is_nothing_to_read(client: APIClient) -> None:
    answer = client.get(PATH)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
