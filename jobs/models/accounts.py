"""What is kept about accounts: how often they are tried, and that they are left."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Allowance(models.Model):
    """How often somebody may still try something: each try moves the time on by its price."""

    # Made of what is tried and who tries, which are not kept.
    key = models.CharField(max_length=64, primary_key=True)
    # In the past: nothing is spent.
    spent_until = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"spent until {self.spent_until}"


class Closing(models.Model):
    """An account that its owner has left. What it has is deleted bit by bit, and it last."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    # Until when a worker has it to itself.
    leased_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"account {self.pk}"
