"""The streams on which a job is told: its own, and its owner's."""

from __future__ import annotations

from events import log

from .models import Job
from .snapshots import snapshot


def job_stream(job: Job) -> str:
    """Return the name of the job's stream."""
    return f"job.{job.pk}"


def owner_stream(user_id: int) -> str:
    """Return the name of the stream of all jobs of a user."""
    return f"owner.{user_id}"


def tell(job: Job, type: str) -> None:
    """Append what became true of the job to its own stream, then to its owner's: always so.

    Within the transaction that made it true.
    """
    data = snapshot(job)
    log.append(job_stream(job), type=type, data=data, final=job.is_final)
    log.append(owner_stream(job.photo.owner_id), type=type, data=data)
