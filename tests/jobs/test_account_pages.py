"""The pages for tokens and webhooks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from jobs import streams
from jobs.models import ApiToken, Delivery, Webhook
from jobs.outgoing import registry, sending
from tests import factories
from tests.store import Store, serving

pytestmark = pytest.mark.django_db
TOKENS, WEBHOOKS = "/account/tokens/", "/account/webhooks/"


@pytest.fixture
def client(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def receiver(settings: Any) -> Iterator[Store]:
    with serving(Store()) as store:
        store.answers["/hook"] = (200, {}, b"")
        settings.WEBHOOKS_HOSTS = ["*", store.origin]
        yield store


@pytest.fixture
def webhook(user: User, receiver: Store) -> Webhook:
    url = f"{receiver.origin}/hook"
    return registry.register(owner=user, url=url, event_types=["queued"])


def told(webhook: Webhook) -> Delivery:
    with transaction.atomic():
        streams.tell(factories.job(webhook.owner), "queued")
    return Delivery.objects.latest("created_at")


def test_a_token_is_made_shown_once_and_revoked(client: Client, user: User) -> None:
    form = {"name": "Laptop", "scopes": ["read"], "days": "30"}
    made = client.post(TOKENS, form)
    [token] = re.findall(r"pr_[\w-]{43}", made.content.decode())
    assert made["Cache-Control"] == "no-store"
    kept = ApiToken.objects.get()
    assert (kept.name, kept.scopes) == ("Laptop", ["read"])
    assert kept.expires_at is not None
    assert timedelta(29) < kept.expires_at - timezone.now() <= timedelta(30)
    api = APIClient()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    assert api.get("/api/v1/jobs").status_code == 200
    page = client.get(TOKENS).content.decode()
    assert token not in page
    assert "Laptop" in page
    assert client.post(f"{TOKENS}{kept.pk}/revoke/").status_code == 302
    assert api.get("/api/v1/jobs").status_code == 401


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"name": "x", "scopes": [], "days": "30"},
        {"name": "x", "scopes": ["all"], "days": "30"},
        {"name": "", "scopes": ["read"], "days": "30"},
        {"name": "x", "scopes": ["read"], "days": "36500"},
    ],
)
def test_a_token_that_is_not_described_is_not_made(client: Client, form: Any) -> None:
    assert client.post(TOKENS, {"sent": "1", **form}).status_code == 400
    assert not ApiToken.objects.exists()


def test_a_webhook_is_registered_and_its_secret_shown_once(client: Client) -> None:
    form = {"url": "https://shop.example/hook", "event_types": ["completed"]}
    made = client.post(WEBHOOKS, form)
    kept = Webhook.objects.get()
    assert kept.secret in made.content.decode()
    assert made["Cache-Control"] == "no-store"
    assert kept.secret not in client.get(f"{WEBHOOKS}{kept.pk}/").content.decode()
    assert "shop.example" in client.get(WEBHOOKS).content.decode()


def test_an_address_that_is_not_called_is_refused_with_the_reason(client: Client) -> None:
    form = {"url": "https://127.0.0.1/hook", "event_types": ["completed"]}
    answer = client.post(WEBHOOKS, form)
    assert answer.status_code == 400
    assert "public" in answer.content.decode()
    assert not Webhook.objects.exists()


def test_an_eleventh_webhook_is_refused(client: Client, user: User) -> None:
    form = {"url": "https://shop.example/hook", "event_types": ["completed"]}
    for _ in range(10):
        client.post(WEBHOOKS, form)
    assert client.post(WEBHOOKS, form).status_code == 400
    assert Webhook.objects.count() == 10


def test_a_secret_is_replaced(client: Client, webhook: Webhook) -> None:
    page = client.post(f"{WEBHOOKS}{webhook.pk}/secret/").content.decode()
    kept = Webhook.objects.get()
    assert kept.secret in page
    assert (kept.secret != webhook.secret, kept.previous_secret) == (True, webhook.secret)


def test_a_webhook_is_switched_off_and_on_and_deleted(client: Client, webhook: Webhook) -> None:
    for on, disabled in (("0", True), ("1", False)):
        client.post(f"{WEBHOOKS}{webhook.pk}/switch/", {"on": on})
        assert (Webhook.objects.get().disabled_at is not None) is disabled
    client.post(f"{WEBHOOKS}{webhook.pk}/delete/")
    assert not Webhook.objects.exists()


def test_deliveries_are_shown_and_sent_again(
    client: Client, webhook: Webhook, receiver: Store
) -> None:
    receiver.answers["/hook"] = (503, {}, b"")
    delivery = told(webhook)
    sending.send(webhook.pk)
    page = client.get(f"{WEBHOOKS}{webhook.pk}/").content.decode()
    assert "503 ·" in page
    assert client.post(f"{WEBHOOKS}{webhook.pk}/{delivery.pk}/resend/").status_code == 302
    sending.send(webhook.pk)
    assert len(receiver.calls) == 2


def test_nothing_is_sent_again_while_it_is_off(client: Client, webhook: Webhook) -> None:
    delivery = told(webhook)
    registry.change(webhook, is_enabled=False)
    path = f"{WEBHOOKS}{webhook.pk}/{delivery.pk}/resend/"
    assert "Switch the webhook on first." in client.post(path, follow=True).content.decode()


def test_what_is_another_s_does_not_exist(webhook: Webhook, user: User) -> None:
    delivery, token = told(webhook), ApiToken.make(user=user)
    eve = Client()
    eve.force_login(factories.user("eve"))
    of_one = f"{WEBHOOKS}{webhook.pk}/"
    assert eve.get(of_one).status_code == 404
    rests = ("secret/", "switch/", "delete/", f"{delivery.pk}/resend/")
    paths = [f"{of_one}{rest}" for rest in rests]
    paths += [f"{TOKENS}{ApiToken.objects.get().pk}/revoke/", f"{WEBHOOKS}{uuid4()}/delete/"]
    assert {eve.post(path).status_code for path in paths} == {404}
    assert webhook.url not in eve.get(WEBHOOKS).content.decode()
    assert token
    assert ApiToken.objects.exists()


def test_nobody_gets_to_them(webhook: Webhook) -> None:
    for path in (TOKENS, WEBHOOKS, f"{WEBHOOKS}{webhook.pk}/"):
        assert Client().get(path).status_code == 302
    assert Client().post(f"{WEBHOOKS}{webhook.pk}/delete/").status_code == 302
    assert Webhook.objects.exists()
