"""API tokens: what they open, for how long, and what is noted of them."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone
from rest_framework.test import APIClient

from jobs.models import ApiToken, Scope
from tests import factories

pytestmark = pytest.mark.django_db


def bearing(token: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def made(user: User, **fields: Any) -> APIClient:
    return bearing(ApiToken.make(user=user, **fields))


@pytest.mark.parametrize(
    ("scope", "statuses"),
    [
        (Scope.READ, [200, 403, 403]),
        (Scope.RESTORE, [403, 202, 403]),
        (Scope.EVENTS, [403, 403, 201]),
    ],
)
def test_a_token_opens_what_its_scope_names(user: User, scope: Scope, statuses: list[int]) -> None:
    client, job = made(user, scopes=[scope]), factories.job(user)
    answers = [
        client.get(f"/api/v1/jobs/{job.pk}"),
        client.post(f"/api/v1/jobs/{job.pk}/restore"),
        client.post("/api/v1/events/token"),
    ]
    assert [answer.status_code for answer in answers] == statuses


def test_a_refusal_names_the_scope_that_is_lacking(user: User) -> None:
    answer = made(user, scopes=[Scope.RESTORE]).get("/api/v1/jobs")
    assert (answer.json()["code"], answer.json()["scope"]) == ("insufficient_scope", "read")
    assert answer["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="read"'


def test_a_picture_needs_the_scope_too(user: User) -> None:
    path = f"/api/v1/photos/{factories.job(user).photo_id}/image"
    assert made(user, scopes=[Scope.RESTORE]).get(path).status_code == 403
    assert b"".join(made(user, scopes=[Scope.READ]).get(path).streaming_content)  # type: ignore[attr-defined]


def test_a_token_expires(user: User) -> None:
    client = made(user, expires_at=timezone.now() + timedelta(hours=1))
    assert client.get("/api/v1/jobs").status_code == 200
    with time_machine.travel(timezone.now() + timedelta(hours=1, seconds=1), tick=False):
        answer = client.get("/api/v1/jobs")
    assert (answer.status_code, answer.json()["code"]) == (401, "authentication_failed")


def test_a_deleted_token_opens_nothing(user: User) -> None:
    client = made(user)
    ApiToken.objects.all().delete()
    assert client.get("/api/v1/jobs").status_code == 401


def test_the_last_use_is_noted_and_not_at_every_call(
    user: User, django_assert_num_queries: Callable[[int], Any]
) -> None:
    client, start = made(user), timezone.now()
    with time_machine.travel(start, tick=False):
        client.get("/api/v1/photos")
        with django_assert_num_queries(3):  # the token, the stream, the photos; no write
            client.get("/api/v1/photos")
    assert ApiToken.objects.get().last_used_at == start
    with time_machine.travel(start + timedelta(minutes=6), tick=False):
        client.get("/api/v1/photos")
    assert ApiToken.objects.get().last_used_at == start + timedelta(minutes=6)


def printed(*arguments: str) -> ApiToken:
    call_command("create_token", *arguments, stdout=io.StringIO())
    return ApiToken.objects.latest("pk")


def test_the_command_makes_tokens_for_a_year_and_for_everything(user: User) -> None:
    token = printed(user.username, "--name", "Laptop")
    assert (token.name, token.scopes) == ("Laptop", ["read", "restore", "events"])
    assert token.expires_at is not None
    assert timedelta(364) < token.expires_at - timezone.now() <= timedelta(365)


def test_the_command_makes_tokens_for_less_and_for_ever(user: User) -> None:
    token = printed(user.username, "--scope", "read", "--scope", "events", "--days", "0")
    assert (token.scopes, token.expires_at) == (["read", "events"], None)


@pytest.mark.parametrize(
    "wrong",
    [
        ["--scope", "all"],
        ["--days", "-1"],
        ["--days", "soon"],
        ["--name", "x" * 101],
        ["--name", "two\nlines"],
    ],
)
def test_the_command_refuses_what_it_does_not_know(user: User, wrong: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("create_token", user.username, *wrong)
    assert not ApiToken.objects.exists()
