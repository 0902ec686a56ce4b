"""What is to be sent: written with the event that it tells of, or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from celery import current_app
from django.db import transaction
from django.utils import timezone

from events import rows

from ..models import Delivery, Webhook
from ..snapshots import iso

_OF_OWNER = rows.Lookup(
    lambda owner: (
        Webhook.objects.filter(owner=owner, disabled_at=None)
        .order_by("pk")
        .select_for_update(no_key=True)
    ),
    "owner",
    example=-1,
)


def write(*, owner_id: int, subject: UUID, type: str, data: str) -> None:
    """Write a delivery to each of the owner's webhooks that wants events of the type.

    Within the transaction of the event; `data` is JSON. They are sent once that is committed.
    """
    wanted = [webhook for webhook in _locked(owner_id) if type in webhook.event_types]
    if not wanted:
        return
    now = timezone.now()
    body = f'{{"type":{json.dumps(type)},"timestamp":"{iso(now)}","data":{data}}}'
    common: dict[str, Any] = {"type": type, "subject": subject, "body": body, "created_at": now}
    Delivery.objects.bulk_create(
        [Delivery(webhook=webhook, next_try_at=now, **common) for webhook in wanted]
    )
    for webhook in wanted:
        send_soon(webhook.pk)


def _locked(owner_id: int) -> Iterable[Webhook]:
    """Return the owner's webhooks that are on; none is deleted before the commit.

    A delivery to one that is gone would undo the event.
    """
    return _OF_OWNER.all(owner_id)


def send_soon(webhook_id: UUID) -> None:
    """Have a worker send what the webhook has, once this transaction is committed.

    robust: without a broker the worker finds it by itself.
    """
    # By its name: tasks stand above everything that asks for this one.
    send, arguments = current_app.send_task, {"webhook_id": str(webhook_id)}
    transaction.on_commit(lambda: send("jobs.tasks.send_webhook", kwargs=arguments), robust=True)


def erase(subjects: Iterable[UUID]) -> None:
    """Delete all that was told of the subjects, within the transaction that deletes them."""
    Delivery.objects.filter(subject__in=list(subjects)).delete()
