"""Events for operators: to read."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from .models import Event, Stream


class ReadOnlyAdmin(admin.ModelAdmin):
    """Shows rows and changes none: nothing can be edited into an impossible state."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False


@admin.register(Stream)
class StreamAdmin(ReadOnlyAdmin):
    """Streams with the numbers of their newest event and of the newest that was pruned."""

    list_display = ("name", "last_seq", "pruned_seq", "ended")
    list_filter = ("ended",)
    search_fields = ("name",)


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """Events, newest first."""

    list_display = ("stream", "seq", "type", "subject", "final", "transient", "created_at")
    list_filter = ("type", "final", "transient", "created_at")
    search_fields = ("stream__name", "subject")
    ordering = ("-created_at", "-id")
    list_select_related = ("stream",)
