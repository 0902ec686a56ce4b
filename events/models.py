"""Streams and their events: the log, which is the truth."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Stream(models.Model):
    """A named, gapless, ordered sequence of events. Its row is the lock that numbers them."""

    name = models.CharField(max_length=99, primary_key=True)
    last_seq = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class Event(models.Model):
    """One entry of a stream: SSE's `event` is our `type`, its `id` our `seq`. Never changed."""

    stream = models.ForeignKey(Stream, models.CASCADE, related_name="events")
    seq = models.PositiveBigIntegerField()
    type = models.CharField(max_length=40)
    # JSON as it goes over the wire, so that a replay has the same bytes as the live event.
    data = models.TextField()
    final = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["stream", "seq"], name="event_seq_is_unique"),
        ]
        ordering: ClassVar = ["stream_id", "seq"]

    def __str__(self) -> str:
        return f"{self.stream_id} {self.seq} {self.type}"
