"""Deliveries for operators: to read, and to replay."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from events.admin import ReadOnlyAdmin

from . import deliveries
from .models import Delivery


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """Every call, newest first, and what became of it."""

    list_display = ("received_at", "kind", "answer", "outcome", "took_ms", "job")
    list_filter = ("kind", "answer", "outcome", "received_at")
    list_select_related = ("attempt",)
    search_fields = ("attempt__runpod_job_id", "attempt__job__id")
    actions = ("replay",)

    @admin.display(description="Job")
    def job(self, row: Delivery) -> Any:
        """Return the id of its job."""
        return row.attempt.job_id if row.attempt else None

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """Allow it to who may change such rows."""
        return admin.ModelAdmin.has_change_permission(self, request)

    @admin.action(description="Replay", permissions=["replay"])
    def replay(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        """Take them in once more, the oldest first, and say what became of each."""
        for delivery in queryset.select_related("attempt").order_by("received_at", "id"):
            outcome = deliveries.replay(delivery=delivery)
            messages.info(request, f"{delivery}: {outcome}")
