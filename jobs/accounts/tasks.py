"""Celery's shells for accounts."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from . import closing

_BATCH = 200  # accounts that one run looks after


@shared_task
def close_account(*, user_id: int) -> None:
    """Delete what the account has; what is left after a while is another task's."""
    if closing.go_on(user_id=user_id):
        close_account.delay(user_id=user_id)


@shared_task
def close_accounts() -> None:
    """Go on with accounts whose task was lost, or died."""
    for user_id in closing.due(now=timezone.now(), most=_BATCH):
        close_account.delay(user_id=user_id)
