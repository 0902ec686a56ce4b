"""Celery's shell around pruning."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from . import pruning


@shared_task
def prune_log() -> None:
    """Delete from the log what nobody needs any more."""
    pruning.prune(now=timezone.now())
