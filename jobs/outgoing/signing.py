"""Signatures as Standard Webhooks has them (standardwebhooks.com)."""

from __future__ import annotations

import base64
import secrets
from datetime import datetime

import standardwebhooks

from ..models import Delivery, Webhook

_SECRET_BYTES = 32


def new_secret() -> str:
    """Draw a secret."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()}"


def headers(delivery: Delivery, *, now: datetime) -> dict[str, str]:
    """Return the headers of a try: the same id in each, its own time, and who signs at that time.

    While a secret is being replaced both sign, and a receiver may know either.
    """
    id, body = str(delivery.pk), delivery.body
    signatures = [
        standardwebhooks.Webhook(secret).sign(id, now, body)
        for secret in _secrets(delivery.webhook, now)
    ]
    return {
        "Content-Type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _secrets(webhook: Webhook, now: datetime) -> list[str]:
    until = webhook.previous_until
    return [webhook.secret, *([webhook.previous_secret] if until and until > now else [])]
