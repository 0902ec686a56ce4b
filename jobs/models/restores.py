"""Results, and those that are still to be fetched."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from .attempts import Attempt
from .jobs import Job


class Fetch(models.Model):
    """A result of which RunPod told the address: the row lasts until the picture is here, or lost.

    So nobody's death in the middle costs it, and a repeated report starts no second one.
    """

    attempt = models.OneToOneField(Attempt, models.CASCADE, primary_key=True)
    # Empty where our own worker has left it with us.
    url = models.TextField(blank=True, help_text="A secret: it may be signed.")
    # What the worker told beside it, for the Restore.
    facts = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    # When it is tried next; while somebody is at it, when they are taken for dead.
    due_at = models.DateTimeField(db_index=True)
    tries = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name_plural = "fetches"

    def __str__(self) -> str:
        return f"fetch of {self.attempt_id}"


class Restore(models.Model):
    """The result of a completed job."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job = models.OneToOneField(Job, models.CASCADE, related_name="restore")
    image = models.FileField(upload_to="restores", max_length=200)
    preview = models.FileField(upload_to="previews", max_length=200)
    format = models.CharField(max_length=10)
    width = models.PositiveIntegerField(help_text="Pixels.")
    height = models.PositiveIntegerField(help_text="Pixels.")
    bytes = models.PositiveBigIntegerField()
    model = models.CharField(max_length=100, blank=True, help_text="What the worker calls itself.")
    # What each stage of the worker did and how long it took, as the worker tells it.
    stages = models.JSONField(default=list, blank=True)
    # What went wrong all the same, in the worker's words.
    warnings = models.JSONField(default=list, blank=True)
    has_thumbnails = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    # Of a photo's results, the one chosen last is the one that is shown; a new one is, at first.
    chosen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        indexes: ClassVar = [
            models.Index(
                fields=["created_at"],
                condition=Q(has_thumbnails=False),
                name="restore_without_thumbnails",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)
