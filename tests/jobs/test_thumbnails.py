"""Thumbnails: three sizes in two formats, made by a task, for the owner alone."""

from __future__ import annotations

import io
import itertools
from datetime import timedelta
from pathlib import Path
from typing import Any

import celery
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from PIL import Image

from jobs import deletion, lifecycle, pictures, tasks, thumbnails
from jobs.models import Job, Photo, Restore
from tests import factories
from tests.jobs.test_pictures import SRGB

pytestmark = pytest.mark.django_db
ALL = set(itertools.product(pictures.SIDES, pictures.EXTENSIONS))


@pytest.fixture
def photo(user: User) -> Photo:
    return factories.job(user, file=factories.picture(size=(1200, 800), icc_profile=SRGB)).photo


def made(photo: Photo) -> Photo:
    tasks.make_thumbnails(kind="photo", id=str(photo.pk))
    photo.refresh_from_db()
    return photo


def address(photo: Photo, name: str = "480.webp") -> str:
    return f"/api/v1/photos/{photo.pk}/thumbnails/{name}"


def bytes_of(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def left(media: Path) -> list[Path]:
    return [path for path in media.rglob("*") if path.is_file()]


@pytest.mark.parametrize(("side", "extension"), sorted(ALL))
def test_each_is_as_large_as_said_and_says_nothing_else(
    client: Client, photo: Photo, side: int, extension: str
) -> None:
    client.force_login(made(photo).owner)
    answer: Any = client.get(address(photo, f"{side}.{extension}"))
    image = Image.open(io.BytesIO(bytes_of(answer)))
    assert answer["Content-Type"] == {"webp": "image/webp", "jpg": "image/jpeg"}[extension]
    assert image.size == (side, side * 2 // 3) == pictures.scaled(1200, 800, side)
    assert not {"exif", "icc_profile", "xmp"} & set(image.info)


def test_a_small_photo_is_not_enlarged() -> None:
    assert pictures.scaled(64, 48, 240) == (64, 48)
    assert pictures.scaled(10_000, 3, 240) == (240, 1)


def test_until_there_is_one_the_preview_stands_in_and_is_asked_for_again(
    client: Client, photo: Photo
) -> None:
    client.force_login(photo.owner)
    answer: Any = client.get(address(photo))
    assert answer["Cache-Control"] == "private, no-cache"
    assert Image.open(io.BytesIO(bytes_of(answer))).size == (1200, 800)


@pytest.mark.parametrize("name", ["241.webp", "480.png", "480.webp.jpg", "0.jpg"])
def test_there_are_no_others(client: Client, photo: Photo, name: str) -> None:
    client.force_login(made(photo).owner)
    assert client.get(address(photo, name)).status_code == 404


def test_nobody_else_sees_one(client: Client, photo: Photo) -> None:
    made(photo)
    assert client.get(address(photo)).status_code == 401
    client.force_login(factories.user("eve"))
    assert client.get(address(photo)).status_code == 404


def test_a_result_has_its_own(client: Client, user: User) -> None:
    job = factories.job(user)
    attempt, _ = factories.attempt(job)
    lifecycle.apply_report(attempt=attempt, report=factories.report())
    tasks.make_thumbnails(kind="restore", id=str(Restore.objects.get().pk))
    client.force_login(user)
    restore = client.get(f"/api/v1/jobs/{job.pk}").json()["restore"]
    answer: Any = client.get(restore["thumbnails_url"] + "240.jpg")
    assert Image.open(io.BytesIO(bytes_of(answer))).size == (64, 48)
    assert answer["Cache-Control"] == "private, max-age=3600"
    client.force_login(factories.user("eve"))
    assert client.get(restore["thumbnails_url"] + "240.jpg").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_a_task_is_sent_for_each_photo_and_each_result(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(
        celery.current_app, "send_task", lambda name, **options: sent.append({name: options})
    )
    job = factories.job(user)
    attempt, _ = factories.attempt(job)
    lifecycle.apply_report(attempt=attempt, report=factories.report())
    rows = {"photo": job.photo_id, "restore": Restore.objects.get().pk}
    task = "jobs.tasks.make_thumbnails"
    assert sent == [{task: {"kwargs": {"kind": kind, "id": str(rows[kind])}}} for kind in rows]


def test_what_was_lost_with_its_task_is_found_later(photo: Photo) -> None:
    now = timezone.now()
    assert list(thumbnails.missing(now=now, most=9)) == []
    later = now + timedelta(minutes=2)
    assert list(thumbnails.missing(now=later, most=9)) == [("photo", photo.pk)]
    made(photo)
    assert list(thumbnails.missing(now=later, most=9)) == []


def test_a_task_that_did_not_come_to_its_end_is_done_again(photo: Photo, media: Path) -> None:
    made(photo)
    before = sorted(left(media))
    Photo.objects.update(has_thumbnails=False)
    made(photo)
    assert sorted(left(media)) == before


@pytest.mark.django_db(transaction=True)
def test_they_go_with_their_photo(photo: Photo, media: Path) -> None:
    made(photo)
    assert len(left(media / "thumbnails")) == len(ALL)
    deletion.delete(photo=photo)
    assert left(media) == []


@pytest.mark.django_db(transaction=True)
def test_of_a_photo_that_is_deleted_while_they_are_made_nothing_stays(
    photo: Photo, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    thumbnails_of = pictures.thumbnails

    def slow(preview: Any) -> Any:
        yield from thumbnails_of(preview)
        deletion.delete(photo=photo)

    monkeypatch.setattr(pictures, "thumbnails", slow)
    tasks.make_thumbnails(kind="photo", id=str(photo.pk))
    assert left(media) == []
    assert not Job.objects.exists()
    tasks.make_thumbnails(kind="photo", id=str(photo.pk))  # and once more: nothing happens
