"""The streams on which a job is told: its own, and its owner's."""

from __future__ import annotations

from uuid import UUID

from events import log
from events.models import Event

from .models import Job
from .snapshots import snapshot

PROGRESS = "progress"  # the one type of event that is no status


def job_stream(job_id: UUID) -> str:
    """Return the name of the job's stream."""
    return f"job.{job_id}"


def owner_stream(user_id: int) -> str:
    """Return the name of the stream of all jobs of a user."""
    return f"owner.{user_id}"


def tell(job: Job, type: str) -> None:
    """Append what became true of the job to its own stream and to its owner's.

    Within the transaction that made it true.
    """
    data = log.text(snapshot(job))
    own, owners = job_stream(job.pk), owner_stream(job.photo.owner_id)
    log.append_all(
        [_event(job, own, type, data, final=job.is_final), _event(job, owners, type, data)]
    )


def _event(job: Job, stream: str, type: str, data: str, *, final: bool = False) -> Event:
    """Return the event, unsaved; progress says nothing any more once the job has ended."""
    return Event(
        stream_id=stream,
        type=type,
        data=data,
        final=final,
        subject=str(job.pk),
        transient=type == PROGRESS,
    )
