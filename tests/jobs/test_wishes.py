"""Idempotency-Key: what is sent again is not done again."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.utils import timezone
from rest_framework.test import APIClient

from jobs import deletion, idempotency, intake
from jobs.models import IdempotencyKey, Job, Photo
from tests import factories
from tests.together import together

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(user: User) -> APIClient:
    client = APIClient()
    client.force_login(user)
    return client


def upload(client: APIClient, key: str = "k-1", **fields: Any) -> Any:
    image = SimpleUploadedFile("gran.jpg", fields.pop("data", factories.picture()))
    headers = {"Idempotency-Key": key}
    body = {"image": image, **fields}
    return client.post("/api/v1/photos", body, format="multipart", headers=headers)


def ask(client: APIClient, photo: Photo, key: str = "k-1", **options: Any) -> Any:
    data = {"photo_id": str(photo.pk), "options": options}
    headers = {"Idempotency-Key": key}
    return client.post("/api/v1/jobs", data, format="json", headers=headers)


def files(media: Path) -> int:
    return len([path for path in media.rglob("*") if path.is_file()])


def test_an_upload_that_is_repeated_finds_the_first(client: APIClient, media: Path) -> None:
    first = upload(client, title="Gran")
    kept = files(media)
    second = upload(client, title="Gran")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert (Photo.objects.count(), files(media)) == (1, kept)


def test_a_job_that_is_asked_for_again_is_the_first(client: APIClient, user: User) -> None:
    photo = factories.job(user).photo
    first, second, other = (
        ask(client, photo),
        ask(client, photo),
        ask(client, photo, "k-2"),
    )
    assert [answer.status_code for answer in (first, second, other)] == [202, 202, 202]
    assert first.json()["job_id"] == second.json()["job_id"] != other.json()["job_id"]


def test_a_key_does_not_stand_for_two_wishes(client: APIClient, user: User) -> None:
    photo = factories.job(user).photo
    upload(client, title="Gran")
    answers = [
        upload(client, title="Grandad"),
        upload(client, title="Gran", data=factories.picture(size=(32, 32))),
        ask(client, photo),
    ]
    assert {answer.status_code for answer in answers} == {409}
    assert {answer.json()["code"] for answer in answers} == {"idempotency_key_reused"}
    assert (Photo.objects.count(), Job.objects.count()) == (2, 2)


def test_a_grant_that_is_repeated_is_for_the_same(client: APIClient, user: User) -> None:
    job, other = factories.job(user), factories.job(user)
    headers = {"Idempotency-Key": "k-1"}

    def grant(of: Job) -> Any:
        data = {"job_ids": [str(of.pk)]}
        return client.post("/api/v1/events/token", data, format="json", headers=headers)

    assert grant(job).json()["token"] == grant(job).json()["token"]
    assert grant(other).status_code == 409


def test_what_was_refused_may_be_tried_again(client: APIClient) -> None:
    assert upload(client, data=b"Dear diary").status_code == 400
    assert upload(client).status_code == 201


def test_keys_are_each_user_s_own(client: APIClient) -> None:
    other = APIClient()
    other.force_login(factories.user("eve"))
    mine, theirs = upload(client).json(), upload(other).json()
    assert mine["photo"]["id"] != theirs["photo"]["id"]


def test_a_key_is_forgotten_after_a_day(client: APIClient) -> None:
    upload(client)
    with time_machine.travel(timezone.now() + timedelta(days=1, seconds=1), tick=False):
        assert upload(client, title="Another").status_code == 201
        assert IdempotencyKey.objects.count() == 1
    with time_machine.travel(timezone.now() + timedelta(days=3), tick=False):
        assert idempotency.forget(now=timezone.now()) == 1


def test_what_was_made_and_deleted_is_not_made_again(client: APIClient) -> None:
    first = upload(client).json()
    deletion.delete(photo=Photo.objects.get())
    assert upload(client).status_code == 404
    assert not Photo.objects.exists()
    assert first["photo"]["id"] not in str(IdempotencyKey.objects.values())


@pytest.mark.parametrize("key", ["", " ", "a b", "ä", "x" * 256])
def test_a_key_has_to_be_one(client: APIClient, key: str) -> None:
    answer = upload(client, key)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_idempotency_key")
    assert not Photo.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_many_first_uses_at_once_one_makes_it(media: Path) -> None:
    user = factories.user()
    wish = idempotency.Wish(user, "key", "request")

    def act() -> str:
        file = io.BytesIO(factories.picture())
        try:
            return str(intake.upload(owner=user, file=file, wish=wish).pk)
        except idempotency.RepeatedError as error:
            return error.subject

    subjects = together(*[act] * 6)
    [made] = Job.objects.values_list("pk", flat=True)
    assert subjects == [str(made)] * 6
    assert files(media) == 3


@pytest.mark.django_db(transaction=True)
def test_a_wish_whose_making_fails_is_free_again() -> None:
    wish = idempotency.Wish(factories.user(), "key", "request")
    with transaction.atomic():
        wish.claim("made")
        transaction.set_rollback(True)
    assert wish.granted() is None
