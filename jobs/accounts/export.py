"""What somebody takes with them: everything that is kept of them, as JSON and pictures."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Prefetch, Q, QuerySet
from django.db.models.fields.files import FieldFile
from django.utils import timezone
from django.utils.text import slugify

from ..archives import Entry
from ..models import ApiToken, Job, Photo, Webhook
from ..snapshots import snapshot

DOCUMENT = "photorestore.json"
_OF_TOKENS = ("name", "scopes", "created_at", "expires_at", "last_used_at")
_OF_WEBHOOKS = ("url", "event_types", "created_at", "disabled_at", "disabled_reason")
_BATCH = 100  # photos that are in memory at a time
_CHUNK = 256 * 1024  # bytes of a file, likewise


def entries(user: User) -> Iterator[Entry]:
    """Yield what an archive of the user's data consists of; a little of it in memory at a time.

    A picture that is deleted meanwhile is missing.
    """
    yield DOCUMENT, _document(user)
    for photo in _photos(user):
        for name, file in _files(photo).items():
            yield from _entry(name, file)


def _document(user: User) -> Iterator[bytes]:
    head = {
        "exported_at": timezone.now(),
        "account": _account(user),
        "api_tokens": _rows(ApiToken.objects.filter(user=user), _OF_TOKENS),
        "webhooks": _rows(Webhook.objects.filter(owner=user), _OF_WEBHOOKS),
    }
    _release()
    yield _json(head)[:-1] + b',"photos":['
    separator = b""
    for photo in _photos(user):
        yield separator + _json(_photo(photo))
        separator = b",\n"
    yield b"]}\n"


def _json(data: Any) -> bytes:
    return json.dumps(data, default=datetime.isoformat, ensure_ascii=False).encode()


def _account(user: User) -> dict[str, Any]:
    return {
        "username": user.username,
        "email": user.email,
        "joined_at": user.date_joined,
        "last_signed_in_at": user.last_login,
    }


def _rows(rows: QuerySet[Any], names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows without what is secret, the oldest first."""
    return [{name: getattr(row, name) for name in names} for row in rows.order_by("created_at")]


def _photos(user: User) -> Iterator[Photo]:
    """Yield the user's photos, the oldest first.

    No query is open and no connection is held while somebody downloads what was read.
    """
    jobs = Prefetch("jobs", Job.objects.select_related("restore").order_by("created_at", "pk"))
    photos = Photo.objects.filter(owner=user).select_related("share").prefetch_related(jobs)
    photos = photos.order_by("created_at", "pk")
    batch = list(photos[:_BATCH])
    while batch:
        _release()
        yield from batch
        last = batch[-1]
        later = Q(created_at__gt=last.created_at) | Q(created_at=last.created_at, pk__gt=last.pk)
        batch = list(photos.filter(later)[:_BATCH])
    _release()


def _release() -> None:
    """Give the connection back: the next chunk may be asked for by another thread, or never."""
    if not connection.in_atomic_block:
        connection.close()


def _photo(photo: Photo) -> dict[str, Any]:
    names = iter(_files(photo))
    return {
        "id": str(photo.pk),
        "title": photo.title,
        "format": photo.format,
        "width": photo.width,
        "height": photo.height,
        "bytes": photo.bytes,
        "sha256": photo.sha256,
        "created_at": photo.created_at,
        "shared_until": photo.share.expires_at if hasattr(photo, "share") else None,
        "file": next(names),
        "jobs": [_job(job, names) for job in photo.jobs.all()],
    }


def _job(job: Job, names: Iterator[str]) -> dict[str, Any]:
    seen = snapshot(job)
    found = _without_addresses(seen)
    if seen["restore"]:
        found["restore"] = {**_without_addresses(seen["restore"]), "file": next(names)}
    return found


def _without_addresses(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data without where to find it here."""
    return {name: value for name, value in data.items() if not name.endswith("url")}


def _files(photo: Photo) -> dict[str, FieldFile]:
    """Return the photo's files by their names in the archive: the original, then each result."""
    found = {"original": photo.original}
    restores = [job.restore for job in photo.jobs.all() if hasattr(job, "restore")]
    found |= {f"restored-{n}": restore.image for n, restore in enumerate(restores, start=1)}
    return {
        f"photos/{_folder(photo)}/{stem}{PurePosixPath(file.name or '').suffix}": file
        for stem, file in found.items()
    }


def _folder(photo: Photo) -> str:
    title = slugify(photo.title, allow_unicode=True)[:60] or "photo"
    return f"{photo.created_at:%Y-%m-%d} {title} {str(photo.pk)[:8]}"


def _entry(name: str, file: FieldFile) -> Iterator[Entry]:
    try:
        opened = file.open("rb")
    except FileNotFoundError:
        return
    with opened:
        yield name, opened.chunks(_CHUNK)
