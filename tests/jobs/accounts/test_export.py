"""What somebody takes with them."""

from __future__ import annotations

import gc
import io
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any
from zipfile import ZipFile

import httpx2
import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client
from django.utils import timezone

from jobs import deletion, intake, lifecycle
from jobs.accounts import export
from jobs.archives import archive
from jobs.models import ApiToken, Job, Photo, Share, Webhook
from tests import factories
from tests.services import PATIENCE

pytestmark = pytest.mark.django_db


def completed(job: Job) -> Job:
    attempt, _ = factories.attempt(job)
    lifecycle.apply_report(attempt=attempt, report=factories.report(id=f"done-{job.pk}"))
    return Job.objects.get(pk=job.pk)


def unpacked(chunks: Iterator[bytes]) -> ZipFile:
    opened = ZipFile(io.BytesIO(b"".join(chunks)))
    assert opened.testzip() is None
    return opened


def exported(user: User) -> tuple[ZipFile, Any]:
    opened = unpacked(archive(export.entries(user)))
    return opened, json.loads(opened.read(export.DOCUMENT))


def test_everything_that_is_kept_of_somebody_is_in_it(user: User) -> None:
    job = completed(factories.job(user, title="Gran & Großpapa / 1961"))
    again = completed(intake.request_new_job(photo=job.photo, options={"scale": 2}))
    ApiToken.make(user=user, name="laptop")
    share = Share.objects.create(photo=job.photo, expires_at=timezone.now())
    Webhook.objects.create(owner=user, url="https://photos.example/told", secret="hush")
    opened, document = exported(user)
    assert document["account"]["username"] == "ada"
    assert document["account"]["email"] == "ada@photos.example"
    assert document["api_tokens"][0]["name"] == "laptop"
    assert document["webhooks"][0]["url"] == "https://photos.example/told"
    assert "hush" not in json.dumps(document)
    [photo] = document["photos"]
    assert photo["shared_until"] == share.expires_at.isoformat()
    assert photo["title"] == "Gran & Großpapa / 1961"
    assert [each["job_id"] for each in photo["jobs"]] == [str(job.pk), str(again.pk)]
    assert photo["jobs"][1]["options"] == {"scale": 2}
    with job.photo.original.open() as original:
        assert opened.read(photo["file"]) == original.read()
    for each, row in zip(photo["jobs"], (job, again), strict=True):
        with row.restore.image.open() as image:
            assert opened.read(each["restore"]["file"]) == image.read()
    assert len(opened.namelist()) == 1 + 3


def test_names_in_it_lead_nowhere_else(user: User) -> None:
    for title in ("../../etc/passwd", "/root", "..\\x", "a" * 200, "", "写真"):
        factories.job(user, title=title)
    opened, _ = exported(user)
    assert len(set(opened.namelist())) == 1 + 6
    for name in opened.namelist():
        assert ".." not in name
        assert not name.startswith("/")
        assert "\\" not in name


def test_nothing_of_anybody_else_and_no_secret_is_in_it(user: User) -> None:
    factories.job(factories.user("eve"), title="not mine")
    token = ApiToken.make(user=user)
    opened, document = exported(user)
    text = json.dumps(document)
    assert document["photos"] == []
    assert opened.namelist() == [export.DOCUMENT]
    for secret in (token, ApiToken.objects.get().token_hash, user.password, "not mine"):
        assert secret not in text


def test_more_photos_than_a_batch_are_all_in_it_once(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_BATCH", 2)
    for _ in range(5):
        factories.job(user)
    Photo.objects.update(created_at=Photo.objects.first().created_at)  # type: ignore[union-attr]
    opened, document = exported(user)
    assert len({photo["id"] for photo in document["photos"]}) == 5
    assert len(opened.namelist()) == 1 + 5


@pytest.mark.django_db(transaction=True)
def test_no_connection_is_held_while_somebody_downloads(user: User) -> None:
    factories.job(user)
    for _ in archive(export.entries(user)):
        assert connection.connection is None


def test_a_picture_that_is_deleted_meanwhile_is_missing(user: User) -> None:
    first, second = factories.job(user), factories.job(user)
    entries = export.entries(user)
    _, document = next(entries)
    b"".join(document)
    deletion.delete(photo=second.photo)
    second.photo.original.delete(save=False)
    assert [entry[0].split()[-1][:8] for entry in entries] == [str(first.photo_id)[:8]]


def test_one_fetches_it_from_one_s_page(browser: Client, user: User) -> None:
    factories.job(user)
    answer: Any = browser.post("/account/export/")
    assert answer["Content-Type"] == "application/zip"
    assert answer["Content-Disposition"].startswith('attachment; filename="photorestore-20')
    assert answer["Cache-Control"] == "private, no-store"
    assert export.DOCUMENT in unpacked(answer.streaming_content).namelist()
    assert browser.get("/account/export/").status_code == 405


def test_it_takes_no_more_memory_for_more_pictures(user: User) -> None:
    def peak() -> int:
        gc.collect()
        tracemalloc.start()
        size = sum(len(chunk) for chunk in archive(export.entries(user)))
        assert size > 4_000_000 * Photo.objects.count()
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    def add() -> None:
        photo = factories.job(user).photo
        photo.original.save("large.jpg", ContentFile(bytes(4_000_000)))

    add()
    one = peak()
    for _ in range(4):
        add()
    assert peak() < one + 1_000_000


@pytest.mark.django_db(transaction=True)
def test_it_arrives_whole_over_the_wire(server: str, user: User) -> None:
    for _ in range(3):
        completed(factories.job(user))
    browser = Client()
    browser.force_login(user)
    cookies = {name: morsel.value for name, morsel in browser.cookies.items()}
    with httpx2.Client(
        base_url=server, cookies=cookies, trust_env=False, timeout=PATIENCE
    ) as client:
        page = client.get("/account/").text
        token = page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
        answer = client.post("/account/export/", data={"csrfmiddlewaretoken": token})
    assert len(unpacked(iter([answer.content])).namelist()) == 1 + 6
    connection.close()
