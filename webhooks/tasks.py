"""Celery's shell around forgetting."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from . import deliveries


@shared_task
def prune_deliveries() -> None:
    """Delete the records that are old."""
    deliveries.prune(now=timezone.now())
