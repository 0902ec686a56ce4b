"""Wishes that were granted and are not granted twice."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models


class IdempotencyKey(models.Model):
    """What a client calls a wish, and what came of it: the wish is not granted twice."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    key_hash = models.CharField(max_length=64)
    # Of all that was asked for: another wish needs another key.
    request_hash = models.CharField(max_length=64)
    subject = models.CharField(max_length=40, help_text="The id of what was made.")
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "key_hash"], name="idempotency_key_is_unique"),
        ]

    def __str__(self) -> str:
        return f"key {self.pk}"
