"""The one public shape of a job: what the API answers, pages show and events carry."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import Any, TypedDict, overload
from uuid import UUID

from django.db.models import DateTimeField
from django.urls import get_script_prefix, reverse

from events import log
from events.models import DELETED

from .models import FINAL, Job, Restore, Status

_NOBODY = UUID(int=0)
# What stands for a job's column in a snapshot of marks. An id stands in other texts, too.
_MARK = re.compile(r'(<id>|<photo_id>|"<\w+>")')
# As `iso` and `events.log.text` write them.
_ISO = 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'
_ESCAPED = ("0085", "2028", "2029")


class RestoreSnapshot(TypedDict):
    """A result: sizes in pixels and bytes, addresses relative to the site's root."""

    id: str
    image_url: str
    preview_url: str
    thumbnails_url: str
    format: str
    width: int
    height: int
    bytes: int


class ErrorSnapshot(TypedDict):
    """Why there is no result, and whether a new job for the photo may succeed."""

    code: str
    message: str
    retryable: bool


class JobSnapshot(TypedDict):
    """A job as clients see it, complete every time.

    `progress` is per cent; `ahead`, while it waits, how many jobs are before it at most.
    """

    job_id: str
    photo_id: str
    restore_id: str | None
    status: str
    progress: int
    stage: str | None
    ahead: int | None
    options: dict[str, Any]
    restore: RestoreSnapshot | None
    error: ErrorSnapshot | None
    created_at: str
    requested_at: str | None
    queued_at: str | None
    started_at: str | None
    finished_at: str | None
    url: str
    events_url: str


def snapshot(job: Job) -> JobSnapshot:
    """Return the job as clients see it."""
    # Others have none, and are not asked.
    restore = job.restore if job.status == Status.COMPLETED else None
    return {
        "job_id": str(job.pk),
        "photo_id": str(job.photo_id),
        "restore_id": str(restore.pk) if restore else None,
        "status": job.status,
        "progress": job.progress,
        "stage": job.stage or None,
        "ahead": job.ahead if job.waits else None,
        "options": job.options,
        "restore": restore_snapshot(restore) if restore else None,
        "error": _error(job),
        "created_at": iso(job.created_at),
        "requested_at": iso(job.requested_at),
        "queued_at": iso(job.queued_at),
        "started_at": iso(job.started_at),
        "finished_at": iso(job.finished_at),
        "url": _address("api:job", job.pk),
        "events_url": _address("events:one", job.pk),
    }


def farewell(job: Job) -> JobSnapshot:
    """Return the last that clients see of a job that is deleted: there is no result any more."""
    return {**snapshot(job), "status": DELETED, "restore_id": None, "restore": None, "error": None}


def restore_snapshot(restore: Restore) -> RestoreSnapshot:
    """Return the result as clients see it."""
    return {
        "id": str(restore.pk),
        "image_url": _address("api:restore-image", restore.pk),
        "preview_url": _address("api:restore-preview", restore.pk),
        "thumbnails_url": _address("api:restore", restore.pk) + "/thumbnails/",
        "format": restore.format,
        "width": restore.width,
        "height": restore.height,
        "bytes": restore.bytes,
    }


def _error(job: Job) -> ErrorSnapshot | None:
    if not job.error_code:
        return None
    return {
        "code": job.error_code,
        "message": job.error_message,
        "retryable": job.error_retryable,
    }


def _address(name: str, id: UUID) -> str:
    """Return the address of that name, as `reverse` does: a page of jobs has hundreds of them."""
    return _address_of_nobody(name, get_script_prefix()).replace(str(_NOBODY), str(id))


@lru_cache(maxsize=64)
def _address_of_nobody(name: str, prefix: str) -> str:
    return reverse(name, args=[_NOBODY])


@overload
def iso(moment: datetime) -> str: ...


@overload
def iso(moment: datetime | None) -> str | None: ...


def iso(moment: datetime | None) -> str | None:
    """Return ISO 8601 in UTC, to the millisecond."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else None


class _Mark(str):
    """Stands for a column where the snapshot expects its value."""

    def isoformat(self, timespec: str) -> str:
        """Be a moment, too."""
        return self


def expression(status: Status) -> tuple[str, list[str]]:
    """Return PostgreSQL's expression for the text of a snapshot, of a row called `job`; its values.

    For a status that a job has without a result: final ones have an error. It is made of a snapshot
    whose values are marks, so that it cannot say anything else. What stands between them are the
    values: addresses begin as the request's did, which may be a stranger's word.
    """
    parts = _parts(status, get_script_prefix())
    text = f"concat({', '.join(map(_value, parts))})"
    for code in _ESCAPED:
        text = f"replace({text}, E'\\u{code}', '\\u{code}')"
    return text, list(parts[::2])


@lru_cache(maxsize=64)
def _parts(status: Status, prefix: str) -> tuple[str, ...]:
    """Return the text of a snapshot of marks, cut: every second part is a mark."""
    marks: Any = {field.attname: _Mark(f"<{field.attname}>") for field in Job._meta.fields}  # noqa: SLF001
    job = Job(**marks | {"status": status} | ({} if status in FINAL else {"error_code": ""}))
    return tuple(_MARK.split(log.text(snapshot(job))))


def _value(part: str) -> str:
    if not _MARK.fullmatch(part):
        return "%s::text"
    name = part.strip('"<>')
    column = f"job.{name}"
    if not part.startswith('"'):
        return column
    if isinstance(Job._meta.get_field(name), DateTimeField):  # noqa: SLF001
        column = f"to_char({column} AT TIME ZONE 'UTC', '{_ISO}')"
    elif name == "stage":
        column = f"nullif({column}, '')"
    return f"coalesce(to_json({column})::text, 'null')"
