"""The addresses of results, kept with their attempts until a task has fetched the pictures."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from celery import current_app
from django.db import transaction

from .endpoints import Result
from .models import Attempt, Fetch

_PATIENCE = timedelta(seconds=10)  # for the task that was asked for when a fetch became due


def ask(attempt: Attempt, result: Result, *, now: datetime) -> None:
    """Have the attempt's picture fetched once this transaction, which has the job's lock, is done.

    Once for an attempt, however often its end is told. robust: without a broker `overdue` finds it.
    """
    facts = {"model": result.model, "stages": result.stages, "warnings": [*result.warnings]}
    _, is_new = Fetch.objects.get_or_create(
        attempt=attempt, defaults={"url": result.url, "facts": facts, "due_at": now}
    )
    if is_new:
        task: dict[str, Any] = {"kwargs": {"attempt_id": attempt.pk}}
        # By its name: tasks stand above everything that asks for this one.
        send = current_app.send_task
        transaction.on_commit(lambda: send("jobs.tasks.fetch_result", **task), robust=True)


def is_asked(attempt: Attempt) -> bool:
    """Tell whether its picture is being fetched."""
    return Fetch.objects.filter(pk=attempt.pk).exists()


def overdue(*, now: datetime, most: int) -> list[int]:
    """Return the attempts whose pictures nobody fetches: a task was lost, or its worker died."""
    due = Fetch.objects.filter(due_at__lt=now - _PATIENCE).order_by("due_at")
    return list(due.values_list("pk", flat=True)[:most])
