"""What the API takes as a body, and how it refuses the rest."""

from __future__ import annotations

import gzip
import io
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from jobs.models import ApiToken, Job, Photo
from jobs.outgoing import registry
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(user: User) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {ApiToken.make(user=user)}")
    return client


def post(client: APIClient, path: str, data: Any, **headers: str) -> Any:
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    return client.post(f"/api/v1/{path}", body, content_type="application/json", headers=headers)


def upload(client: APIClient, restore: Any, **headers: str) -> Any:
    image = SimpleUploadedFile("gran.jpg", factories.picture())
    form = {"image": image, "restore": restore}
    return client.post("/api/v1/photos", form, format="multipart", headers=headers)


# As JSON: half of a pair alone, as a name and as a text at any depth; NUL.
@pytest.mark.parametrize("text", [r"\ud800", r"a\udfffb", r"\u0000"])
@pytest.mark.parametrize("shape", ['{"%s": 1}', '{"photo_id": ["%s"]}', '"%s"', '[{"a": "%s"}]'])
def test_what_cannot_be_kept_as_text_is_refused(client: APIClient, shape: str, text: str) -> None:
    for path in ("jobs", "events/token", "webhooks"):
        answer = post(client, path, (shape % text).encode())
        assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")
    if shape.startswith("{"):
        answer = upload(client, shape % text)
        assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")
    assert not Job.objects.exists()


def test_a_whole_pair_is_text_like_any_other(client: APIClient) -> None:
    answer = post(client, "events/token", rb'{"\ud83d\ude00": 1}')
    assert answer.json()["code"] == "invalid"
    assert "\N{GRINNING FACE}: There is no such member" in answer.json()["detail"]


@pytest.mark.parametrize("coding", ["gzip", "br", "GZIP, identity"])
def test_a_body_that_has_to_be_decoded_is_refused(client: APIClient, coding: str) -> None:
    answers = [
        post(client, "jobs", gzip.compress(b"{}"), **{"Content-Encoding": coding}),
        upload(client, "true", **{"Content-Encoding": coding}),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
        assert answer["Accept-Encoding"] == "identity"
    assert not Photo.objects.exists()


def test_a_body_that_says_it_is_not_coded_is_taken(client: APIClient) -> None:
    assert upload(client, "true", **{"Content-Encoding": "identity"}).status_code == 201


def test_another_kind_of_body_is_told_without_a_word_of_codings(client: APIClient) -> None:
    answer = client.post("/api/v1/jobs", "<job/>", content_type="application/xml")
    assert answer.status_code == 415
    assert "Accept-Encoding" not in answer


@pytest.mark.parametrize("id", [7, True, 10**40, 1.5, None])
def test_a_number_is_no_id(client: APIClient, id: Any) -> None:
    assert post(client, "jobs", {"photo_id": id}).status_code == 400


@pytest.mark.parametrize("value", ["yes", "true", 1, 0, "no", None])
def test_on_and_off_are_true_and_false(client: APIClient, user: User, value: Any) -> None:
    webhook = registry.register(
        owner=user, url="https://shop.example/hook", event_types=["completed"]
    )
    body = json.dumps({"is_enabled": value})
    path = f"/api/v1/webhooks/{webhook.pk}"
    assert client.patch(path, body, content_type="application/json").status_code == 400
    webhook.refresh_from_db()
    assert webhook.disabled_at is None


def test_options_may_come_as_a_part_of_json(client: APIClient) -> None:
    # As clients send it that are generated from the description: as a file, for its type.
    part = SimpleUploadedFile("blob", b'{"scale": 2}', content_type="application/json")
    job = upload(client, part).json()["job"]
    assert (job["status"], job["options"]) == ("pending", {"scale": 2})


@pytest.mark.parametrize(
    "content", [b"\xff", b"{", b"[" * 100_000, b"null", b" " * 300_000 + b"true"]
)
def test_a_part_that_is_no_options_is_refused(client: APIClient, content: bytes) -> None:
    answer = upload(client, io.BytesIO(content))
    assert answer.status_code == 400
    assert not Photo.objects.exists()


@pytest.mark.parametrize("field", ["title", "restore", "image"])
def test_what_is_given_twice_is_refused(client: APIClient, field: str) -> None:
    files = [SimpleUploadedFile("gran.jpg", factories.picture()) for _ in range(2)]
    form: dict[str, Any] = {"image": files[:1], "title": ["Gran"], "restore": ["true"]}
    twice = {"title": ["Gran", "Grandpa"], "restore": ["true", "true"], "image": files}
    answer = client.post("/api/v1/photos", form | {field: twice[field]}, format="multipart")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert answer.json()["detail"] == f"{field}: May be given once."
    assert not Photo.objects.exists()


def test_a_filter_that_is_no_list_is_given_once(client: APIClient) -> None:
    assert client.get("/api/v1/jobs?limit=1&limit=1").status_code == 400
    assert client.get("/api/v1/jobs?status=failed&status=completed").status_code == 200
