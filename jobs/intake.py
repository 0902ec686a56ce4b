"""What people may ask for: to keep a photo, to restore it."""

from __future__ import annotations

import hashlib
import io
import logging
from pathlib import PurePath
from typing import IO, Any

from django.contrib.auth.models import User
from django.core.files.base import ContentFile, File
from django.db import transaction
from django.utils import timezone

from . import endpoints, pictures, places, tasks, thumbnails
from .idempotency import Wish
from .models import Job, Photo, Status

logger = logging.getLogger(__name__)


class AlreadyFinishedError(Exception):
    """A finished job does not start again; the photo wants a new one."""


class AlreadyKeptError(Exception):
    """The owner has the very same file, as `photo`."""

    def __init__(self, photo: Photo) -> None:
        super().__init__(str(photo.pk))
        self.photo = photo


def kept(*, owner: Any, sha256: str) -> Photo | None:
    """Return the owner's photo whose file has that hash; the newest, if there are several."""
    return Photo.objects.filter(owner=owner, sha256=sha256).first()


def upload(
    *,
    owner: Any,
    file: IO[bytes],
    title: str = "",
    options: dict[str, Any] | None = None,
    wish: Wish | None = None,
    once: bool = False,
) -> Job:
    """Keep a photo with its first job, which is asked for at once if there are options. Return it.

    With `once`, the very same file is not kept again. Raises PictureError, OptionsError or
    AlreadyKeptError, or RepeatedError for a wish that was granted before, with nothing stored.
    """
    sha256 = _hash_of(file)
    if once:
        _check_is_new(owner, sha256)
    picture = pictures.read(file)
    endpoint = endpoints.current()
    chosen = endpoint.clean(options or {}, width=picture.width, height=picture.height)
    photo = Photo(
        owner=owner,
        title=title or _name_of(file),
        format=picture.format,
        width=picture.width,
        height=picture.height,
        sha256=sha256,
    )
    try:
        _store(photo, file, picture)
        return _write(photo, chosen, wish, ask=options is not None, once=once)
    except Exception:  # which alone says that nothing was committed
        for stored in (photo.original, photo.image, photo.preview):
            stored.delete(save=False)
        raise


def _hash_of(file: IO[bytes]) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def _check_is_new(owner: Any, sha256: str) -> None:
    if photo := kept(owner=owner, sha256=sha256):
        raise AlreadyKeptError(photo)


def _name_of(file: IO[bytes]) -> str:
    """Return the file's name without its ending: better than no title."""
    name = str(getattr(file, "name", None) or "")
    # Browsers write quotation marks so (HTML, "multipart/form-data").
    return PurePath(name).stem.replace("%22", '"')[:200]


def _store(photo: Photo, file: IO[bytes], picture: pictures.Picture) -> None:
    photo.bytes = file.seek(0, io.SEEK_END)
    file.seek(0)
    photo.original.save(f"{photo.pk}.{picture.original_extension}", File(file), save=False)
    photo.image.save(f"{photo.pk}.{picture.extension}", ContentFile(picture.image), save=False)
    photo.preview.save(f"{photo.pk}.jpg", ContentFile(picture.preview), save=False)


def _write(
    photo: Photo, options: dict[str, Any], wish: Wish | None, *, ask: bool, once: bool
) -> Job:
    job = Job(photo=photo, owner_id=photo.owner_id, options=options)
    with transaction.atomic():
        if wish:
            wish.claim(job.pk)
        if once:
            # Of two uploads of the same at the same time, the second looks after the first wrote.
            User.objects.select_for_update().filter(pk=photo.owner_id).first()
            _check_is_new(photo.owner_id, photo.sha256)
        photo.save(force_insert=True)
        job.save(force_insert=True)
        if ask:
            _ask(job)
        thumbnails.ask(photo)
    return job


def request_restore(*, job: Job) -> bool:
    """Start a job that was created; False if it is under way.

    Raises AlreadyFinishedError; Job.DoesNotExist once it is deleted.
    """
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=job.pk)
        if job.is_final:
            raise AlreadyFinishedError
        return _ask(job)


def request_new_job(*, photo: Photo, options: dict[str, Any], wish: Wish | None = None) -> Job:
    """Restore the photo (again) with the options, as a new job.

    Raises OptionsError; Photo.DoesNotExist once it is deleted; RepeatedError for a wish that was
    granted before.
    """
    chosen = endpoints.current().clean(options, width=photo.width, height=photo.height)
    with transaction.atomic():
        # Nobody deletes it meanwhile, which would fail the commit.
        photo = Photo.objects.select_for_update().get(pk=photo.pk)
        job = Job(photo=photo, owner_id=photo.owner_id, options=chosen)
        if wish:
            wish.claim(job.pk)
        photo.jobs.newest().update(is_newest=False)
        job.save(force_insert=True)
        _ask(job)
    return job


def _ask(job: Job) -> bool:
    """Make the job pending, and have it submitted once that is committed."""
    if not job.advance(Status.PENDING, now=timezone.now()):
        return False
    job.ahead = places.of(job)
    job.moved().make()
    # robust: with the broker down the job is kept all the same, and the reconciler submits it.
    transaction.on_commit(lambda: _submit(str(job.pk)), robust=True)
    return True


def _submit(job_id: str) -> None:
    tasks.submit_job.delay(job_id=job_id)
