"""Photos, jobs and restores for operators: to read."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from events.admin import ReadOnlyAdmin

from . import circuit, reconciliation, withdrawal
from .models import (
    ApiToken,
    Attempt,
    Circuit,
    Delivery,
    Fetch,
    Job,
    Photo,
    Restore,
    Webhook,
)


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
    fields = ("runpod_job_id", "runpod_status", "created_at", "heard_at", "ended_at", "lost_at")
    readonly_fields = fields
    extra = 0
    can_delete = False


class Operated(ReadOnlyAdmin):
    """Rows about which something can be done, by who has Django's permission to change them."""

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Allow the actions to who may change such rows."""
        return admin.ModelAdmin.has_change_permission(self, request)


@admin.register(Job)
class JobAdmin(Operated):
    """Jobs, newest first, with their attempts."""

    list_display = ("id", "photo", "status", "progress", "stage", "error_code", "created_at")
    list_filter = ("status", "stage", "error_code", "created_at")
    list_select_related = ("photo",)
    search_fields = ("id", "photo__id", "attempts__runpod_job_id")
    inlines: ClassVar = [AttemptInline]
    actions = ("cancel", "ask_runpod")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the list; and first of all, if nothing is submitted, why."""
        state = circuit.current()
        if state.opened_at:
            messages.warning(request, f"Nothing is submitted to RunPod: {state.reason}")
        return super().changelist_view(request, extra_context)

    @admin.action(description="Cancel", permissions=["operate"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        """Cancel those that are not finished."""
        count = withdrawal.cancel_all(jobs=queryset)
        messages.success(request, f"{count} cancelled; the others were finished.")

    @admin.action(description="Ask RunPod now", permissions=["operate"])
    def ask_runpod(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        """Have the reconciler look after them in its next round, and not when they are due."""
        count = reconciliation.hurry(jobs=queryset, now=timezone.now())
        messages.success(request, f"{count} will be looked after within seconds.")


@admin.register(Circuit)
class CircuitAdmin(Operated):
    """Whether jobs are submitted, and why not."""

    list_display = ("__str__", "code", "opened_at", "probe_at", "waiting")
    actions = ("try_now",)

    @admin.display(description="Jobs on hold")
    def waiting(self, row: Circuit) -> int:
        """Return how many jobs wait for it."""
        return Job.objects.on_hold().count()

    @admin.action(description="Try again now", permissions=["operate"])
    def try_now(self, request: HttpRequest, queryset: QuerySet[Circuit]) -> None:
        """Have one job submitted within seconds, or as soon as there is one."""
        if circuit.probe_now():
            messages.success(request, "The next job is let through. When it is taken, all follow.")
        else:
            messages.info(request, "RunPod takes jobs already.")


@admin.register(Restore)
class RestoreAdmin(ReadOnlyAdmin):
    """Results, newest first."""

    list_display = ("id", "job", "format", "width", "height", "bytes", "model", "created_at")
    list_filter = ("format", "model", "created_at")
    list_select_related = ("job",)
    search_fields = ("id", "job__id")
    exclude = ("image", "preview")


@admin.register(Fetch)
class FetchAdmin(ReadOnlyAdmin):
    """Results that are still to be fetched; their addresses are secrets."""

    list_display = ("attempt", "tries", "due_at", "created_at")
    list_select_related = ("attempt",)
    exclude = ("url",)


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Who holds tokens; never the tokens, of which there are only hashes."""

    list_display = ("user", "name", "scopes", "created_at", "expires_at", "last_used_at")
    list_select_related = ("user",)
    exclude = ("token_hash",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow it to who has Django's permission: deleting a token revokes it."""
        return admin.ModelAdmin.has_delete_permission(self, request, obj)


@admin.register(Webhook)
class WebhookAdmin(ReadOnlyAdmin):
    """Addresses that users registered; never the secrets that sign."""

    list_display = ("url", "owner", "event_types", "disabled_at", "disabled_reason", "created_at")
    list_filter = ("disabled_reason", "created_at")
    list_select_related = ("owner",)
    search_fields = ("id", "url", "owner__username")
    exclude = ("secret", "previous_secret")


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """What was sent to webhooks, newest first, with each try."""

    list_display = ("id", "webhook", "type", "status", "tries", "next_try_at", "created_at")
    list_filter = ("status", "type", "created_at")
    list_select_related = ("webhook",)
    search_fields = ("id", "subject", "webhook__url")
