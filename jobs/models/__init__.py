"""Photos, the jobs that restore them, and what came of it."""

from __future__ import annotations

from .accounts import Allowance, Closing
from .attempts import Attempt
from .circuit import Circuit
from .idempotency import IdempotencyKey
from .jobs import Job
from .photos import Photo, Share
from .restores import Fetch, Restore
from .statuses import FINAL, ON_HOLD, ORDER, WAITING, Status
from .tokens import ApiToken, Scope, hash_of
from .webhooks import Delivery, DeliveryStatus, Webhook

__all__ = [
    "FINAL",
    "ON_HOLD",
    "ORDER",
    "WAITING",
    "Allowance",
    "ApiToken",
    "Attempt",
    "Circuit",
    "Closing",
    "Delivery",
    "DeliveryStatus",
    "Fetch",
    "IdempotencyKey",
    "Job",
    "Photo",
    "Restore",
    "Scope",
    "Share",
    "Status",
    "Webhook",
    "hash_of",
]
