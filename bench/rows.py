"""What a run of ours begins with: accounts and jobs in progress, each with a stream of its own.

In a process of its own that has Django set up: `manage.py shell -c "from bench import rows; …"`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from events import grants, log
from events.models import Event, Stream
from jobs import callbacks, streams
from jobs.models import Attempt, Job, Photo, Status, hash_of
from jobs.snapshots import snapshot

from .wire import LOGGED


def make(count: int, path: str) -> None:
    """Make so many accounts, each with one job, in place of all that is there.

    What a client of each needs goes into the file at the path, as JSON.
    """
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE auth_user, events_stream CASCADE")
    now = timezone.now()
    users = User.objects.bulk_create(User(username=f"bench-{n}") for n in range(count))
    photos = Photo.objects.bulk_create(_photo(user) for user in users)
    Job.objects.bulk_create(_job(photo, now) for photo in photos)
    jobs = list(Job.objects.select_related("photo", "restore").order_by("photo__owner_id"))
    attempts = _make_attempts(jobs)
    _make_events(jobs)
    Path(path).write_text(json.dumps([_client(attempt) for attempt in attempts]))


def _photo(owner: User) -> Photo:
    name = "bench.jpg"
    return Photo(
        owner=owner,
        original=name,
        image=name,
        preview=name,
        format="JPEG",
        width=64,
        height=48,
        bytes=1000,
    )


def _job(photo: Photo, now: datetime) -> Job:
    return Job(
        photo=photo,
        owner_id=photo.owner_id,
        options={"scale": 1},
        status=Status.PROCESSING,
        progress=50,
        requested_at=now,
        heard_at=now,
    )


def _make_attempts(jobs: Sequence[Job]) -> list[Attempt]:
    return Attempt.objects.bulk_create(
        Attempt(job=job, token_hash=hash_of(_attempt_token(job)), runpod_job_id=_runpod_id(job))
        for job in jobs
    )


def _attempt_token(job: Job) -> str:
    return f"bench-attempt-{job.pk.hex}"


def _runpod_id(job: Job) -> str:
    return f"{job.pk}-u1"


def _make_events(jobs: Sequence[Job]) -> None:
    last_seq = len(LOGGED)
    names = [(job, name) for job in jobs for name in _names(job)]
    Stream.objects.bulk_create(Stream(name=name, last_seq=last_seq) for _, name in names)
    Event.objects.bulk_create(
        _event(job, name, seq, type) for job, name in names for seq, type in enumerate(LOGGED, 1)
    )


def _event(job: Job, stream: str, seq: int, type: str) -> Event:
    return Event(
        stream_id=stream,
        seq=seq,
        type=type,
        data=log.text(snapshot(job)),
        subject=str(job.pk),
        transient=type == streams.PROGRESS,
    )


def _names(job: Job) -> tuple[str, str]:
    return streams.job_stream(job.pk), streams.owner_stream(job.photo.owner_id)


def _client(attempt: Attempt) -> dict[str, str]:
    """Return what the job's client and its worker know."""
    job = attempt.job
    stream = streams.job_stream(job.pk)
    return {
        "job_id": str(job.pk),
        "grant": grants.issue(user=job.photo.owner_id, streams=[stream]).token,
        "completion_token": _attempt_token(job),
        "progress_token": callbacks.progress_token(attempt),
        "runpod_job_id": _runpod_id(job),
    }
