"""Streams and their events: the log, which is the truth."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

DELETED = "deleted"  # the type of the final event of a stream whose subject is gone


class Stream(models.Model):
    """A named, gapless, ordered sequence of events. Its row is the lock that numbers them."""

    name = models.CharField(max_length=99, primary_key=True)
    last_seq = models.PositiveBigIntegerField(default=0)
    # Events up to and including this number may be missing by now.
    pruned_seq = models.PositiveBigIntegerField(default=0)
    # Whether a final event was appended. Nothing follows it but another final one.
    ended = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.name


class Event(models.Model):
    """One entry of a stream: SSE's `event` is our `type`, its `id` our `seq`. Never changed."""

    # The index of event_seq_is_unique begins with the stream; one more would cost every append.
    stream = models.ForeignKey(Stream, models.CASCADE, related_name="events", db_index=False)
    seq = models.PositiveBigIntegerField()
    type = models.CharField(max_length=40)
    # JSON as it goes over the wire, so that a replay has the same bytes as the live event.
    data = models.TextField()
    final = models.BooleanField(default=False)
    # What it is about, for instance a job's id.
    subject = models.CharField(max_length=99, blank=True)
    # Whether it says nothing any more once its subject has a final event.
    transient = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["stream", "seq"], name="event_seq_is_unique"),
        ]
        # For pruning; each holds few of the rows, and costs the others nothing.
        indexes: ClassVar = [
            models.Index(fields=["subject"], condition=Q(transient=True), name="event_transient"),
            models.Index(fields=["subject"], condition=Q(final=True), name="event_final"),
            models.Index(fields=["type", "created_at"], condition=Q(final=True), name="event_end"),
        ]
        ordering: ClassVar = ["stream_id", "seq"]

    def __str__(self) -> str:
        return f"{self.stream_id} {self.seq} {self.type}"
