"""The end of an account."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction

from .. import deletion, streams
from ..models import Photo

_BATCH = 100  # photos that are in memory at a time


def close(*, user: User) -> None:
    """Delete the account and all that is its: photos, jobs, results, files, events, tokens.

    RunPod is asked to give up what it is still at; open streams end within EVENTS_RECHECK seconds.
    Photos go one by one, so that no lock is held for long. What is broken off is begun again by
    who wants it, since the account is the last to go.
    """
    while not _close_if_empty(user):
        for photo in Photo.objects.filter(owner=user)[:_BATCH]:
            deletion.delete(photo=photo)


@transaction.atomic
def _close_if_empty(user: User) -> bool:
    """Delete the account unless it has photos, of which none can come while its row is locked."""
    locked = User.objects.select_for_update().filter(pk=user.pk).first()
    if locked is None:
        return True
    if Photo.objects.filter(owner=locked).exists():
        return False
    streams.erase_all(owner_id=locked.pk)
    locked.delete()
    return True
