"""The rows of the stage, written by a process that has Django set up."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.contrib.sessions.backends.db import SessionStore
from django.core import signing
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.views import csrf
from PIL import Image, ImageEnhance

from jobs import callbacks, intake, lifecycle, mails, places, sharing, thumbnails
from jobs.models import ApiToken, Attempt, Delivery, Job, Restore, Share, Status, Webhook
from jobs.outgoing.rules import EVENT_TYPES
from jobs.runpod import Report
from photorestore import errors

_SAMPLES = Path(settings.BASE_DIR) / "restorer" / "samples"
_TITLES = {
    "done": "Gran, 1961",
    "running": "The harbour",
    "failed": "Uncle Tom with his camera",
    "queued": "A wedding whose names nobody remembers any more, not even Aunt Ada",
    "new": "Moon",
}


def make(more: int) -> dict[str, Any]:
    """Write them; return the sessions' keys, the pages' paths, and the pages of what goes wrong."""
    others = User.objects.exclude(email="").count() or ""  # of another stage
    users = {
        who: User.objects.create_user(f"{name}{others}", f"{name}@photos.example", "x")
        for who, name in {"full": "ada", "empty": "ben", "other": "cleo"}.items()
    }
    jobs = _jobs(users["full"], more)
    _make_thumbnails()
    paths = {**_photos(jobs), **_shares(jobs), **_letters(users)}
    return {
        "sessions": {name: _session(user) for name, user in users.items()},
        "paths": {**paths, **_programs(users["full"]), **{name: f"/{name}/" for name in _ERRORS}},
        "errors": {f"/{name}/": _error(name) for name in _ERRORS},
    }


def _jobs(owner: User, more: int) -> dict[str, Job]:
    files = cycle(sorted(_SAMPLES.glob("*.jpg")))
    for number in range(more):
        _completed(_job(owner, next(files), f"Album, page {number + 1}"))
    jobs = {
        name: _job(owner, next(files), title, ask=name != "new") for name, title in _TITLES.items()
    }
    _set(jobs)
    return jobs


def report(photo: str, status: str) -> None:
    """Report so of the photo's newest job."""
    job = Job.objects.newest().get(photo=UUID(photo))
    output = {"output": _output(job)} if status == "COMPLETED" else {}
    _report(job, status, **output)


def ask_again(photo: str) -> None:
    """Ask for the photo again, without the task."""
    newest = Job.objects.newest().get(photo=UUID(photo))
    Job.objects.filter(pk=newest.pk).update(is_newest=False)
    _ask(Job.objects.create(photo=newest.photo, owner_id=newest.owner_id))


def _job(owner: User, path: Path, title: str, *, ask: bool = True) -> Job:
    job = intake.upload(owner=owner, file=io.BytesIO(path.read_bytes()), title=title)
    if ask:
        _ask(job)
    return job


def _ask(job: Job) -> None:
    """Ask for it without the task, which would have it restored."""
    job.advance(Status.PENDING, now=timezone.now())
    job.ahead = places.of(job)
    job.moved().make()


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
        )
        _ask(older)
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


def _photos(jobs: dict[str, Job]) -> dict[str, str]:
    paths = {
        f"photo-{name}": reverse("jobs:photo", args=[job.photo_id]) for name, job in jobs.items()
    }
    return {**paths, "delete": reverse("jobs:delete", args=[jobs["new"].photo_id])}


def _shares(jobs: dict[str, Job]) -> dict[str, str]:
    shares = {
        "shared": sharing.share(photo=jobs["done"].photo),
        "shared-locked": sharing.share(photo=jobs["new"].photo, password="x"),
        "shared-expired": sharing.share(photo=jobs["failed"].photo),
    }
    Share.objects.filter(pk=shares["shared-expired"].pk).update(expires_at=timezone.now())
    return {
        name: reverse("jobs:shared", args=[sharing.token_of(share)])
        for name, share in shares.items()
    }


def _letters(users: dict[str, User]) -> dict[str, str]:
    """Return where letters to them would lead."""
    uid = urlsafe_base64_encode(force_bytes(users["other"].pk))
    token = default_token_generator.make_token(users["other"])
    change = [users["full"].pk, users["full"].email, "new@photos.example"]
    address = signing.dumps(change, salt=mails._SALT, compress=True)
    return {
        "reset-link": reverse("jobs:reset-confirm", args=[uid, token]),
        "email-link": reverse("jobs:confirm-email", args=[address]),
    }


def _programs(user: User) -> dict[str, str]:
    """Make the user tokens and webhooks of all kinds; return the webhooks' paths."""
    now = timezone.now()
    ApiToken.make(user=user, name="The scanner in the library", expires_at=now + timedelta(90))
    ApiToken.make(user=user, name="Old laptop", scopes=["read"], expires_at=now)
    ApiToken.make(user=user)
    ApiToken.objects.filter(scopes=["read"]).update(last_used_at=now)
    hooks = {
        "webhook": _webhook(user, "https://shop.example/hooks/a-rather-long-name/of-a-place"),
        "webhook-silent": _webhook(user, "https://gone.example/", disabled_reason="gone"),
    }
    for status in ("delivered", "failed", "pending"):
        _delivery(hooks["webhook"], status)
    return {name: reverse("jobs:webhook", args=[hook.pk]) for name, hook in hooks.items()}


def _webhook(user: User, url: str, **fields: str) -> Webhook:
    off = timezone.now() if fields else None
    types = [*EVENT_TYPES]
    return Webhook.objects.create(
        owner=user, url=url, secret="x", event_types=types, disabled_at=off, **fields
    )


def _delivery(webhook: Webhook, status: str) -> None:
    now = timezone.now()
    refused = {"at": now.isoformat(), "status": None, "error": "It cannot be connected.", "ms": 31}
    answered = {"at": now.isoformat(), "status": 200, "error": None, "ms": 187}
    Delivery.objects.create(
        webhook=webhook,
        type="timed_out" if status == "failed" else "completed",
        subject=uuid4(),
        body="{}",
        status=status,
        log=[refused, answered] if status == "delivered" else [refused],
        # No worker sends it while somebody looks.
        next_try_at=now + timedelta(days=1) if status == "pending" else None,
        created_at=now,
    )


_ERRORS: dict[str, Callable[[HttpRequest], HttpResponse]] = {
    "400": lambda request: errors.bad_request(request, BadRequest()),
    "403": lambda request: errors.permission_denied(request, PermissionDenied()),
    "403-csrf": lambda request: csrf.csrf_failure(request),
    "405": lambda request: render(request, "405.html"),
    "413": lambda request: errors.too_large(request, megabytes=200),
    "500": errors.server_error,
    "503": errors._unavailable,
}


def _error(name: str) -> str:
    request = RequestFactory().get(f"/{name}/", headers={"Accept": "text/html"})
    return _ERRORS[name](request).content.decode()
