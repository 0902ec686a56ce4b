"""Who leaves: the account is switched off at once, and everything in it goes after."""

from __future__ import annotations

from uuid import uuid4

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from ..models import Closing, Share, Webhook
from . import tasks


def leave(*, user: User) -> None:
    """Switch the account off for good, and have it deleted with all that is its.

    From now on nothing of it is seen, by whatever session, token, grant or link; open streams end
    within EVENTS_RECHECK seconds; its name and address are free.
    """
    with transaction.atomic():
        locked = User.objects.select_for_update().get(pk=user.pk)
        Closing.objects.get_or_create(user=locked)
        _switch_off(locked)
        # robust: with the broker down it is closed all the same; the next round finds it.
        transaction.on_commit(lambda: _close_soon(locked.pk), robust=True)


def _switch_off(user: User) -> None:
    user.is_active = False
    # A space is in nobody's name.
    user.username, user.email = f"left {uuid4()}", ""
    user.password = make_password(None)
    user.save()
    Share.objects.filter(photo__owner=user).delete()
    Webhook.objects.filter(owner=user).update(disabled_at=timezone.now())


def _close_soon(user_id: int) -> None:
    tasks.close_account.delay(user_id=user_id)
