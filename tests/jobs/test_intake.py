"""What people ask for, and that nothing is left of what is refused."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile

from jobs import endpoints, intake, pictures
from jobs.models import Job, Photo, Status
from tests import factories

pytestmark = pytest.mark.django_db


def files(media: Path) -> list[Path]:
    return [path for path in media.rglob("*") if path.is_file()]


def test_an_upload_keeps_the_original_and_what_is_handed_out(user: User, media: Path) -> None:
    data = factories.picture()
    photo = intake.upload(owner=user, file=io.BytesIO(data), title="Gran").photo
    assert Path(photo.original.path).read_bytes() == data
    assert (photo.width, photo.height, photo.bytes, photo.title) == (64, 48, len(data), "Gran")
    assert len(files(media)) == 3


def test_a_photo_without_a_title_has_its_file_s_name(user: User) -> None:
    file = SimpleUploadedFile("Gran 1961.jpg", factories.picture())
    assert intake.upload(owner=user, file=file).photo.title == "Gran 1961"


def test_files_are_for_this_user_of_the_machine_alone(user: User, media: Path) -> None:
    intake.upload(owner=user, file=io.BytesIO(factories.picture()))
    assert {path.stat().st_mode & 0o777 for path in files(media)} == {0o600}


def test_without_options_a_job_is_created_and_with_them_it_is_pending(user: User) -> None:
    data = factories.picture()
    created = intake.upload(owner=user, file=io.BytesIO(data))
    pending = intake.upload(owner=user, file=io.BytesIO(data), options={"scale": 2})
    assert (created.status, pending.status) == (Status.CREATED, Status.PENDING)
    assert (created.options, pending.options) == ({"scale": 1}, {"scale": 2})


@pytest.mark.parametrize(
    "options", [{"scale": 3}, {"scale": True}, {"scale": "2"}, {"scale": [1]}, {"magic": 1}]
)
def test_options_that_the_endpoint_cannot_take_leave_nothing_behind(
    user: User, media: Path, options: dict[str, Any]
) -> None:
    with pytest.raises(endpoints.OptionsError):
        intake.upload(owner=user, file=io.BytesIO(factories.picture()), options=options)
    assert (files(media), Photo.objects.count()) == ([], 0)


def test_an_enlargement_beyond_the_limit_is_refused(user: User, settings: Any) -> None:
    settings.PHOTOS_MAX_PIXELS = 64 * 48 * 4
    file = io.BytesIO(factories.picture())
    assert intake.upload(owner=user, file=file, options={"scale": 2}).options == {"scale": 2}
    with pytest.raises(endpoints.OptionsError, match="megapixels"):
        intake.upload(owner=user, file=file, options={"scale": 4})


def test_a_refused_picture_leaves_nothing_behind(user: User, media: Path) -> None:
    with pytest.raises(pictures.PictureError):
        intake.upload(owner=user, file=io.BytesIO(b"Dear diary"))
    assert (files(media), Photo.objects.count()) == ([], 0)


def test_rows_that_cannot_be_written_leave_no_file_behind(media: Path) -> None:
    with pytest.raises(ValueError, match="unsaved"):
        intake.upload(owner=User(), file=io.BytesIO(factories.picture()))
    assert files(media) == []


def test_a_disk_that_is_full_leaves_no_file_behind(
    user: User, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = default_storage.save

    def fail_at_previews(name: str, content: Any, max_length: int | None = None) -> str:
        if name.startswith("previews"):
            raise OSError(28, "No space left on device")
        return save(name, content, max_length=max_length)

    monkeypatch.setattr(Photo._meta.get_field("preview").storage, "save", fail_at_previews)
    with pytest.raises(OSError, match="No space"):
        intake.upload(owner=user, file=io.BytesIO(factories.picture()))
    assert files(media) == []


def test_a_created_job_starts_once() -> None:
    job = factories.job()
    assert intake.request_restore(job=job)
    assert not intake.request_restore(job=job)
    assert Job.objects.get(pk=job.pk).status == Status.PENDING
