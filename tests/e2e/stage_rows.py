"""The rows of the stage, written by a process that has Django set up."""

from __future__ import annotations

import base64
import io
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.urls import reverse
from django.utils import timezone
from PIL import Image, ImageEnhance

from jobs import callbacks, intake, lifecycle, sharing, thumbnails
from jobs.models import Attempt, Job, Restore
from jobs.runpod import Report

_SAMPLES = Path(settings.BASE_DIR) / "restorer" / "samples"
_TITLES = {
    "done": "Gran, 1961",
    "running": "The harbour",
    "failed": "Uncle Tom with his camera",
    "queued": "A wedding whose names nobody remembers any more, not even Aunt Ada",
    "new": "Moon",
}


def make(more: int) -> dict[str, Any]:
    """Write them; return the sessions' keys and the pages' paths."""
    others = User.objects.count() or ""  # of another stage, it may be
    full, empty = (User.objects.create_user(f"{name}{others}") for name in ("full", "empty"))
    files = cycle(sorted(_SAMPLES.glob("*.jpg")))
    for number in range(more):
        _completed(_job(full, next(files), f"Album, page {number + 1}"))
    jobs = {
        name: _job(full, next(files), title, ask=name != "new") for name, title in _TITLES.items()
    }
    _set(jobs)
    _make_thumbnails()
    return {
        "sessions": {"full": _session(full), "empty": _session(empty)},
        "paths": _paths(jobs),
    }


def report(photo: str, status: str) -> None:
    """Report so of the photo's newest job."""
    job = Job.objects.newest().get(photo=UUID(photo))
    output = {"output": _output(job)} if status == "COMPLETED" else {}
    _report(job, status, **output)


def ask_again(photo: str) -> None:
    """Ask for the photo again, without the task."""
    newest = Job.objects.newest().get(photo=UUID(photo))
    Job.objects.filter(pk=newest.pk).update(is_newest=False)
    Job.objects.create(
        photo=newest.photo,
        owner_id=newest.owner_id,
        status="pending",
        requested_at=timezone.now(),
    )


def _job(owner: User, path: Path, title: str, *, ask: bool = True) -> Job:
    job = intake.upload(owner=owner, file=io.BytesIO(path.read_bytes()), title=title)
    if ask:  # without the task, which would have it restored
        Job.objects.filter(pk=job.pk).update(status="pending", requested_at=timezone.now())
        job.refresh_from_db()
    return job


def _set(jobs: dict[str, Job]) -> None:
    done = _completed(jobs["done"])
    _report(jobs["running"], "IN_PROGRESS")
    attempt = jobs["running"].attempts.get()
    lifecycle.apply_progress(attempt=attempt, fraction=0.4, stage="noise")
    _report(jobs["failed"], "FAILED", error="The worker ran out of memory.")
    _report(jobs["queued"], "IN_QUEUE")
    Job.objects.filter(pk=done.pk).update(created_at=timezone.now() - timedelta(minutes=1))
    # A result from before, and one that failed.
    for status in ("COMPLETED", "FAILED"):
        older = Job.objects.create(
            photo=done.photo,
            owner_id=done.owner_id,
            options={"scale": 2},
            is_newest=False,
            status="pending",
            requested_at=timezone.now(),
        )
        _report(older, status, **({} if status == "FAILED" else {"output": _output(older)}))
        Job.objects.filter(pk=older.pk).update(created_at=timezone.now() - timedelta(days=1))
    Restore.objects.filter(job=done).update(chosen_at=timezone.now())
    _leave_alone()


def _leave_alone() -> None:
    """Have nobody look after them: RunPod knows nothing of them."""
    tomorrow = timezone.now() + timedelta(days=1)
    Job.objects.update(heard_at=tomorrow)
    Attempt.objects.update(look_at=tomorrow)


def _completed(job: Job) -> Job:
    _report(job, "COMPLETED", output=_output(job))
    return job


def _report(job: Job, status: str, **fields: Any) -> None:
    attempt, _ = callbacks.open_attempt(job)
    _leave_alone()
    report = Report(id=f"stage-{attempt.pk}", status=status, **fields)
    lifecycle.apply_report(attempt=attempt, report=report)
    _leave_alone()


def _output(job: Job) -> dict[str, str]:
    with Image.open(job.photo.image) as photo:
        result = ImageEnhance.Color(
            ImageEnhance.Contrast(photo.convert("RGB")).enhance(1.4)
        ).enhance(1.3)
    buffer = io.BytesIO()
    result.save(buffer, "JPEG", quality=90)
    return {"image_base64": base64.b64encode(buffer.getvalue()).decode()}


def _make_thumbnails() -> None:
    for kind, model in thumbnails.KINDS.items():
        for id in model.objects.values_list("pk", flat=True):
            thumbnails.make(kind=kind, id=str(id))


def _session(user: User) -> str:
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    assert session.session_key
    return session.session_key


def _paths(jobs: dict[str, Job]) -> dict[str, str]:
    photos = {
        f"photo-{name}": reverse("jobs:photo", args=[job.photo_id]) for name, job in jobs.items()
    }
    share = sharing.share(photo=jobs["done"].photo)
    locked = sharing.share(photo=jobs["new"].photo, password="x")
    return {
        **photos,
        "delete": reverse("jobs:delete", args=[jobs["new"].photo_id]),
        "shared": reverse("jobs:shared", args=[sharing.token_of(share)]),
        "shared-locked": reverse("jobs:shared", args=[sharing.token_of(locked)]),
    }
