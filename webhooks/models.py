"""What came to our webhooks, and what became of it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from jobs.models import Attempt


class Kind(models.TextChoices):
    """At which address it came."""

    COMPLETION = "completion"
    PROGRESS = "progress"


class Delivery(models.Model):
    """One call, without its token, and without what is a person's: the photo and the result."""

    kind = models.CharField(max_length=10, choices=Kind)
    # Whose token it was; null for a wrong one. It goes with its job.
    attempt = models.ForeignKey(
        Attempt, models.CASCADE, null=True, blank=True, related_name="deliveries"
    )
    received_at = models.DateTimeField(default=timezone.now)
    headers = models.JSONField(default=dict, help_text="Without those that may be secret.")
    size = models.PositiveBigIntegerField(default=0, help_text="Bytes of the body, as declared.")
    # The body without `input` and `webhook`, and its long texts by their lengths.
    report = models.JSONField(null=True, blank=True)
    answer = models.PositiveSmallIntegerField(help_text="The status that we answered.")
    took_ms = models.PositiveIntegerField(help_text="From the whole body to what became of it.")
    outcome = models.CharField(max_length=300)
    replayed_at = models.DateTimeField(null=True, blank=True)
    replay_outcome = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering: ClassVar = ["-received_at", "-id"]
        # Users' own webhooks have deliveries, too.
        verbose_name = "call from RunPod"
        verbose_name_plural = "calls from RunPod"
        indexes: ClassVar = [models.Index(fields=["received_at"], name="delivery_by_time")]

    def __str__(self) -> str:
        return f"{self.kind} at {self.received_at:%Y-%m-%d %H:%M:%S}"
