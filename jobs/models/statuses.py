"""Where a job stands, and which way it goes on from there."""

from __future__ import annotations

from django.db import models


class Status(models.TextChoices):
    """Where a job stands. Its order is ORDER; there is no way back."""

    CREATED = "created"
    PENDING = "pending"
    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"


FINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.TIMED_OUT})
ORDER = {status: min(step, 4) for step, status in enumerate(Status)}
WAITING = [Status.PENDING, Status.QUEUED]
ON_HOLD = "on hold"  # the stage of a pending job that RunPod does not take for now
