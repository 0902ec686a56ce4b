"""The end of an account that its owner has left: bit by bit, since it may have a great deal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from .. import deletion, streams
from ..models import Closing, Photo

_SHARE = 10.0  # seconds after which other tasks have their turn
_LEASE = timedelta(minutes=1)  # after which who died with it is followed by another


def due(*, now: datetime, most: int) -> list[int]:
    """Return the accounts that no worker is at."""
    return list(_free(now).values_list("pk", flat=True)[:most])


def go_on(*, user_id: int) -> bool:
    """Delete some of what the account has, in the end itself; True if there is more of it.

    Nothing is done where another worker is at it, or its owner has not left. RunPod is asked to
    give up what it is still at.
    """
    with _lease(user_id) as is_ours:
        return is_ours and not _close_for_a_while(user_id)


@contextmanager
def _lease(user_id: int) -> Iterator[bool]:
    now = timezone.now()
    if not _free(now).filter(pk=user_id).update(leased_until=now + _LEASE):
        yield False
        return
    try:
        yield True
    finally:
        Closing.objects.filter(pk=user_id).update(leased_until=None)


def _free(now: datetime) -> QuerySet[Closing]:
    return Closing.objects.filter(Q(leased_until=None) | Q(leased_until__lte=now))


def _close_for_a_while(user_id: int) -> bool:
    """Return whether it came to the end."""
    until = time.monotonic() + _SHARE
    for _ in iter(partial(_delete_some, user_id), False):
        if time.monotonic() > until:
            return False
    return _delete_if_empty(user_id)


def _delete_some(user_id: int) -> bool:
    """Delete a photo, so that no lock is held for long, or what was told of those before."""
    photo = Photo.objects.filter(owner=user_id).first()
    return deletion.delete(photo=photo) if photo else streams.erase_some(owner_id=user_id)


@transaction.atomic
def _delete_if_empty(user_id: int) -> bool:
    """Delete the account unless it has photos, of which none can come while its row is locked."""
    locked = User.objects.select_for_update().filter(pk=user_id).first()
    if locked is None:
        return True
    if Photo.objects.filter(owner=locked).exists():
        return False
    streams.erase_all(owner_id=locked.pk)
    locked.delete()
    return True
