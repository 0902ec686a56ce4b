"""Our own worker leaves with us what is too large for its answer."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from jobs import callbacks, collection, deletion, endpoints, lifecycle, uploads
from jobs.endpoints import Addresses
from jobs.models import Attempt, Fetch, Job, Restore, Status
from tests import factories

pytestmark = pytest.mark.django_db

PNG = factories.picture("PNG")


@pytest.fixture
def attempt() -> Attempt:
    return factories.attempt(factories.job(status=Status.PROCESSING, options={}))[0]


def put(address: str, body: bytes = PNG, kind: str = "image/png") -> int:
    parts = urlsplit(address)
    answer = Client().put(f"{parts.path}?{parts.query}", body, content_type=kind)
    return int(answer.status_code)


def complete(attempt: Attempt, **output: Any) -> None:
    """Report what the restorer does once it has put its picture: the address without its query."""
    url = callbacks.upload_url(attempt).partition("?")[0]
    report = factories.report(output={"image_url": url, "model": "m", **output})
    lifecycle.apply_report(attempt=attempt, report=report)


def job_of(attempt: Attempt) -> Job:
    return Job.objects.get(pk=attempt.job_id)


def left(media: Path) -> list[str]:
    return [path.name for path in (media / "uploads").rglob("*") if path.is_file()]


def test_an_uploaded_picture_is_the_result(attempt: Attempt, media: Path) -> None:
    assert put(callbacks.upload_url(attempt)) == 201
    complete(attempt)
    assert job_of(attempt).status == Status.PROCESSING
    collection.collect(attempt_id=attempt.pk)
    assert job_of(attempt).status == Status.COMPLETED
    assert Restore.objects.get().model == "m"
    assert left(media) == []


def test_the_last_of_several_uploads_counts(attempt: Attempt, media: Path) -> None:
    assert put(callbacks.upload_url(attempt), b"half") == 201
    assert put(callbacks.upload_url(attempt), PNG, "application/json") == 201
    assert uploads.take(attempt.pk) == PNG
    assert len(left(media)) == 1


def test_a_wrong_signature_or_an_attempt_that_has_ended_leaves_nothing(
    attempt: Attempt, media: Path
) -> None:
    address = callbacks.upload_url(attempt)
    other, _ = factories.attempt(attempt.job)
    assert put(address[:-1] + ("A" if address[-1] != "A" else "B")) == 404
    assert put(address.partition("?")[0]) == 404
    assert put(callbacks.upload_url(other).replace(f"/{other.pk}?", f"/{attempt.pk}?")) == 404
    assert put(callbacks.progress_url(attempt)) == 405
    lifecycle.apply_report(attempt=attempt, report=factories.report("FAILED"))
    assert put(address) == 404
    assert left(media) == []


def test_an_upload_beyond_the_limit_is_refused(
    attempt: Attempt, media: Path, settings: Any
) -> None:
    settings.PHOTOS_MAX_BYTES = len(PNG) - 1
    assert put(callbacks.upload_url(attempt)) == 413
    assert left(media) == []


def test_an_upload_that_was_said_and_is_not_there_fails_the_job(attempt: Attempt) -> None:
    complete(attempt)
    collection.collect(attempt_id=attempt.pk)
    assert (job_of(attempt).status, job_of(attempt).error_code) == (Status.FAILED, "no_output")
    assert not Fetch.objects.exists()


def test_nobody_can_name_another_attempt_s_picture(attempt: Attempt) -> None:
    other, _ = factories.attempt(factories.job(factories.user("eve"), options={}))
    put(callbacks.upload_url(other))
    complete(attempt, image_url=callbacks.upload_url(other).partition("?")[0])
    collection.collect(attempt_id=attempt.pk)
    assert job_of(attempt).status == Status.FAILED
    assert uploads.take(other.pk) == PNG


def test_only_what_may_be_large_is_uploaded(attempt: Attempt) -> None:
    photo = attempt.job.photo
    addresses = Addresses(photo="p", progress="q", upload="u")
    build = endpoints.current().build
    assert "upload_url" not in build({"scale": 1}, addresses, photo)
    photo.width, photo.height = 1000, 1000
    assert build({"scale": 4}, addresses, photo)["upload_url"] == "u"


def test_a_deleted_photo_s_upload_goes_with_it(
    attempt: Attempt, media: Path, django_capture_on_commit_callbacks: Any
) -> None:
    put(callbacks.upload_url(attempt))
    with django_capture_on_commit_callbacks(execute=True):
        deletion.delete(photo=attempt.job.photo)
    assert left(media) == []


def test_what_nobody_will_ask_for_is_forgotten(attempt: Attempt, media: Path) -> None:
    now = timezone.now()
    uploads.forget(now=now)
    put(callbacks.upload_url(attempt))
    gone, _ = factories.attempt(attempt.job)
    put(callbacks.upload_url(gone))
    Attempt.objects.filter(pk=gone.pk).delete()
    uploads.forget(now=now + timedelta(hours=9))
    assert left(media) == [str(attempt.pk)]
    lifecycle.apply_report(attempt=attempt, report=factories.report("FAILED"))
    uploads.forget(now=now)
    assert left(media) == [str(attempt.pk)]
    uploads.forget(now=now + timedelta(hours=2))
    assert left(media) == []
