"""Every address of the API, by every method, asked for by everybody who should not get it.

The addresses come from the URL conf: one that is new and not in EXPECTED fails the test.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from events import grants
from jobs import streams
from jobs.models import ApiToken, Delivery, Job, Photo, Restore, Scope, Webhook
from jobs.outgoing import registry
from tests import factories
from tests.jobs.test_api import completed
from tests.streams import calling

ROOT = "api/v1/"
READ, RESTORE, EVENTS = Scope.READ, Scope.RESTORE, Scope.EVENTS
LISTED, OTHER = "https://shop.example", "https://evil.example"


@dataclass(frozen=True)
class Expected:
    """What an operation needs and answers: its scope, its owner's status, its body.

    `is_of_one`: it is about a thing of one person, and to others that does not exist. Else it is
    about the caller's own things. No scope: it is for everybody, and has a status for that.
    """

    scope: Scope | None
    status: int
    body: Any = None
    is_of_one: bool = True


def of_mine(scope: Scope, status: int, body: Any = None) -> Expected:
    return Expected(scope, status, body, is_of_one=False)


HOOK: dict[str, Any] = {"url": "https://shop.example/hook", "event_types": ["completed"]}
EXPECTED = {
    "GET photos": of_mine(READ, 200),
    "POST photos": of_mine(RESTORE, 201, "upload"),
    "GET photos/{photo_id}": Expected(READ, 200),
    "GET photos/{photo_id}/image": Expected(READ, 200),
    "GET photos/{photo_id}/preview": Expected(READ, 200),
    "GET photos/{photo_id}/thumbnails/{side}.{extension}": Expected(READ, 200),
    "GET jobs": of_mine(READ, 200),
    "POST jobs": Expected(RESTORE, 202, {"photo_id": "{photo_id}"}),
    "GET jobs/{job_id}": Expected(READ, 200),
    "POST jobs/{job_id}/restore": Expected(RESTORE, 409),
    "POST jobs/{job_id}/cancel": Expected(RESTORE, 409),
    "GET restores/{restore_id}": Expected(READ, 200),
    "GET restores/{restore_id}/image": Expected(READ, 200),
    "GET restores/{restore_id}/preview": Expected(READ, 200),
    "GET restores/{restore_id}/thumbnails/{side}.{extension}": Expected(READ, 200),
    "GET events": of_mine(EVENTS, 200),
    "GET events/{id}": Expected(EVENTS, 200),
    "POST events/token": Expected(EVENTS, 201, {"job_ids": ["{job_id}"]}),
    "GET webhooks": of_mine(EVENTS, 200),
    "POST webhooks": of_mine(EVENTS, 201, HOOK),
    "GET webhooks/{webhook_id}": Expected(EVENTS, 200),
    "PATCH webhooks/{webhook_id}": Expected(EVENTS, 200, {"is_enabled": True}),
    "POST webhooks/{webhook_id}/secret": Expected(EVENTS, 201),
    "GET webhooks/{webhook_id}/deliveries": Expected(EVENTS, 200),
    "POST webhooks/{webhook_id}/deliveries/{delivery_id}/resend": Expected(EVENTS, 202),
    "GET schema": Expected(None, 200),
    "GET docs": Expected(None, 200),
    # Who knows no attempt's token is nobody there.
    "POST webhooks/runpod-completion/{token}": Expected(None, 404),
    "POST webhooks/runpod-progress/{token}": Expected(None, 404),
    "PUT webhooks/runpod-upload/{attempt_id}": Expected(None, 404),
    # Last, for nothing is left then.
    "DELETE webhooks/{webhook_id}": Expected(EVENTS, 204),
    "DELETE photos/{photo_id}": Expected(RESTORE, 204),
}


def operations(patterns: list[URLPattern | URLResolver], above: str = "") -> Iterator[str]:
    for each in patterns:
        path = above + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from operations(each.url_patterns, path)
        elif path.startswith(ROOT):
            address = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path.removeprefix(ROOT))
            yield from (f"{method} {address}" for method in methods(each.callback))


def methods(view: Any) -> list[str]:
    made = getattr(view, "view_class", None)
    if made is None:
        return ["GET"]
    names = set(made.http_method_names) - {"options", "head"}
    return [name.upper() for name in names if hasattr(made, name)]


def test_every_operation_is_in_the_matrix() -> None:
    assert set(operations(list(get_resolver().url_patterns))) == set(EXPECTED)


@pytest.fixture
def owner(transactional_db: None) -> User:
    return factories.user("owner")


@pytest.fixture
def things(owner: User, settings: Any) -> dict[str, str]:
    """Return the ids of the owner's things, as the addresses name them."""
    settings.CORS_ALLOWED_ORIGINS = [LISTED]
    job = completed(owner)
    webhook = registry.register(owner=owner, **HOOK)
    with transaction.atomic():
        streams.tell(job, "completed")
    delivery = Delivery.objects.get()
    return {
        "photo_id": str(job.photo_id),
        "job_id": str(job.pk),
        "id": str(job.pk),
        "restore_id": str(job.restore.pk),
        "webhook_id": str(webhook.pk),
        "delivery_id": str(delivery.pk),
        "side": "240",
        "extension": "webp",
        "token": "x" * 43,
        "attempt_id": str(job.attempts.get().pk),
    }


def state() -> Any:
    """Return all that nobody else may change."""
    owned = {"owner__username": "owner"}
    return [
        sorted(Photo.objects.filter(**owned).values_list("pk", "title")),
        sorted(Job.objects.filter(**owned).values_list("pk", "status")),
        sorted(Restore.objects.values_list("pk", flat=True)),
        sorted(Webhook.objects.filter(**owned).values_list("pk", "url", "secret")),
        sorted(Delivery.objects.values_list("pk", "status", "tries")),
    ]


def call(
    client: httpx2.Client, operation: str, things: dict[str, str]
) -> tuple[httpx2.Response, str]:
    """Do it, and return the answer and its text; of a stream only that it opened."""
    method, address = operation.format_map(things).split(" ")
    body = EXPECTED[operation].body
    given: dict[str, Any] = {}
    if body == "upload":
        given = {"files": {"image": ("a.jpg", factories.picture())}}
    elif body:
        given = {"content": re.sub(r"\{(\w+)\}", lambda name: things[name[1]], json.dumps(body))}
        given["headers"] = {"Content-Type": "application/json"}
    with client.stream(method, f"/{ROOT}{address}", **given) as answer:
        if answer.headers.get("content-type") == "text/event-stream":
            return answer, ""
        return answer, answer.read().decode("latin-1")


def bearer(user: User, **fields: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {ApiToken.make(user=user, **fields)}"}


def answers(
    server: str, things: dict[str, str], headers: dict[str, str]
) -> Iterator[tuple[str, Expected, httpx2.Response, str]]:
    """Do everything that is not for everybody."""
    with calling(server, **headers) as client:
        for operation, expected in EXPECTED.items():
            if expected.scope is not None:
                yield operation, expected, *call(client, operation, things)


def is_problem(answer: httpx2.Response, text: str) -> bool:
    return answer.headers["content-type"] == "application/problem+json" and '"code"' in text


def test_the_owner_gets_everything(server: str, owner: User, things: dict[str, str]) -> None:
    for operation, expected, answer, text in answers(server, things, bearer(owner)):
        assert answer.status_code == expected.status, (operation, text)
        assert answer.status_code < 400 or is_problem(answer, text), operation


@pytest.mark.parametrize("is_staff", [False, True])
def test_what_is_another_s_does_not_exist(
    server: str, owner: User, things: dict[str, str], is_staff: bool
) -> None:
    other, before = factories.user("eve", is_staff=is_staff, is_superuser=is_staff), state()
    for operation, expected, answer, text in answers(server, things, bearer(other)):
        status = 404 if expected.is_of_one else expected.status
        assert answer.status_code == status, (operation, text)
        assert status < 400 or is_problem(answer, text), operation
        for name in ("photo_id", "job_id", "restore_id", "webhook_id", "delivery_id"):
            assert things[name] not in text, operation
    assert state() == before


def expired(owner: User) -> dict[str, str]:
    return bearer(owner, expires_at=timezone.now() - timedelta(seconds=1))


def closed(owner: User) -> dict[str, str]:
    closed = factories.user("closed", is_active=False)
    return bearer(closed)


def granted(owner: User) -> dict[str, str]:
    """A grant is for an address, and for streams."""
    grant = grants.issue(user=owner.pk, streams=[streams.owner_stream(owner.pk)])
    return {"Authorization": f"Bearer {grant.token}"}


@pytest.mark.parametrize("who", [lambda owner: {}, expired, closed, granted])
def test_nobody_gets_anything(server: str, owner: User, things: dict[str, str], who: Any) -> None:
    before = state()
    for operation, _, answer, text in answers(server, things, who(owner)):
        assert answer.status_code == 401, (operation, text)
        assert is_problem(answer, text), operation
        assert answer.headers["www-authenticate"] == "Bearer", operation
    assert state() == before


def test_a_token_without_the_scope_gets_nothing(
    server: str, owner: User, things: dict[str, str]
) -> None:
    before = state()
    for missing in Scope:
        scopes = [scope for scope in Scope if scope != missing]
        with calling(server, **bearer(owner, scopes=scopes)) as client:
            for operation in (name for name in EXPECTED if EXPECTED[name].scope == missing):
                answer, text = call(client, operation, things)
                assert answer.status_code == 403, (operation, text)
                assert '"insufficient_scope"' in text, operation
    assert state() == before


def session(user: User) -> dict[str, str]:
    client = Client()
    client.force_login(user)
    store = client.session
    assert isinstance(store, SessionStore)
    return {"Cookie": f"sessionid={store.session_key}"}


def test_a_page_of_another_origin_reads_and_changes_nothing(
    server: str, owner: User, things: dict[str, str]
) -> None:
    """With the owner's own session, should a browser send it along."""
    before = state()
    headers = {**session(owner), "Origin": OTHER}
    for operation, expected, answer, text in answers(server, things, headers):
        reads = operation.startswith("GET ")
        assert answer.status_code == (expected.status if reads else 403), (operation, text)
        assert "access-control-allow-origin" not in answer.headers, operation
        assert "access-control-allow-credentials" not in answer.headers, operation
    assert state() == before


def test_a_page_of_a_listed_origin_reads_what_its_token_opens(
    server: str, owner: User, things: dict[str, str]
) -> None:
    headers = {**bearer(owner), "Origin": LISTED}
    for operation, expected, answer, text in answers(server, things, headers):
        assert answer.status_code == expected.status, (operation, text)
        assert answer.headers["access-control-allow-origin"] == LISTED, operation


def test_what_is_for_everybody_tells_nothing_of_anybody(
    server: str, things: dict[str, str]
) -> None:
    with calling(server) as client:
        for operation in (name for name in EXPECTED if EXPECTED[name].scope is None):
            answer, text = call(client, operation, things)
            assert answer.status_code == EXPECTED[operation].status, (operation, text)
            assert not any(things[name] in text for name in ("photo_id", "job_id", "webhook_id"))
