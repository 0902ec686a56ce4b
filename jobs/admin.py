"""Photos, jobs and restores for operators: to read."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest

from events.admin import ReadOnlyAdmin

from .models import ApiToken, Attempt, Job, Photo, Restore


@admin.register(Photo)
class PhotoAdmin(ReadOnlyAdmin):
    """Photos, newest first, without their pictures: those are their owners'."""

    list_display = ("id", "title", "owner", "format", "width", "height", "bytes", "created_at")
    list_filter = ("format", "created_at")
    list_select_related = ("owner",)
    search_fields = ("id", "title", "owner__username")
    exclude = ("original", "image", "preview")


class AttemptInline(admin.TabularInline):
    """A job's submits."""

    model = Attempt
    fields = ("runpod_job_id", "created_at", "lost_at")
    readonly_fields = fields
    extra = 0
    can_delete = False


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    """Jobs, newest first, with their attempts."""

    list_display = ("id", "photo", "status", "progress", "stage", "error_code", "created_at")
    list_filter = ("status", "error_code", "created_at")
    list_select_related = ("photo",)
    search_fields = ("id", "photo__id", "attempts__runpod_job_id")
    inlines: ClassVar = [AttemptInline]


@admin.register(Restore)
class RestoreAdmin(ReadOnlyAdmin):
    """Results, newest first."""

    list_display = ("id", "job", "format", "width", "height", "bytes", "model", "created_at")
    list_filter = ("format", "model", "created_at")
    list_select_related = ("job",)
    search_fields = ("id", "job__id")
    exclude = ("image", "preview")


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Who holds tokens; never the tokens, of which there are only hashes."""

    list_display = ("user", "name", "scopes", "created_at", "expires_at", "last_used_at")
    list_select_related = ("user",)
    exclude = ("token_hash",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow it to who has Django's permission: deleting a token revokes it."""
        return admin.ModelAdmin.has_delete_permission(self, request, obj)
