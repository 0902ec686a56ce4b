"""Where a job is told: its own stream, its owner's, and its owner's webhooks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from events import log, pruning, rows
from events.models import DELETED, Event

from .models import FINAL, Job, Status
from .outgoing import outbox
from .outgoing.rules import EVENT_TYPES
from .snapshots import JobSnapshot, expression, farewell, snapshot

PROGRESS = "progress"  # a type of event that is no status; the other one is DELETED
_BATCH = 500  # events
_JOB, _OWNER = "job.", "owner."
# A job that a statement changes, if its owner has no webhooks, and what becomes of it. `OFFSET 0`:
# by the index, whatever the planner thinks of a table that it knows little of.
_CHANGE = """{change} AND NOT EXISTS (
        SELECT FROM jobs_webhook hook
        WHERE hook.owner_id = job.owner_id AND hook.disabled_at IS NULL OFFSET 0
    )
    RETURNING job.id, job.owner_id, {data} AS data"""
_FOUND = """
    SELECT '{job}' || id, {final}, id::text, data FROM change
    UNION ALL SELECT '{owner}' || owner_id, FALSE, id::text, data FROM change"""


def job_stream(job_id: UUID | str) -> str:
    """Return the name of the job's stream."""
    return f"{_JOB}{job_id}"


def owner_stream(user_id: int) -> str:
    """Return the name of the stream of all jobs of a user."""
    return f"{_OWNER}{user_id}"


def read(jobs: Iterable[Job]) -> list[tuple[Job, int]]:
    """Return the jobs as they are now, each with the number of its stream's newest event.

    In two queries, the numbers first: who follows a stream from there on misses nothing. Jobs that
    are deleted by now are left out.
    """
    names = {job.pk: job_stream(job.pk) for job in jobs}
    states = log.states(names.values())
    found = Job.objects.select_related("restore").in_bulk(list(names))
    last = {pk: states[name].last_seq if name in states else 0 for pk, name in names.items()}
    return [(found[pk], last[pk]) for pk in names if pk in found]


def tell(job: Job, type: str, *changes: rows.Change) -> None:
    """Append what becomes true of the job by the changes to its own stream and to its owner's.

    Within one transaction, in which they are made, too.
    """
    tell_all(job, events_of(job, type), *changes)


def events_of(job: Job, type: str) -> list[Event]:
    """Return what tells how the job is now, to its own stream and to its owner's."""
    return _events(job, type, snapshot(job), final=job.is_final)


def tell_all(job: Job, events: Sequence[Event], *changes: rows.Change) -> None:
    """Append events of the job that become true by the changes, within one transaction.

    Or without, where that is one change, of the job's version.
    """
    log.append_all(events, *changes)
    for event in events[::2]:
        _tell_webhooks(job, event)


def tell_found(change: str, values: Sequence[Any], status: Status, type: str) -> bool:
    """Make the change of a row `job` and tell what has become of it; False if it met none.

    By one statement, which only PostgreSQL knows; elsewhere nothing is done. `status`: what the job
    has after it. Nor is anything done where its owner's webhooks are to be told, too.
    """
    if connection.vendor != "postgresql":
        return False
    data, texts = expression(status)
    found = _FOUND.format(job=_JOB, owner=_OWNER, final=status in FINAL)
    return log.append_found(
        _CHANGE.format(change=change, data=data),
        found,
        [*values, *texts],
        type=type,
        transient=type == PROGRESS,
    )


def tell_deleted(jobs: Sequence[Job]) -> None:
    """Append the end of the jobs to their streams and their owner's, and erase all that was told.

    Within the transaction that deletes them.
    """
    events = [event for job in jobs for event in _events(job, DELETED, farewell(job), final=True)]
    log.append_all(events)
    for event in events:
        pruning.erase_before(event)
    outbox.erase(job.pk for job in jobs)
    for job, event in zip(jobs, events[::2], strict=True):
        _tell_webhooks(job, event)


def _tell_webhooks(job: Job, event: Event) -> None:
    if job.is_watched and event.type in EVENT_TYPES:
        outbox.write(owner_id=job.owner_id, subject=job.pk, type=event.type, data=event.data)


def erase_some(*, owner_id: int) -> bool:
    """Delete the streams of some jobs that the owner's stream tells of; False if it tells of none.

    For an owner whose jobs are deleted already.
    """
    told = Event.objects.filter(stream=owner_stream(owner_id)).exclude(subject="")
    subjects = dict(told.values_list("pk", "subject")[:_BATCH])
    with transaction.atomic():
        pruning.erase([job_stream(UUID(subject)) for subject in {*subjects.values()}])
        told.filter(pk__in=subjects).delete()
    return bool(subjects)


def erase_all(*, owner_id: int) -> None:
    """Delete the owner's stream and those of all jobs that it has told of.

    Within the transaction that deletes the owner, whose jobs are deleted already.
    """
    own = owner_stream(owner_id)
    subjects = (
        Event.objects.filter(stream=own).exclude(subject="").values_list("subject", flat=True)
    )
    pruning.erase([own, *(job_stream(UUID(subject)) for subject in set(subjects))])


def _events(job: Job, type: str, data: JobSnapshot, *, final: bool) -> list[Event]:
    """Return an event for each of the job's two streams; a final one ends its own."""
    # The same for both: its text once, and that it says nothing any more once the job has ended.
    common: dict[str, Any] = {
        "type": type,
        "data": log.text(data),
        "subject": str(job.pk),
        "transient": type == PROGRESS,
    }
    return [
        Event(stream_id=job_stream(job.pk), final=final, **common),
        Event(stream_id=owner_stream(job.owner_id), **common),
    ]
