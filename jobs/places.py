"""Whose turn is when: how many jobs are before those that wait, told by the streams they follow.

Noted with a job when it is asked for. From then on one look every few seconds for all that wait,
however many pages wait with them: no event of a job's own says how it goes with the others.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from events import rows

from . import lifecycle, streams
from .models import Job

# What is told: each of the last ten, above that how many at most. So the whole way to the front
# costs a job's streams a dozen events.
STEPS = [*range(11), 20, 50]
MOST = STEPS[-1]


def step(ahead: int) -> int | None:
    """Return the number as it is told; None beyond MOST."""
    return next((step for step in STEPS if ahead <= step), None)


def of(job: Job) -> int | None:
    """Return how many jobs are before it now, as it is told."""
    before = Job.objects.ahead_of(job).values_list("pk", flat=True).order_by()[: MOST + 1]
    return step(len(before))


def tell() -> None:
    """Tell the streams of those who wait that fewer are before them, where that is a step."""
    front = Job.objects.waiting().order_by("requested_at", "pk")
    for ahead, (job_id, known) in enumerate(front.values_list("pk", "ahead")[: MOST + 1]):
        if step(ahead) != known:
            _tell(job_id, step(ahead))


def _tell(job_id: UUID, ahead: int | None) -> None:
    with transaction.atomic():
        job = lifecycle.lock(job_id)
        if job is None or not job.waits or job.ahead == ahead:
            return
        job.ahead = ahead
        streams.tell(job, streams.PROGRESS, rows.update(job, "ahead"))
