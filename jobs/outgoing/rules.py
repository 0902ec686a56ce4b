"""Which addresses may be called, and which events there are to be told."""

from __future__ import annotations

from django.conf import settings

from events.models import DELETED

from ..fetching import Rules
from ..models import Status

# Progress is for who watches, on a stream.
EVENT_TYPES = [
    Status.QUEUED.value,
    Status.PROCESSING.value,
    Status.COMPLETED.value,
    Status.FAILED.value,
    Status.CANCELLED.value,
    Status.TIMED_OUT.value,
    DELETED,
]
_LONGEST_ANSWER = 4096  # bytes that are read of what nobody needs
_PATIENCE = 15.0  # seconds for one call


def rules() -> Rules:
    """Return what may be called: public hosts by https, and what WEBHOOKS_HOSTS names besides."""
    hosts = settings.WEBHOOKS_HOSTS
    return Rules.of(hosts, max_bytes=_LONGEST_ANSWER, seconds=_PATIENCE)
