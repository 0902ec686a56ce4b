"""Webhooks: mine, their secrets, and what became of what was sent to them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from events.problems import Problem

from ..fetching import FetchError
from ..idempotency import Wish
from ..models import Delivery, Scope, Webhook
from ..outgoing import registry
from ..outgoing.rules import EVENT_TYPES
from . import wishes
from .documents import PageDocument, page
from .filters import DeliveryFilters, PageFilters, filters
from .forms import Flag, StrictForm, one_of
from .schema import describe
from .views import ApiView


class WebhookDocument(TypedDict):
    """A webhook as its owner sees it, without its secret."""

    id: str
    url: str
    event_types: list[str]
    is_enabled: bool
    disabled_at: datetime | None
    disabled_reason: str | None
    created_at: datetime
    deliveries_url: str


class NewWebhookDocument(WebhookDocument):
    """A new webhook, and with it, this once, the secret that signs."""

    secret: str


class SecretDocument(TypedDict):
    """A new secret, and until when the one before signs beside it."""

    secret: str
    previous_until: datetime


class TryDocument(TypedDict):
    """One try: when, what was answered or else why nothing was, and how long it took."""

    at: str
    status: int | None
    error: str | None
    ms: int


class DeliveryDocument(TypedDict):
    """An event on its way to a webhook."""

    id: str
    type: str
    job_id: str
    status: str
    next_try_at: datetime | None
    tries: list[TryDocument]
    created_at: datetime


class WebhookPage(PageDocument):
    """A page of webhooks."""

    results: list[WebhookDocument]


class DeliveryPage(PageDocument):
    """A page of deliveries."""

    results: list[DeliveryDocument]


@extend_schema_field({"type": "string", "format": "uri", "maxLength": 500})
class Address(serializers.CharField):
    """An address to be called; which ones are is decided where it is registered."""


class EventTypes(serializers.ListField):
    """Types of events, each once, in their order."""

    child = one_of(EVENT_TYPES)

    def to_internal_value(self, data: Any) -> list[str]:
        """Return the types. Raises ValidationError."""
        chosen = super().to_internal_value(data)
        return [type for type in EVENT_TYPES if type in chosen]


class WebhookForm(StrictForm):
    """A new webhook: an address, and what it shall be told."""

    url = Address(max_length=500)
    event_types = EventTypes(min_length=1)


class WebhookChangeForm(StrictForm):
    """What of a webhook shall be different."""

    url = Address(max_length=500, required=False)
    event_types = EventTypes(min_length=1, required=False)
    is_enabled = Flag(required=False)


class WebhookList(ApiView):
    """My webhooks, and new ones."""

    scope = Scope.EVENTS

    @describe("listWebhooks", {200: WebhookPage}, filters=PageFilters)
    def get(self, request: Request) -> Response:
        """List my webhooks, newest first."""
        found = filters(PageFilters, request)
        rows = found.by_time(Webhook.objects.filter(owner=request.user.pk))
        return page(self, request, rows, _documents, limit=found.limit_of_page)

    @describe("createWebhook", {201: NewWebhookDocument}, takes=WebhookForm, key=True)
    def post(self, request: Request) -> Response:
        """Register an address. 201 with the secret, which is shown this once."""
        form = WebhookForm(data=request.data)
        form.is_valid(raise_exception=True)
        id = wishes.grant(request, lambda wish: _registered(request, form.validated_data, wish))
        webhook = _webhook_of(request, UUID(id))
        document: NewWebhookDocument = {**webhook_document(webhook), "secret": webhook.secret}
        url = reverse("api:webhook", args=[webhook.pk])
        return Response(document, status=201, headers={"Location": url})


def _registered(request: Request, given: dict[str, Any], wish: Wish | None) -> UUID:
    try:
        return registry.register(owner=request.user, wish=wish, **given).pk
    except FetchError as error:
        raise Problem(400, error.code, error.message) from error
    except registry.TooManyError as error:
        detail = f"An account has at most {registry.MOST} webhooks."
        raise Problem(409, "too_many_webhooks", detail) from error


class WebhookDetail(ApiView):
    """One webhook of mine."""

    scope = Scope.EVENTS

    @describe("getWebhook", {200: WebhookDocument})
    def get(self, request: Request, webhook_id: UUID) -> Response:
        """Return it."""
        return Response(webhook_document(_webhook_of(request, webhook_id)))

    @describe("changeWebhook", {200: WebhookDocument}, takes=WebhookChangeForm)
    def patch(self, request: Request, webhook_id: UUID) -> Response:
        """Change its address or its events, or switch it off or on again."""
        webhook = _webhook_of(request, webhook_id)
        form = WebhookChangeForm(data=request.data)
        form.is_valid(raise_exception=True)
        try:
            registry.change(webhook, **form.validated_data)
        except FetchError as error:
            raise Problem(400, error.code, error.message) from error
        return Response(webhook_document(webhook))

    @describe("deleteWebhook", {204: None})
    def delete(self, request: Request, webhook_id: UUID) -> Response:
        """Delete it, with what was to be sent to it: 204."""
        _webhook_of(request, webhook_id).delete()
        return Response(status=204)


class WebhookSecret(ApiView):
    """The secret of a webhook of mine. It is not read, but replaced."""

    scope = Scope.EVENTS

    @describe("replaceWebhookSecret", {201: SecretDocument}, key=True)
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Draw a new one: 201. The one before signs beside it for a day."""
        webhook = _webhook_of(request, webhook_id)
        wishes.grant(request, lambda wish: _rotated(webhook, wish))
        webhook.refresh_from_db()
        assert webhook.previous_until is not None
        document: SecretDocument = {
            "secret": webhook.secret,
            "previous_until": webhook.previous_until,
        }
        return Response(document, status=201)


def _rotated(webhook: Webhook, wish: Wish | None) -> UUID:
    registry.rotate(webhook, wish=wish)
    return webhook.pk


class DeliveryList(ApiView):
    """What was sent, and what is still to be."""

    scope = Scope.EVENTS

    @describe("listDeliveries", {200: DeliveryPage}, filters=DeliveryFilters)
    def get(self, request: Request, webhook_id: UUID) -> Response:
        """List the webhook's deliveries of the last thirty days, newest first."""
        webhook, found = _webhook_of(request, webhook_id), filters(DeliveryFilters, request)
        rows = found.of(Delivery.objects.filter(webhook=webhook))
        return page(self, request, rows, _delivery_documents, limit=found.limit_of_page)


class DeliveryResend(ApiView):
    """A delivery that shall be sent again."""

    scope = Scope.EVENTS

    @describe("resendDelivery", {202: DeliveryDocument}, key=True)
    def post(self, request: Request, webhook_id: UUID, delivery_id: UUID) -> Response:
        """Send it again at once, whatever became of it: 202. Its id stays the same."""
        rows = Delivery.objects.filter(webhook=_webhook_of(request, webhook_id))
        delivery = get_object_or_404(rows.select_related("webhook"), pk=delivery_id)
        wishes.grant(request, lambda wish: _resent(delivery, wish))
        delivery.refresh_from_db()
        return Response(delivery_document(delivery), status=202)


def _resent(delivery: Delivery, wish: Wish | None) -> UUID:
    try:
        registry.resend(delivery, wish=wish)
    except registry.DisabledError as error:
        detail = "This webhook is off. Switch it on first."
        raise Problem(409, "webhook_disabled", detail) from error
    return delivery.pk


def _webhook_of(request: Request, webhook_id: UUID) -> Webhook:
    return get_object_or_404(Webhook, pk=webhook_id, owner=request.user.pk)


def _documents(webhooks: Iterable[Webhook]) -> list[WebhookDocument]:
    return [webhook_document(webhook) for webhook in webhooks]


def webhook_document(webhook: Webhook) -> WebhookDocument:
    """Return the webhook as its owner sees it."""
    return {
        "id": str(webhook.pk),
        "url": webhook.url,
        "event_types": webhook.event_types,
        "is_enabled": webhook.disabled_at is None,
        "disabled_at": webhook.disabled_at,
        "disabled_reason": webhook.disabled_reason or None,
        "created_at": webhook.created_at,
        "deliveries_url": reverse("api:deliveries", args=[webhook.pk]),
    }


def _delivery_documents(deliveries: Iterable[Delivery]) -> list[DeliveryDocument]:
    return [delivery_document(delivery) for delivery in deliveries]


def delivery_document(delivery: Delivery) -> DeliveryDocument:
    """Return the delivery as its owner sees it."""
    return {
        "id": str(delivery.pk),
        "type": delivery.type,
        "job_id": str(delivery.subject),
        "status": delivery.status,
        "next_try_at": delivery.next_try_at,
        "tries": delivery.log,
        "created_at": delivery.created_at,
    }
