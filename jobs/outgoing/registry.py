"""What users register, change and ask for again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from .. import fetching
from ..idempotency import Wish
from ..models import Delivery, DeliveryStatus, Webhook
from . import outbox, signing
from .rules import rules

MOST = 10  # webhooks of one user
OVERLAP = timedelta(days=1)  # for which the secret before signs, too


class TooManyError(Exception):
    """A user has as many webhooks as they may have."""


class DisabledError(Exception):
    """Nothing is sent to a webhook that is off."""


def register(
    *, owner: Any, url: str, event_types: Sequence[str], wish: Wish | None = None
) -> Webhook:
    """Register an address for the types of events.

    Raises FetchError for an address that is not called, TooManyError, and RepeatedError for a wish
    that was granted before.
    """
    fetching.check_where_it_leads(url, rules=rules())
    webhook = Webhook(
        owner=owner, url=url, event_types=list(event_types), secret=signing.new_secret()
    )
    with transaction.atomic():
        if wish:
            wish.claim(webhook.pk)
        # Two at once are counted one after the other.
        get_user_model().objects.select_for_update(no_key=True).get(pk=owner.pk)
        if Webhook.objects.filter(owner=owner).count() >= MOST:
            raise TooManyError
        webhook.save(force_insert=True)
    return webhook


def change(
    webhook: Webhook,
    *,
    url: str | None = None,
    event_types: Sequence[str] | None = None,
    is_enabled: bool | None = None,
) -> None:
    """Change what is given. Raises FetchError for an address that is not called."""
    fields: dict[str, Any] = {}
    if url is not None:
        fetching.check_where_it_leads(url, rules=rules())
        fields["url"] = url
    if event_types is not None:
        fields["event_types"] = list(event_types)
    if is_enabled is not None and is_enabled != (webhook.disabled_at is None):
        fields["disabled_at"] = None if is_enabled else timezone.now()
        fields["disabled_reason"] = "" if is_enabled else "off"
    for name, value in fields.items():
        setattr(webhook, name, value)
    if fields:
        webhook.save(update_fields=list(fields))


def rotate(webhook: Webhook, *, wish: Wish | None = None) -> None:
    """Draw a new secret; the old one signs beside it for OVERLAP. Raises RepeatedError."""
    with transaction.atomic():
        if wish:
            wish.claim(webhook.pk)
        webhook.previous_secret, webhook.secret = webhook.secret, signing.new_secret()
        webhook.previous_until = timezone.now() + OVERLAP
        webhook.save(update_fields=["secret", "previous_secret", "previous_until"])


def resend(delivery: Delivery, *, wish: Wish | None = None) -> None:
    """Send the delivery again at once, whatever became of it; its id stays the same.

    Raises DisabledError, and RepeatedError for a wish that was granted before.
    """
    if delivery.webhook.disabled_at:
        raise DisabledError
    with transaction.atomic():
        if wish:
            wish.claim(delivery.pk)
        delivery.status, delivery.tries = DeliveryStatus.PENDING, 0
        delivery.next_try_at = timezone.now()
        delivery.save(update_fields=["status", "tries", "next_try_at"])
        outbox.send_soon(delivery.webhook_id)
