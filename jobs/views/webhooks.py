"""My webhooks: addresses, their secrets, and what became of what was sent to them."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from ..fetching import FetchError
from ..forms import WebhookForm
from ..models import Delivery, Webhook
from ..outgoing import registry
from .shared import form_only, status_of, user_of

_PAGE = 25  # deliveries


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def webhooks(request: HttpRequest) -> HttpResponse:
    """Show my webhooks and the form for a new one."""
    form = WebhookForm(request.POST or None)
    webhook = _registered(request, form) if form.is_valid() else None
    if webhook:
        return _page(request, webhook, secret=webhook.secret)
    found = Webhook.objects.filter(owner=user_of(request))
    context = {"form": form, "webhooks": found}
    return render(request, "account/webhooks.html", context, status=status_of(form))


def _registered(request: HttpRequest, form: WebhookForm) -> Webhook | None:
    try:
        return registry.register(owner=user_of(request), **form.cleaned_data)
    except FetchError as error:
        form.add_error("url", _(error.message))
    except registry.TooManyError:
        form.add_error(None, _("You have as many webhooks as an account may have."))
    return None


@login_required
@require_safe
def webhook(request: HttpRequest, webhook_id: UUID) -> HttpResponse:
    """Show one webhook, and what was sent to it."""
    return _page(request, _webhook_of(request, webhook_id))


def _webhook_of(request: HttpRequest, webhook_id: UUID) -> Webhook:
    return get_object_or_404(Webhook, pk=webhook_id, owner=user_of(request))


def _page(request: HttpRequest, webhook: Webhook, *, secret: str = "") -> HttpResponse:
    """Show the webhook; its secret only when that was drawn just now."""
    pages = Paginator(webhook.deliveries.all(), _PAGE)
    page = pages.get_page(request.GET.get("page"))
    context = {"webhook": webhook, "secret": secret, "page": page}
    response = render(request, "account/webhook.html", context)
    response["Cache-Control"] = "no-store"
    return response


@form_only
def rotate(request: HttpRequest, webhook_id: UUID) -> HttpResponse:
    """Draw a new secret and show it, this once."""
    found = _webhook_of(request, webhook_id)
    registry.rotate(found)
    return _page(request, found, secret=found.secret)


@form_only
def switch(request: HttpRequest, webhook_id: UUID) -> HttpResponse:
    """Switch it off, or on again."""
    found = _webhook_of(request, webhook_id)
    registry.change(found, is_enabled=request.POST.get("on") == "1")
    return redirect("jobs:webhook", found.pk)


@form_only
def delete(request: HttpRequest, webhook_id: UUID) -> HttpResponse:
    """Delete it, with what was to be sent to it."""
    _webhook_of(request, webhook_id).delete()
    messages.success(request, _("The webhook was deleted."))
    return redirect("jobs:webhooks")


@form_only
def resend(request: HttpRequest, webhook_id: UUID, delivery_id: UUID) -> HttpResponse:
    """Send a delivery again."""
    rows = Delivery.objects.filter(webhook=_webhook_of(request, webhook_id))
    delivery = get_object_or_404(rows.select_related("webhook"), pk=delivery_id)
    try:
        registry.resend(delivery)
        messages.success(request, _("It is sent again."))
    except registry.DisabledError:
        messages.error(request, _("Switch the webhook on first."))
    return redirect("jobs:webhook", webhook_id)
