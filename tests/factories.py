"""Plain, typed makers of what tests begin with."""

from __future__ import annotations

import base64
import io
from typing import Any

from django.contrib.auth.models import User
from PIL import Image

from jobs import callbacks, intake
from jobs.models import Attempt, Job, Status
from jobs.runpod import Report


def picture(
    format: str = "JPEG", size: tuple[int, int] = (64, 48), mode: str = "RGB", **save: Any
) -> bytes:
    """Return an encoded picture: a gradient, so that no decoder can get by with one colour."""
    image = Image.linear_gradient("L").resize(size).convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, format, **save)
    return buffer.getvalue()


def user(username: str = "ada", **fields: Any) -> User:
    """Return a user with the password "secret"."""
    return User.objects.create_user(username, password="secret", **fields)


def job(owner: User | None = None, *, status: Status = Status.CREATED, **upload: Any) -> Job:
    """Return the job of a newly uploaded photo, at the status (none of the final ones)."""
    file = io.BytesIO(upload.pop("file", picture()))
    made = intake.upload(owner=owner or user(), file=file, **upload)
    if status != Status.CREATED:
        Job.objects.filter(pk=made.pk).update(status=status)
        made.refresh_from_db()
    return made


def attempt(of: Job) -> tuple[Attempt, str]:
    """Return a new attempt of the job, and its token."""
    return callbacks.open_attempt(of)


def report(status: str = "COMPLETED", **fields: Any) -> Report:
    """Return a report; a completed one has a picture."""
    if status == "COMPLETED" and "output" not in fields:
        fields["output"] = {"image_base64": base64.b64encode(picture("PNG")).decode()}
    return Report(id=fields.pop("id", "runpod-1"), status=status, **fields)
