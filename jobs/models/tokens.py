"""API tokens; and the hash under which any token is kept."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

_LAST_USED_GAP = timedelta(minutes=5)


def hash_of(token: str) -> str:
    """Return the hash under which a token is kept. It is random and long: no salt is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


class Scope(models.TextChoices):
    """What an API token is good for."""

    READ = "read", _("Read: photos, jobs, results")
    RESTORE = "restore", _("Restore: upload, start, delete")
    EVENTS = "events", _("Events: streams, grants, webhooks")


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    """API tokens, by whether they open anything and when they last did."""

    def valid(self, *, now: datetime) -> Self:
        """Return those that have not expired, of accounts that are not switched off."""
        unexpired = Q(expires_at=None) | Q(expires_at__gt=now)
        return self.filter(unexpired, user__is_active=True)

    def note_use(self, tokens: Iterable[ApiToken], *, now: datetime) -> None:
        """Note that the tokens were used; not at every use, which would be a write a call."""
        since = now - _LAST_USED_GAP
        stale = [token.pk for token in tokens if (token.last_used_at or since) <= since]
        if stale:
            self.filter(pk__in=stale).update(last_used_at=now)


class ApiToken(models.Model):
    """A user's key to the API, for `Authorization: Bearer`; only its hash is kept."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100, blank=True)
    token_hash = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    # Within _LAST_USED_GAP.
    last_used_at = models.DateTimeField(null=True, blank=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.name or f"token {self.pk}"

    @property
    def scope_labels(self) -> list[str]:
        """What it is good for, in words."""
        return [str(Scope(scope).label) for scope in self.scopes]

    @classmethod
    def make(
        cls,
        *,
        user: Any,
        name: str = "",
        scopes: Sequence[str] | None = None,
        expires_at: datetime | None = None,
    ) -> str:
        """Make a token for the user and return it: the only time that anybody sees it."""
        token = f"pr_{secrets.token_urlsafe(32)}"
        cls.objects.create(
            user=user,
            name=name,
            token_hash=hash_of(token),
            scopes=[*(Scope.values if scopes is None else scopes)],
            expires_at=expires_at,
        )
        return token
