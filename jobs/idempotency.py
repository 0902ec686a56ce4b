"""Wishes that are granted once, however often they are sent: those with an Idempotency-Key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from .models import IdempotencyKey

LIFETIME = timedelta(days=1)


class KeyReusedError(Exception):
    """The key stands for another wish."""


class RepeatedError(Exception):
    """The wish was granted before: `subject` is the id of what was made then."""

    def __init__(self, subject: str) -> None:
        super().__init__(subject)
        self.subject = subject


@dataclass(frozen=True)
class Wish:
    """What a user asks for under a key: the hashes of the key and of all that was asked."""

    user: Any
    key_hash: str
    request_hash: str

    def granted(self) -> str | None:
        """Return the id of what was made of it before; None if nothing was.

        Raises KeyReusedError.
        """
        since = timezone.now() - LIFETIME
        rows = IdempotencyKey.objects.filter(user=self.user, created_at__gt=since)
        row = rows.filter(key_hash=self.key_hash).first()
        return None if row is None else self._subject_of(row)

    def claim(self, subject: UUID | str) -> None:
        """Note within the transaction that makes it what is made. Raises RepeatedError.

        Who comes second waits here for the first to commit, and then makes nothing.
        """
        now = timezone.now()
        rows = IdempotencyKey.objects.filter(user=self.user, key_hash=self.key_hash)
        rows.filter(created_at__lte=now - LIFETIME).delete()
        fields = {
            "request_hash": self.request_hash,
            "subject": str(subject),
            "created_at": now,
        }
        row, is_new = rows.get_or_create(user=self.user, key_hash=self.key_hash, defaults=fields)
        if not is_new:
            raise RepeatedError(self._subject_of(row))

    def _subject_of(self, row: IdempotencyKey) -> str:
        if row.request_hash != self.request_hash:
            raise KeyReusedError
        return row.subject


def forget(*, now: datetime) -> int:
    """Delete the keys that have expired, and return how many."""
    return IdempotencyKey.objects.filter(created_at__lte=now - LIFETIME).delete()[0]
