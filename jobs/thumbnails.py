"""The thumbnails of photos and results: asked for, made by a task, kept beside the previews.

Their names follow from the row's id, so that no row is needed for each.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

from celery import current_app
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.db import transaction

from . import pictures
from .models import Photo, Restore

logger = logging.getLogger(__name__)

KINDS: dict[str, Any] = {"photo": Photo, "restore": Restore}
_PATIENCE = timedelta(minutes=1)  # for the task that was asked for when the row was written


def ask(of: Photo | Restore) -> None:
    """Have the thumbnails made, once this transaction is committed.

    robust: without a broker `missing` finds the row later; the preview stands in until then.
    """
    [kind] = [name for name, model in KINDS.items() if isinstance(of, model)]
    task: dict[str, Any] = {"kwargs": {"kind": kind, "id": str(of.pk)}}
    # By its name: tasks stand above everything that asks for this one.
    send = current_app.send_task
    transaction.on_commit(lambda: send("jobs.tasks.make_thumbnails", **task), robust=True)


def missing(*, now: datetime, most: int) -> Iterator[tuple[str, UUID]]:
    """Yield the kind and id of what should have thumbnails by now and has not, newest first."""
    for kind, model in KINDS.items():
        since = now - _PATIENCE
        rows = model.objects.filter(has_thumbnails=False, created_at__lt=since)
        rows = rows.order_by("-created_at")
        yield from ((kind, pk) for pk in rows.values_list("pk", flat=True)[:most])


def make(*, kind: str, id: str) -> None:
    """Make the thumbnails of the photo or result, unless it has them or is gone."""
    rows = KINDS[kind].objects.filter(pk=id)
    of: Photo | Restore | None = rows.first()
    if of is None or of.has_thumbnails:
        return
    try:
        _make(of)
    except FileNotFoundError:
        if rows.exists():
            raise
    if not rows.update(has_thumbnails=True):
        # It was deleted meanwhile, and whoever did so may have looked for them too early.
        for stored in names(of.pk):
            default_storage.delete(stored)


def _make(of: Photo | Restore) -> None:
    with of.preview.open("rb") as preview:
        for side, extension, data in pictures.thumbnails(preview):
            _store(name(of.pk, side, extension), data)


def _store(wanted: str, data: bytes) -> None:
    default_storage.delete(wanted)  # what a task left that did not come to its end
    stored = default_storage.save(wanted, ContentFile(data))
    if stored != wanted:  # a task for the same was quicker in between
        default_storage.delete(stored)


def name(id: UUID, side: int, extension: str) -> str:
    """Return the name under which one is stored."""
    return f"thumbnails/{id}-{side}.{extension}"


def names(id: UUID) -> list[str]:
    """Return the names of all that a photo or result has or may have."""
    return [name(id, *which) for which in product(pictures.SIDES, pictures.EXTENSIONS)]


def exists(side: int, extension: str) -> bool:
    """Tell whether thumbnails of that size and kind are made at all."""
    return side in pictures.SIDES and extension in pictures.EXTENSIONS


def opened(of: Photo | Restore, side: int, extension: str) -> File:
    """Return the open file of one. Raises FileNotFoundError where there is none."""
    if not exists(side, extension):
        raise FileNotFoundError
    return default_storage.open(name(of.pk, side, extension))
