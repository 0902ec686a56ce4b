"""Files of photos and results that have no row: whoever was to delete them died before, or failed.

An upload's files come before its row, as a result's do, so that young ones are let alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

from django.core.files.storage import default_storage

from .models import Photo, Restore

# Where names begin with a row's id. Uploads, whose names do not, look after themselves.
FOLDERS = ("originals", "images", "previews", "restores", "thumbnails", "conversions")
_YOUNG = timedelta(hours=1)
_BATCH = 500  # names of one question to the database
_MOST = 1000  # files that one run deletes; the next goes on
_ID = 36  # characters


def forget(*, now: datetime) -> int:
    """Delete some of them, and return how many."""
    found = list(islice(_leftovers(now - _YOUNG), _MOST))
    for name in found:
        default_storage.delete(name)
    return len(found)


def _leftovers(before: datetime) -> Iterator[str]:
    for folder in FOLDERS:
        names = iter(_stored(folder).items())
        while batch := dict(islice(names, _BATCH)):
            kept = _rows(batch.values())
            lost = (f"{folder}/{name}" for name, id in batch.items() if id not in kept)
            yield from (name for name in lost if _is_older(name, before))


def _stored(folder: str) -> Mapping[str, UUID]:
    """Return what is in the folder and named as we name files, with the id in it."""
    try:
        _, names = default_storage.listdir(folder)
    except FileNotFoundError:
        return {}
    return {name: id for name in names if (id := _id_in(name)) is not None}


def _id_in(name: str) -> UUID | None:
    with suppress(ValueError):
        return UUID(name[:_ID])
    return None


def _rows(ids: Iterable[UUID]) -> set[UUID]:
    """Return which of them are a photo's, or a result's."""
    wanted = set(ids)
    photos = Photo.objects.filter(pk__in=wanted).values_list("pk", flat=True)
    results = Restore.objects.filter(pk__in=wanted).values_list("pk", flat=True)
    return {*photos, *results}


def _is_older(name: str, before: datetime) -> bool:
    try:
        return default_storage.get_modified_time(name) < before
    except FileNotFoundError:  # deleted in between
        return False
