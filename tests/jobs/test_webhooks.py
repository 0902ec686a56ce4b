"""Webhooks of users: registered, told of events, signed, sent again, switched off."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import standardwebhooks
import time_machine
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.http import http_date
from rest_framework.test import APIClient

from jobs import deletion, lifecycle, streams
from jobs.fetching import FetchError
from jobs.models import Delivery, Job, Webhook
from jobs.outgoing import registry, sending
from tests import factories
from tests.store import Store, serving

pytestmark = pytest.mark.django_db
PATH = "/api/v1/webhooks"
ALL = ["queued", "processing", "completed", "failed", "cancelled", "timed_out", "deleted"]


@pytest.fixture
def receiver(settings: Any) -> Iterator[Store]:
    """Serve an address that users may name, and that takes what comes."""
    with serving(Store()) as store:
        store.answers["/hook"] = (200, {}, b"thanks")
        settings.WEBHOOKS_HOSTS = ["*", store.origin]
        yield store


@pytest.fixture
def client(user: User) -> APIClient:
    client = APIClient()
    client.force_login(user)
    return client


@pytest.fixture
def webhook(user: User, receiver: Store) -> Webhook:
    return registry.register(owner=user, url=f"{receiver.origin}/hook", event_types=ALL)


def told(job: Job, type: str = "queued") -> Delivery:
    """Tell of the job, and return what is to be sent of it."""
    with transaction.atomic():
        streams.tell(job, type)
    return Delivery.objects.latest("created_at")


def verified(secret: str, call: tuple[str, str, dict[str, str], bytes]) -> Any:
    """Return what a receiver with the secret reads; WebhookVerificationError if it should not."""
    _, _, headers, body = call
    return standardwebhooks.Webhook(secret).verify(body, headers)


def post(client: APIClient, **fields: Any) -> Any:
    body = {"url": "https://shop.example/hook", "event_types": ["completed"], **fields}
    return client.post(PATH, body, format="json")


def test_an_address_is_registered_and_its_secret_shown_once(client: APIClient) -> None:
    answer = post(client, event_types=["failed", "completed", "failed"])
    body = answer.json()
    assert (answer.status_code, answer["Location"]) == (201, f"{PATH}/{body['id']}")
    assert body["event_types"] == ["completed", "failed"]
    assert body["secret"].startswith("whsec_")
    read = client.get(answer["Location"]).json()
    assert read == {name: value for name, value in body.items() if name != "secret"}
    assert client.get(PATH).json()["results"] == [read]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"url": "http://shop.example/hook"}, "bad_url"),
        ({"url": "https://127.0.0.1/hook"}, "bad_url"),
        ({"url": "https://[::1]/hook"}, "bad_url"),
        ({"url": "https://169.254.169.254/latest"}, "bad_url"),
        ({"url": "https://user:password@shop.example/"}, "bad_url"),
        ({"url": "https://printer.local/"}, "bad_url"),
        ({"url": "file:///etc/passwd"}, "bad_url"),
        ({"url": "https://shop.example/" + "x" * 500}, "invalid"),
        ({"url": ""}, "invalid"),
        ({"url": None}, "invalid"),
        ({"event_types": []}, "invalid"),
        ({"event_types": ["progress"]}, "invalid"),
        ({"event_types": ["done"]}, "invalid"),
        ({"event_types": "completed"}, "invalid"),
    ],
)
def test_what_is_not_called_or_told_is_refused(
    client: APIClient, fields: dict[str, Any], code: str
) -> None:
    answer = post(client, **fields)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert not Webhook.objects.exists()


def test_an_account_has_ten_at_most(client: APIClient) -> None:
    assert {post(client).status_code for _ in range(10)} == {201}
    answer = post(client)
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_webhooks")


def test_a_registration_that_is_repeated_is_the_first(client: APIClient) -> None:
    headers = {"Idempotency-Key": "k-1"}
    body = {"url": "https://shop.example/hook", "event_types": ["completed"]}
    first, second = (client.post(PATH, body, format="json", headers=headers) for _ in range(2))
    assert first.json() == second.json()
    assert Webhook.objects.count() == 1


def test_a_webhook_is_changed_and_deleted(client: APIClient, webhook: Webhook, user: User) -> None:
    told(factories.job(user))
    path = f"{PATH}/{webhook.pk}"
    changed = client.patch(path, {"event_types": ["failed"]}, format="json")
    assert (changed.status_code, changed.json()["event_types"]) == (200, ["failed"])
    assert client.patch(path, {"url": "http://x"}, format="json").status_code == 400
    off = client.patch(path, {"is_enabled": False}, format="json").json()
    assert (off["is_enabled"], off["disabled_reason"]) == (False, "off")
    assert client.patch(path, {"is_enabled": True}, format="json").json()["disabled_at"] is None
    assert client.delete(path).status_code == 204
    assert not Delivery.objects.exists()


def test_it_is_told_what_it_asked_for_and_of_its_owner_alone(user: User, receiver: Store) -> None:
    for owner in (user, factories.user("eve")):
        url = f"{receiver.origin}/hook"
        registry.register(owner=owner, url=url, event_types=["completed"])
    job = factories.job(user)
    attempt, _ = factories.attempt(job)
    lifecycle.apply_progress(attempt=attempt, fraction=0.5, stage="noise")
    lifecycle.apply_report(attempt=attempt, report=factories.report())
    [delivery] = Delivery.objects.all()
    assert (delivery.type, delivery.webhook.owner) == ("completed", user)


def test_nothing_is_written_of_what_does_not_come_true(user: User, webhook: Webhook) -> None:
    job = factories.job(user)
    with transaction.atomic():
        streams.tell(job, "queued")
        assert Delivery.objects.count() == 1
        transaction.set_rollback(True)
    assert not Delivery.objects.exists()


def test_what_is_sent_is_signed_and_has_the_snapshot(
    user: User, webhook: Webhook, receiver: Store
) -> None:
    job = factories.job(user)
    delivery = told(job)
    assert sending.send(webhook.pk) is False
    [call] = receiver.calls
    sent = verified(webhook.secret, call)
    assert (sent["type"], sent["data"]["job_id"]) == ("queued", str(job.pk))
    assert datetime.fromisoformat(sent["timestamp"])
    assert call[2]["webhook-id"] == str(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.next_try_at) == ("delivered", None)
    assert [(entry["status"], entry["error"]) for entry in delivery.log] == [(200, None)]


def test_a_webhook_says_what_the_stream_says(user: User, webhook: Webhook) -> None:
    from events.models import Event

    delivery = told(factories.job(user))
    [event] = Event.objects.filter(stream__name__startswith="job.")
    assert json.loads(delivery.body)["data"] == json.loads(event.data)


def test_events_come_in_their_order(user: User, webhook: Webhook, receiver: Store) -> None:
    job = factories.job(user)
    for type in ("queued", "processing", "completed"):
        told(job, type)
    sending.send(webhook.pk)
    assert [json.loads(call[3])["type"] for call in receiver.calls] == [
        "queued",
        "processing",
        "completed",
    ]


def test_both_secrets_sign_while_one_is_replaced(
    client: APIClient, user: User, webhook: Webhook, receiver: Store
) -> None:
    answer = client.post(f"{PATH}/{webhook.pk}/secret")
    new = answer.json()["secret"]
    assert answer.status_code == 201
    told(factories.job(user))
    sending.send(webhook.pk)
    assert verified(webhook.secret, receiver.calls[0]) == verified(new, receiver.calls[0])
    with time_machine.travel(timezone.now() + timedelta(days=1, minutes=1)):
        told(factories.job(user))
        sending.send(webhook.pk)
        assert verified(new, receiver.calls[1])
        with pytest.raises(standardwebhooks.WebhookVerificationError):
            verified(webhook.secret, receiver.calls[1])


def test_a_secret_is_replaced_once_by_one_key(client: APIClient, webhook: Webhook) -> None:
    path, headers = f"{PATH}/{webhook.pk}/secret", {"Idempotency-Key": "k-1"}
    first, second = (client.post(path, headers=headers).json() for _ in range(2))
    assert first == second


def retried(webhook: Webhook, delivery: Delivery) -> float:
    """Send, and return the seconds to the next try; negative once it is over."""
    with time_machine.travel(timezone.now(), tick=False):
        now = timezone.now()
        sending.send(webhook.pk)
    delivery.refresh_from_db()
    return (delivery.next_try_at - now).total_seconds() if delivery.next_try_at else -1


@pytest.mark.parametrize("answer", [(500, {}), (404, {}), (302, {"Location": "/other"})])
def test_it_is_tried_for_a_day_with_growing_gaps(
    user: User, webhook: Webhook, receiver: Store, answer: tuple[int, dict[str, str]]
) -> None:
    receiver.answers["/hook"] = (*answer, b"")
    receiver.answers["/other"] = (200, {}, b"")
    delivery, gaps, now = told(factories.job(user)), [], timezone.now()
    with time_machine.travel(now, tick=False) as traveller:
        while (gap := retried(webhook, delivery)) > 0:
            gaps.append(gap)
            assert sending.due(now=timezone.now(), most=5) == []
            traveller.shift(gap)
    assert 22 * 3600 < sum(gaps) < 26 * 3600
    for gap, expected in zip(gaps, sending.GAPS, strict=True):
        assert 0.9 * expected <= gap <= 1.1 * expected
    assert delivery.status == "failed"
    assert {call[1] for call in receiver.calls} == {"/hook"}
    assert len({call[2]["webhook-id"] for call in receiver.calls}) == 1


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_the_receiver_may_name_the_gap(
    user: User, webhook: Webhook, receiver: Store, form: str
) -> None:
    later = {"seconds": "600", "date": http_date(time.time() + 600)}[form]
    receiver.answers["/hook"] = (503, {"Retry-After": later}, b"")
    assert 590 <= retried(webhook, told(factories.job(user))) < 605


@pytest.mark.parametrize("text", ["soon", "-1", "9" * 40, http_date(0), ""])
def test_a_gap_that_is_none_is_ours(
    user: User, webhook: Webhook, receiver: Store, text: str
) -> None:
    receiver.answers["/hook"] = (503, {"Retry-After": text}, b"")
    assert 4 <= retried(webhook, told(factories.job(user))) < 7


def test_an_address_that_is_gone_is_called_no_more(
    client: APIClient, user: User, webhook: Webhook, receiver: Store
) -> None:
    receiver.answers["/hook"] = (410, {}, b"")
    job = factories.job(user)
    told(job, "queued")
    told(job, "processing")
    sending.send(webhook.pk)
    assert len(receiver.calls) == 1
    assert set(Delivery.objects.values_list("status", flat=True)) == {"failed"}
    body = client.get(f"{PATH}/{webhook.pk}").json()
    assert (body["is_enabled"], body["disabled_reason"]) == (False, "gone")
    told(job, "completed")
    assert Delivery.objects.count() == 2


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:7f00:1"]
)
def test_a_name_that_leads_inside_is_not_registered(
    user: User, webhook: Webhook, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    public = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("1.1.1.1", 443))
    inside = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, 443))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: [public, inside])
    url = "https://shop.example/hook"
    with pytest.raises(FetchError, match="public"):
        registry.register(owner=user, url=url, event_types=ALL)
    with pytest.raises(FetchError, match="public"):
        registry.change(webhook, url=url)
    assert Webhook.objects.get().url != url


def test_a_name_that_leads_inside_by_now_is_not_called(
    user: User, webhook: Webhook, receiver: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    Webhook.objects.update(url="https://shop.example/hook")
    answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", receiver.server_port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: answer)
    delivery = told(factories.job(user))
    assert retried(webhook, delivery) > 0
    assert receiver.calls == []
    assert "public" in delivery.log[0]["error"]


def test_what_a_dead_worker_left_is_sent_by_the_next(
    user: User, webhook: Webhook, receiver: Store
) -> None:
    told(factories.job(user))
    assert sending._lease(webhook.pk)  # and it dies
    assert sending.due(now=timezone.now(), most=5) == []
    with time_machine.travel(timezone.now() + timedelta(seconds=31)):
        assert sending.due(now=timezone.now(), most=5) == [webhook.pk]
        sending.send(webhook.pk)
    assert len(receiver.calls) == 1


def test_two_workers_do_not_send_the_same(user: User, webhook: Webhook, receiver: Store) -> None:
    told(factories.job(user))
    assert sending._lease(webhook.pk)
    assert sending.send(webhook.pk) is False
    assert receiver.calls == []


def test_a_receiver_that_is_slow_takes_few_threads(webhook: Webhook, receiver: Store) -> None:
    with sending._slot(), sending._slot(), sending._slot() as third:
        assert third is False


def test_it_is_sent_without_a_task_for_it(
    user: User, webhook: Webhook, receiver: Store, no_broker: None
) -> None:
    with transaction.atomic():
        streams.tell(factories.job(user), "queued")
    assert sending.due(now=timezone.now(), most=5) == [webhook.pk]


def test_the_log_of_deliveries_is_read_and_each_sent_again(
    client: APIClient, user: User, webhook: Webhook, receiver: Store
) -> None:
    delivery = told(factories.job(user))
    sending.send(webhook.pk)
    path = f"{PATH}/{webhook.pk}/deliveries"
    [row] = client.get(f"{path}?status=delivered").json()["results"]
    assert (row["id"], row["status"], row["tries"][0]["status"]) == (
        str(delivery.pk),
        "delivered",
        200,
    )
    assert client.get(f"{path}?status=failed").json()["results"] == []
    again = client.post(f"{path}/{delivery.pk}/resend")
    assert (again.status_code, again.json()["status"]) == (202, "pending")
    sending.send(webhook.pk)
    assert [call[2]["webhook-id"] for call in receiver.calls] == [str(delivery.pk)] * 2
    assert len(client.get(path).json()["results"][0]["tries"]) == 2


def test_nothing_is_sent_again_to_what_is_off(
    client: APIClient, user: User, webhook: Webhook
) -> None:
    delivery = told(factories.job(user))
    registry.change(webhook, is_enabled=False)
    answer = client.post(f"{PATH}/{webhook.pk}/deliveries/{delivery.pk}/resend")
    assert (answer.status_code, answer.json()["code"]) == (409, "webhook_disabled")


def test_what_is_another_s_does_not_exist(webhook: Webhook, user: User) -> None:
    delivery, eve = told(factories.job(user)), APIClient()
    eve.force_login(factories.user("eve"))
    path = f"{PATH}/{webhook.pk}"
    calls = [
        ("get", ""),
        ("patch", ""),
        ("delete", ""),
        ("post", "/secret"),
        ("get", "/deliveries"),
    ]
    for method, rest in [*calls, ("post", f"/deliveries/{delivery.pk}/resend")]:
        assert getattr(eve, method)(path + rest).status_code == 404, rest
    assert eve.get(PATH).json()["results"] == []


def test_a_deleted_job_leaves_its_farewell_alone(user: User, webhook: Webhook) -> None:
    job = factories.job(user)
    told(job)
    deletion.delete(photo=job.photo)
    [delivery] = Delivery.objects.all()
    assert (delivery.type, json.loads(delivery.body)["data"]["status"]) == ("deleted", "deleted")


def test_the_log_is_kept_for_thirty_days(user: User, webhook: Webhook) -> None:
    told(factories.job(user))
    sending.send(webhook.pk)
    later = timezone.now() + timedelta(days=31)
    assert sending.forget(now=later - timedelta(days=2)) == 0
    assert sending.forget(now=later) == 1


def test_operators_see_no_secret(webhook: Webhook) -> None:
    staff = APIClient()
    staff.force_login(factories.user("root", is_staff=True, is_superuser=True))
    page = staff.get(f"/admin/jobs/webhook/{webhook.pk}/change/")
    assert page.status_code == 200
    assert webhook.secret not in page.content.decode()
