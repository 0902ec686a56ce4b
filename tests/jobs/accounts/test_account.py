"""My account: its page, its password, its address, its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import celery
import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core import mail
from django.db import connection
from django.test import Client
from django.utils import timezone

from events.models import Event, Stream
from jobs import intake, lifecycle, mails, sharing
from jobs.accounts import closing, leaving, tasks
from jobs.models import ApiToken, Closing, Job, Photo, Restore, Webhook
from tests import factories, streams
from tests.cloud import Cloud
from tests.meanwhile import Meanwhile

from .conftest import text

pytestmark = pytest.mark.django_db
NEW = "a shoebox of photos"


def completed(job: Job) -> Job:
    attempt, _ = factories.attempt(job)
    lifecycle.apply_report(attempt=attempt, report=factories.report(id=f"done-{job.pk}"))
    return job


def files(media: Path) -> list[Path]:
    return [path for path in media.rglob("*") if path.is_file()]


def test_the_page_shows_who_i_am_and_what_i_may_do(browser: Client) -> None:
    page = text(browser.get("/account/"))
    assert "ada@photos.example" in page
    for path in ("password", "email", "export", "delete"):
        assert f'"/account/{path}/"' in page


@pytest.mark.parametrize("path", ["", "password/", "email/", "email/x/", "delete/"])
def test_it_is_mine_alone(client: Client, path: str) -> None:
    answer: Any = client.get(f"/account/{path}")
    assert answer.url == f"/accounts/sign-in/?next=/account/{path}"


def test_every_page_says_who_is_signed_in(browser: Client) -> None:
    nav = text(browser.get("/")).partition("<nav")[2].partition("</nav>")[0]
    for path in ("/account/", "/account/tokens/", "/accounts/sign-out/"):
        assert f'"{path}"' in nav
    assert "ada" in nav


def test_another_password_ends_every_other_session(browser: Client, user: User) -> None:
    other = Client()
    other.force_login(user)
    form = {"old_password": "secret", "new_password1": NEW, "new_password2": NEW}
    assert browser.post("/account/password/", form).url == "/account/"  # type: ignore[attr-defined]
    assert browser.get("/account/").status_code == 200
    assert other.get("/account/").status_code == 302


def test_another_address_counts_once_its_letter_has_come(
    browser: Client, user: User, link: Callable[[], str], django_capture_on_commit_callbacks: Any
) -> None:
    browser.post("/account/email/", {"email": "new@photos.example", "password": "secret"})
    assert mail.outbox[0].to == ["new@photos.example"]
    user.refresh_from_db()
    assert user.email == "ada@photos.example"
    path = link()
    assert "new@photos.example" in text(browser.get(path))
    with django_capture_on_commit_callbacks(execute=True):
        browser.post(path)
    user.refresh_from_db()
    assert user.email == "new@photos.example"
    assert mail.outbox[1].to == ["ada@photos.example"]
    assert browser.post(path).status_code == 400, "a link is good once"


def test_a_letter_for_one_account_changes_no_other(
    browser: Client, user: User, link: Callable[[], str]
) -> None:
    browser.post("/account/email/", {"email": "new@photos.example", "password": "secret"})
    eve = factories.user("eve", email=user.email)
    browser.force_login(eve)
    assert browser.post(link()).status_code == 400
    assert browser.post("/account/email/made-up/").status_code == 400
    eve.refresh_from_db()
    assert eve.email == user.email


def test_one_may_have_no_address(browser: Client, user: User) -> None:
    browser.post("/account/email/", {"email": "", "password": "secret"})
    user.refresh_from_db()
    assert (user.email, mail.outbox) == ("", [])


@pytest.mark.parametrize("path", ["email", "delete"])
def test_without_the_password_nothing_happens(browser: Client, user: User, path: str) -> None:
    answer = browser.post(f"/account/{path}/", {"email": "", "password": "wrong"})
    assert answer.status_code == 400
    assert "This is not your password." in text(answer)
    user.refresh_from_db()
    assert user.email == "ada@photos.example"


def test_to_ask_deletes_nothing(browser: Client, user: User) -> None:
    factories.job(user)
    assert "and 1 photo with all its results" in text(browser.get("/account/delete/"))
    assert User.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_nothing_of_a_deleted_account_stays(browser: Client, user: User, media: Path) -> None:
    job = completed(factories.job(user))
    intake.request_new_job(photo=job.photo, options={})
    factories.job(user)
    ApiToken.make(user=user)
    kept = completed(factories.job(factories.user("eve")))
    answer = browser.post("/account/delete/", {"password": "secret"}, follow=True)
    assert "Your account is closed. Everything in it is being deleted." in text(answer)
    assert browser.get("/account/").status_code == 302
    assert (User.objects.get().username, Photo.objects.get(), Job.objects.get()) == (
        "eve",
        kept.photo,
        kept,
    )
    assert Restore.objects.get().job == kept
    assert len(files(media)) == 3 + 2
    names = {f"job.{kept.pk}", f"owner.{kept.owner_id}"}
    assert set(Stream.objects.values_list("name", flat=True)) == names
    assert set(Event.objects.values_list("stream_id", flat=True)) == names


@pytest.mark.django_db(transaction=True)
def test_no_row_of_any_kind_refers_to_a_deleted_account(user: User) -> None:
    completed(factories.job(user))
    ApiToken.make(user=user)
    leaving.leave(user=user)
    for model in apps.get_models():
        for field in model._meta.get_fields():
            if getattr(field, "concrete", False) and field.related_model is User:
                assert not model._default_manager.filter(**{field.name: user.pk}).exists()


@pytest.fixture
def later() -> Iterator[None]:
    """Let no task run: what a request does is done, what it asks for is not."""
    celery.current_app.conf.task_always_eager = False
    yield
    celery.current_app.conf.task_always_eager = True


def test_who_leaves_is_out_before_anything_is_deleted(
    later: None, browser: Client, user: User
) -> None:
    photo = completed(factories.job(user)).photo
    token, shared = ApiToken.make(user=user), sharing.token_of(sharing.share(photo=photo))
    Webhook.objects.create(owner=user, url="https://shop.example/", secret="x")
    browser.post("/account/delete/", {"password": "secret"})
    assert Photo.objects.exists()
    assert browser.get("/account/").status_code == 302
    for path in (f"/shared/{shared}/", f"/shared/{shared}/before/"):
        assert Client().get(path).status_code == 404
    api = f"/api/v1/photos/{photo.pk}"
    headers = {"Authorization": f"Bearer {token}"}
    assert Client().get(api, headers=headers).status_code == 401
    assert Webhook.objects.get().disabled_at
    assert not Client().login(username="ada", password="secret")
    mails.send_reset(email="ada@photos.example", language="en")
    assert not mail.outbox
    factories.user("ada", email="ada@photos.example")  # the name is free


def test_what_a_dead_worker_left_is_gone_on_with(user: User, media: Path, later: None) -> None:
    completed(factories.job(user))
    leaving.leave(user=user)
    dead_until = timezone.now() + timedelta(minutes=1)
    Closing.objects.update(leased_until=dead_until)
    assert closing.due(now=timezone.now(), most=1) == []
    assert closing.go_on(user_id=user.pk) is False
    assert User.objects.exists()
    assert closing.due(now=dead_until, most=1) == [user.pk]


@pytest.mark.django_db(transaction=True)
def test_what_breaks_in_the_middle_is_gone_on_with(media: Path) -> None:
    for number in range(1, 200):
        owner = factories.user(f"owner{number}")
        completed(factories.job(owner))
        broken = Meanwhile(number, fail)
        with suppress(Broken), connection.execute_wrapper(broken):
            leaving.leave(user=owner)
        tasks.close_accounts()
        if not broken.happened:
            return
        if User.objects.filter(username=owner.username).exists():  # it never began
            leaving.leave(user=owner)
        assert not User.objects.exists()
        assert files(media) == []
        assert not Stream.objects.exists()
    raise AssertionError("It never came to an end.")


class Broken(Exception):  # noqa: N818 - no error of ours
    """What may happen at any query."""


def fail() -> None:
    raise Broken


def test_who_has_a_great_deal_leaves_bit_by_bit(
    user: User, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        factories.job(user)
    monkeypatch.setattr(closing, "_SHARE", 0.0)  # of which every photo is more
    Closing.objects.create(user=user)
    assert closing.go_on(user_id=user.pk) is True
    assert Photo.objects.count() == 2


def test_who_stays_is_not_closed(user: User) -> None:
    assert closing.go_on(user_id=user.pk) is False
    tasks.close_accounts()
    user.refresh_from_db()
    assert user.is_active


@pytest.mark.django_db(transaction=True)
def test_runpod_gives_up_what_it_is_still_at(cloud: Cloud, user: User) -> None:
    attempt, _ = factories.attempt(factories.job(user))
    lifecycle.apply_report(
        attempt=attempt, report=factories.report("IN_PROGRESS", id="still-running")
    )
    cloud.body = b'{"id": "still-running", "status": "CANCELLED"}'
    leaving.leave(user=user)
    assert [call[:2] for call in cloud.calls] == [("POST", "/v2/local/cancel/still-running")]


@pytest.mark.django_db(transaction=True)
def test_a_photo_that_comes_in_the_middle_goes_too(user: User, media: Path) -> None:
    for number in range(1, 200):
        owner = factories.user(f"owner{number}")
        factories.job(owner)
        meanwhile = Meanwhile(
            number,
            lambda owner=owner: factories.job(owner),  # type: ignore[misc]
            when=lambda: not connection.in_atomic_block,
        )
        with connection.execute_wrapper(meanwhile):
            leaving.leave(user=owner)
        assert not Photo.objects.exists()
        assert not User.objects.filter(pk=owner.pk).exists()
        assert files(media) == []
        if not meanwhile.happened:
            return
    raise AssertionError("It never came to an end.")


def test_open_streams_of_a_deleted_account_end(server: str, user: User, settings: Any) -> None:
    settings.EVENTS_RECHECK = 0.1
    job = factories.job(user)
    headers = streams.bearer(job)
    with (
        streams.calling(server, **headers) as client,
        streams.following(client, "/api/v1/events") as mine,
        streams.following(client, streams.path(job)) as one,
    ):
        leaving.leave(user=user)
        # To their ends: those come by a question to the database, and may overtake a message.
        assert {event.event for event in [*one, *mine]} <= {"deleted"}
        assert client.get("/api/v1/events").status_code == 401
