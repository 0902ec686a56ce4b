"""What the log lets go of: the old, the superseded, the deleted. A little in each transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, Max, OuterRef, QuerySet, Subquery

from .models import DELETED, Event, Stream

_GONE_AFTER = timedelta(days=1)  # for who was away when it was deleted
_BATCH = 1000  # events, or names of streams, at a time


def erase_before(event: Event) -> None:
    """Delete what was told before the event: all of a stream that it ends, else of its subject.

    Within the transaction that appended the event, and so holds the stream's lock. The event
    supersedes them, so that `pruned_seq` stays: who missed them is told of it, and not of a loss.
    """
    earlier = Event.objects.filter(stream=event.stream_id, seq__lt=event.seq)
    if not event.final:
        earlier = earlier.filter(subject=event.subject)
    earlier.delete()


def erase(names: Sequence[str]) -> None:
    """Delete the streams and their events, as if they had never been."""
    for start in range(0, len(names), _BATCH):
        batch = names[start : start + _BATCH]
        Event.objects.filter(stream__in=batch).delete()
        Stream.objects.filter(name__in=batch).delete()


def prune(*, now: datetime) -> int:
    """Delete what nobody needs any more, and return how many events those were.

    That is: what is older than EVENTS_KEEP_DAYS, but for the EVENTS_KEEP_LAST newest events of each
    stream; transient events whose subject has ended; streams that ended a day ago as `deleted`.
    May run beside writers and beside itself.
    """
    old = now - timedelta(days=settings.EVENTS_KEEP_DAYS)
    return _prune_superseded() + _prune_gone(now - _GONE_AFTER) + _prune_old(old)


def _prune_superseded() -> int:
    """Who misses these misses nothing, so that `pruned_seq` stays: the final event tells it all."""
    final = Event.objects.filter(subject=OuterRef("subject"), final=True)
    due = (
        Event.objects.filter(Exists(final), transient=True).exclude(subject="").order_by("subject")
    )
    return sum(iter(partial(_drop, due), 0))


@transaction.atomic
def _drop(due: QuerySet[Event]) -> int:
    # skip_locked: another one that runs now is at those.
    batch = due.select_for_update(skip_locked=True, of=("self",)).values("pk")[:_BATCH]
    return Event.objects.filter(pk__in=batch).delete()[0]


def _prune_gone(before: datetime) -> int:
    ends = Event.objects.filter(type=DELETED, final=True, created_at__lt=before)
    due = ends.filter(seq=F("stream__last_seq")).order_by("pk")
    deleted = 0
    while names := list(due.values_list("stream_id", flat=True)[:_BATCH]):
        deleted += sum(_remove(name, due) for name in names)
    return deleted


@transaction.atomic
def _remove(name: str, due: QuerySet[Event]) -> int:
    """Delete the stream and its events, if it is still due under its lock."""
    if not (_lock(name) and due.filter(stream=name).exists()):
        return 0
    count, _ = Event.objects.filter(stream=name).delete()
    Stream.objects.filter(name=name).delete()
    return count


def _lock(name: str) -> bool:
    """Keep writers and other pruners from the stream until the commit; False if there is none."""
    return bool(Stream.objects.select_for_update().filter(name=name))


def _prune_old(before: datetime) -> int:
    names = _streams_with_old(before)
    return sum(sum(iter(partial(_shorten, name, before), 0)) for name in names)


def _streams_with_old(before: datetime) -> Iterator[str]:
    """Yield the streams whose oldest event is old, and not one of their last."""
    events = Event.objects.filter(stream=OuterRef("name"))
    last = settings.EVENTS_KEEP_LAST
    streams = Stream.objects.filter(
        Exists(events[last : last + 1]),
        last_seq__gt=F("pruned_seq") + last,
    ).annotate(oldest=Subquery(events.order_by("seq").values("created_at")[:1]))
    due = streams.filter(oldest__lt=before).order_by("name").values_list("name", flat=True)
    name = ""
    while names := list(due.filter(name__gt=name)[:_BATCH]):
        yield from names
        name = names[-1]


@transaction.atomic
def _shorten(name: str, before: datetime) -> int:
    """Delete some of the stream's oldest events, if they are due, and note which are missing."""
    if not _lock(name):
        return 0
    events = Event.objects.filter(stream=name)
    last = events.order_by("-seq").values("seq")[settings.EVENTS_KEEP_LAST - 1 :][:1]
    due = events.filter(created_at__lt=before, seq__lt=Subquery(last)).order_by("seq")[:_BATCH]
    seq = due.aggregate(seq=Max("seq"))["seq"]
    if seq is None:
        return 0
    Stream.objects.filter(name=name).update(pruned_seq=seq)
    return events.filter(seq__lte=seq).delete()[0]
