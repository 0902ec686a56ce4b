"""The API as its clients see it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image
from rest_framework.test import APIClient

from jobs import callbacks, lifecycle
from jobs.models import ApiToken, Job, Photo, Status
from tests import factories

pytestmark = pytest.mark.django_db
NOBODY_S = UUID(int=1)


@pytest.fixture
def client(user: User) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {ApiToken.make(user=user)}")
    return client


def upload(client: APIClient, data: bytes | None = None, **fields: Any) -> Any:
    content = factories.picture() if data is None else data
    image = SimpleUploadedFile("gran.jpg", content, content_type="image/jpeg")
    return client.post("/api/v1/photos", {"image": image, **fields}, format="multipart")


def completed(owner: User) -> Job:
    job = factories.job(owner, title="Gran, 1961")
    attempt, _ = factories.attempt(job)
    lifecycle.apply_report(attempt=attempt, report=factories.report())
    return Job.objects.get(pk=job.pk)


def body_of(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def test_an_upload_answers_photo_job_and_where_to_follow_it(client: APIClient) -> None:
    answer = upload(client, title="Gran")
    body = answer.json()
    assert answer.status_code == 201
    assert (body["photo"]["title"], body["photo"]["width"]) == ("Gran", 64)
    assert (body["job"]["status"], body["job"]["last_event_id"]) == ("created", 0)
    assert body["events_url"] == f"/api/v1/events/{body['job']['job_id']}"


@pytest.mark.parametrize(
    ("restore", "status", "options"),
    [
        ("true", "pending", {"scale": 1}),
        ("True", "pending", {"scale": 1}),
        ("false", "created", {"scale": 1}),
        ('{"scale": 2}', "pending", {"scale": 2}),
    ],
)
def test_an_upload_may_ask_to_be_restored(
    client: APIClient, restore: str, status: str, options: dict[str, Any]
) -> None:
    job = upload(client, restore=restore).json()["job"]
    assert (job["status"], job["options"]) == (status, options)


@pytest.mark.parametrize(
    ("data", "fields", "status", "code"),
    [
        (b"", {}, 400, "empty_file"),
        (b"Dear diary", {}, 400, "not_a_picture"),
        (None, {"restore": "perhaps"}, 400, "invalid"),
        (None, {"restore": '{"scale": 9}'}, 400, "bad_options"),
        (None, {"title": "x" * 201}, 400, "invalid"),
    ],
)
def test_a_bad_upload_is_a_problem_document_and_leaves_nothing(
    client: APIClient, media: Path, data: bytes | None, fields: Any, status: int, code: str
) -> None:
    answer = upload(client, data, **fields)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"]
    assert not Photo.objects.exists()
    assert not [path for path in media.rglob("*") if path.is_file()]


def test_a_file_that_is_too_large_is_a_413(client: APIClient, settings: Any) -> None:
    settings.PHOTOS_MAX_BYTES = 100
    assert upload(client).status_code == 413


def test_an_upload_without_a_file_says_so(client: APIClient) -> None:
    answer = client.post("/api/v1/photos", {}, format="multipart")
    assert answer.json()["detail"] == "image: No file was submitted."


def test_a_created_job_is_started_once_and_not_after_its_end(client: APIClient) -> None:
    job_id = upload(client).json()["job"]["job_id"]
    path = f"/api/v1/jobs/{job_id}/restore"
    first, second = client.post(path), client.post(path)
    assert (first.status_code, second.status_code) == (202, 200)
    assert first.json()["job_id"] == second.json()["job_id"] == job_id
    job = Job.objects.get(pk=job_id)
    lifecycle.fail(job=job, code="x", message="It broke.", retryable=True)
    third = client.post(path)
    assert (third.status_code, third.json()["code"]) == (409, "already_finished")
    assert "/api/v1/jobs" in third.json()["detail"]


def test_the_snapshot_has_the_restore(client: APIClient, user: User) -> None:
    job = completed(user)
    body = client.get(f"/api/v1/jobs/{job.pk}").json()
    assert (body["status"], body["error"], body["last_event_id"]) == ("completed", None, 1)
    assert body["restore_id"] == body["restore"]["id"]
    assert (body["restore"]["width"], body["restore"]["height"]) == (64, 48)
    assert body_of(client.get(body["restore"]["image_url"]))


def test_the_snapshot_has_the_error(client: APIClient, user: User) -> None:
    job = factories.job(user)
    lifecycle.fail(job=job, code="lost", message="Gone.", retryable=True)
    body = client.get(f"/api/v1/jobs/{job.pk}").json()
    assert body["error"] == {"code": "lost", "message": "Gone.", "retryable": True}
    assert body["restore"] is None


def test_a_photo_is_restored_again_as_a_new_job(client: APIClient, user: User) -> None:
    job = completed(user)
    data = {"photo_id": str(job.photo_id), "options": {"scale": 2}}
    answer = client.post("/api/v1/jobs", data, format="json")
    assert answer.status_code == 202
    assert answer.json()["job_id"] != str(job.pk)
    assert answer.json()["status"] == "pending"


@pytest.mark.parametrize(
    "data", [{}, {"photo_id": "x"}, {"photo_id": str(NOBODY_S), "options": []}, [], "x"]
)
def test_a_bad_request_for_a_job_is_a_problem_document(client: APIClient, data: Any) -> None:
    answer = client.post("/api/v1/jobs", data, format="json")
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid"


def test_json_that_is_nested_too_deeply_is_a_problem_document(client: APIClient) -> None:
    deep = "[" * 100_000
    answer = client.post("/api/v1/jobs", deep, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")
    assert upload(client, restore=deep).status_code == 400


def test_malformed_json_is_a_problem_document(client: APIClient) -> None:
    answer = client.post("/api/v1/jobs", "{", content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")


def test_lists_are_mine_and_newest_first(client: APIClient, user: User) -> None:
    first, second = factories.job(user), factories.job(user)
    factories.job(factories.user("eve"))
    photos = client.get("/api/v1/photos").json()["results"]
    jobs = client.get("/api/v1/jobs").json()["results"]
    assert [photo["id"] for photo in photos] == [str(second.photo_id), str(first.photo_id)]
    assert [job["job_id"] for job in jobs] == [str(second.pk), str(first.pk)]


@pytest.mark.parametrize("cursor", ["xx", "cD0yMDI=", "cD0x"])
def test_a_cursor_that_somebody_made_up_is_a_problem_document(
    client: APIClient, cursor: str
) -> None:
    answer = client.get("/api/v1/jobs", {"cursor": cursor})
    assert answer.status_code in (400, 404)
    assert answer["Content-Type"] == "application/problem+json"


def test_a_photo_has_its_jobs(client: APIClient, user: User) -> None:
    job = completed(user)
    body = client.get(f"/api/v1/photos/{job.photo_id}").json()
    assert [found["job_id"] for found in body["jobs"]] == [str(job.pk)]


def test_pictures_are_private_streamed_and_named(client: APIClient, user: User) -> None:
    job = completed(user)
    answer = client.get(f"/api/v1/restores/{job.restore.pk}/image")
    assert answer["Content-Type"] == "image/png"
    assert answer["Cache-Control"] == "private, max-age=3600"
    assert "restored.png" in answer["Content-Disposition"]
    assert Image.open(io.BytesIO(body_of(answer))).size == (64, 48)
    preview = client.get(f"/api/v1/photos/{job.photo_id}/preview")
    assert preview["Content-Type"] == "image/jpeg"
    assert body_of(preview)


def test_a_result_tells_what_made_it(client: APIClient, user: User) -> None:
    job = completed(user)
    body = client.get(f"/api/v1/restores/{job.restore.pk}").json()
    assert (body["job_id"], body["stages"]) == (str(job.pk), [])


def paths(job: Job) -> list[tuple[str, str]]:
    photo, restore = job.photo_id, job.restore.pk
    return [
        ("get", f"/api/v1/photos/{photo}"),
        ("get", f"/api/v1/photos/{photo}/image"),
        ("get", f"/api/v1/photos/{photo}/preview"),
        ("get", f"/api/v1/jobs/{job.pk}"),
        ("post", f"/api/v1/jobs/{job.pk}/restore"),
        ("get", f"/api/v1/restores/{restore}"),
        ("get", f"/api/v1/restores/{restore}/image"),
        ("get", f"/api/v1/restores/{restore}/preview"),
    ]


def test_what_is_not_mine_does_not_exist(client: APIClient) -> None:
    theirs = completed(factories.user("eve"))
    for method, path in paths(theirs):
        assert getattr(client, method)(path).status_code == 404, path
    data = {"photo_id": str(theirs.photo_id)}
    assert client.post("/api/v1/jobs", data, format="json").status_code == 404


def test_staff_see_no_other_person_s_pictures_either() -> None:
    theirs = completed(factories.user("eve"))
    staff = APIClient()
    staff.force_login(factories.user("root", is_staff=True, is_superuser=True))
    for method, path in paths(theirs):
        assert getattr(staff, method)(path).status_code in (403, 404), path


def test_nobody_gets_anything_without_saying_who_they_are(user: User) -> None:
    job = completed(user)
    lists = [("get", "/api/v1/photos"), ("post", "/api/v1/photos"), ("get", "/api/v1/jobs")]
    for method, path in [*paths(job), *lists, ("post", "/api/v1/jobs")]:
        answer = getattr(APIClient(), method)(path)
        assert answer.status_code == 401, path
        assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("header", ["Bearer", "Bearer x", "Bearer a b", "bearer é"])
def test_a_wrong_token_is_a_401(user: User, header: str) -> None:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=header)
    assert client.get("/api/v1/jobs").status_code == 401


def test_a_session_needs_a_csrf_token_to_change_anything(user: User) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(user)
    assert client.get("/api/v1/jobs").status_code == 200
    assert upload(client).status_code == 403


def test_an_account_that_is_switched_off_has_no_access(client: APIClient, user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert client.get("/api/v1/jobs").status_code == 401


def test_a_signed_address_shows_one_photo_without_an_account(user: User) -> None:
    job, other = factories.job(user), factories.job(user)
    url = callbacks.photo_url(job.photo).removeprefix("http://127.0.0.1:8000")
    signature = url.partition("=")[2]
    assert body_of(APIClient().get(url)) == factories.picture()
    wrong = f"/api/v1/photos/{other.photo_id}/image?signature={signature}"
    assert APIClient().get(wrong).status_code == 401
    assert APIClient().get(url[:-1] + "x").status_code == 401


def test_a_signed_address_expires(user: User, settings: Any) -> None:
    url = callbacks.photo_url(factories.job(user).photo)
    settings.RUNPOD_TTL = -1
    assert APIClient().get(url.removeprefix("http://127.0.0.1:8000")).status_code == 401


def test_a_snapshot_is_json_through_and_through(user: User) -> None:
    from jobs.snapshots import snapshot

    job = completed(user)
    assert json.loads(json.dumps(snapshot(job))) == snapshot(job)
    assert job.status == Status.COMPLETED


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/jobs/7", "/api/v1/events/x"])
def test_an_address_that_is_none_is_a_problem_document(client: APIClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_an_unknown_job_is_a_404(client: APIClient) -> None:
    assert client.get(reverse("api:job", args=[NOBODY_S])).json()["code"] == "not_found"
