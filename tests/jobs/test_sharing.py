"""Photos shared by link: off, on for a month, taken back, behind a password."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from jobs import deletion, lifecycle, sharing
from jobs.models import Photo, Share
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def photo(user: User) -> Photo:
    job = factories.job(user, title="Gran")
    attempt, _ = factories.attempt(job)
    lifecycle.apply_report(attempt=attempt, report=factories.report())
    return job.photo


@pytest.fixture
def visitor() -> Client:
    return Client()


def link(photo: Photo, password: str = "") -> str:
    return f"/shared/{sharing.token_of(sharing.share(photo=photo, password=password))}/"


def status(client: Client, path: str) -> int:
    answer: Any = client.get(path)
    b"".join(answer.streaming_content) if answer.streaming else answer.content
    return int(answer.status_code)


def test_its_owner_shares_it_and_takes_it_back(
    client: Client, visitor: Client, photo: Photo
) -> None:
    client.force_login(photo.owner)
    page = f"/photos/{photo.pk}/"
    assert "Share by link" in client.get(page).content.decode()
    client.post(f"{page}share/")
    path = f"/shared/{sharing.token_of(Share.objects.get())}/"
    assert f"http://testserver{path}" in client.get(page).content.decode()
    assert status(visitor, path) == 200
    client.post(f"{page}share/stop/")
    assert status(visitor, path) == 404
    assert not Share.objects.exists()


def test_whoever_has_the_link_sees_both_pictures_and_nothing_else(
    visitor: Client, photo: Photo
) -> None:
    path = link(photo)
    page = visitor.get(path).content.decode()
    assert "Gran" in page
    assert str(photo.pk) not in page
    for which in ("before", "after", "restored"):
        assert f"{path}{which}/" in page
        assert status(visitor, f"{path}{which}/") == 200
    assert status(visitor, f"{path}original/") == 404
    assert status(visitor, f"/api/v1/photos/{photo.pk}/image") == 401


@pytest.mark.parametrize("which", ["", "before/", "restored/"])
def test_no_search_engine_and_no_cache_keeps_it(visitor: Client, photo: Photo, which: str) -> None:
    answer: Any = visitor.get(link(photo) + which)
    assert answer["X-Robots-Tag"] == "noindex, nofollow"
    assert answer["Cache-Control"] == "private, no-store"
    assert answer["Referrer-Policy"] == "same-origin"
    b"".join(answer.streaming_content) if answer.streaming else answer.content


def test_it_ends_after_thirty_days(visitor: Client, photo: Photo) -> None:
    path, now = link(photo), timezone.now()
    for days, expected in ((29.9, 200), (30.1, 404)):
        with time_machine.travel(now + timedelta(days=days), tick=False):
            assert status(visitor, path) == status(visitor, f"{path}before/") == expected


def test_of_who_may_not_sign_in_nothing_is_shared(visitor: Client, photo: Photo) -> None:
    address = link(photo)
    User.objects.update(is_active=False)
    assert visitor.get(address).status_code == 404
    assert visitor.get(f"{address}before/").status_code == 404


def test_a_new_link_takes_the_old_one_back(visitor: Client, photo: Photo) -> None:
    old, new = link(photo), link(photo)
    assert [status(visitor, path) for path in (old, new)] == [404, 200]


def test_the_password_is_asked_for_and_kept_as_a_hash(visitor: Client, photo: Photo) -> None:
    path = link(photo, "shoebox")
    assert "shoebox" not in Share.objects.get().password
    assert "Gran" not in visitor.get(path).content.decode()
    assert status(visitor, f"{path}before/") == 404
    assert visitor.post(path, {"password": "wrong"}).status_code == 403
    assert status(visitor, f"{path}after/") == 404
    visitor.post(path, {"password": "shoebox"})
    assert "Gran" in visitor.get(path).content.decode()
    assert status(visitor, f"{path}after/") == 200
    assert status(Client(), f"{path}after/") == 404


def test_who_mistyped_the_password_types_it_again_at_once(visitor: Client, photo: Photo) -> None:
    path = link(photo, password="x")
    for answer in (visitor.get(path), visitor.post(path, {"password": "y"})):
        assert re.search(r"<input [^>]*type=\"password\"[^>]* autofocus", answer.content.decode())


def test_a_new_password_locks_out_who_knew_the_old_one(visitor: Client, photo: Photo) -> None:
    visitor.post(link(photo, "old"), {"password": "old"})
    assert "Gran" not in visitor.get(link(photo, "new")).content.decode()


def test_passwords_cannot_be_tried_for_ever(visitor: Client, photo: Photo) -> None:
    path, now = link(photo, "shoebox"), timezone.now()
    with time_machine.travel(now, tick=False):
        codes = [visitor.post(path, {"password": "x"}).status_code for _ in range(11)]
        assert codes == [403] * 10 + [429]
        assert visitor.post(path, {"password": "shoebox"}).status_code == 429
    with time_machine.travel(now + timedelta(minutes=16), tick=False):
        assert visitor.post(path, {"password": "shoebox"}).status_code == 302


@pytest.mark.parametrize("token", ["x", "-", "a-b", f"{'0' * 32}-x", "é"])
def test_a_token_that_we_did_not_make_leads_nowhere(
    visitor: Client, photo: Photo, token: str
) -> None:
    share = sharing.share(photo=photo)
    assert status(visitor, f"/shared/{token}/") == 404
    assert status(visitor, f"/shared/{share.pk.hex}-{token}/") == 404


def test_nobody_shares_what_is_not_theirs(client: Client, photo: Photo) -> None:
    client.force_login(factories.user("eve"))
    sharing.share(photo=photo)
    for path in ("share/", "share/stop/"):
        assert client.post(f"/photos/{photo.pk}/{path}").status_code == 404
    assert Share.objects.count() == 1


def test_it_goes_with_the_photo(visitor: Client, photo: Photo) -> None:
    path = link(photo)
    deletion.delete(photo=photo)
    assert status(visitor, path) == 404
