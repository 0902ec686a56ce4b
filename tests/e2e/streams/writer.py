"""The process that writes: makes jobs, appends to their streams at random, says what it committed.

Its first line names the API token and the streams with their addresses. It begins to write when it
reads a line itself. Then each line is an event: stream, number, type and data.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "photorestore.settings")
django.setup()

# Models can be imported only now.
from channels.layers import channel_layers  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.urls import reverse  # noqa: E402

from events import log, messages  # noqa: E402
from events.models import Event  # noqa: E402
from jobs import lifecycle  # noqa: E402
from jobs.models import ApiToken, Job  # noqa: E402
from jobs.streams import job_stream, owner_stream  # noqa: E402
from tests import factories  # noqa: E402

from .chance import chance_of  # noqa: E402

JOBS = 5
FAT = 8_000  # characters of the longest event
PROSE = "Grüße,\u2028\tand so on. "  # what JSON and UTF-8 have to carry, and one line break
_line = threading.Lock()


class Messenger:
    """A channel layer that may lose a message, send it twice, or let later ones overtake it."""

    def __init__(self, layer: Any, chance: random.Random, losses: float) -> None:
        self._layer = layer
        self._chance = chance
        self._losses = losses

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Send the message, or not."""
        await asyncio.sleep(self._chance.choice([0, 0, 0.01, 0.1]))
        if self._chance.random() >= self._losses:
            for _ in range(self._chance.choice([1, 1, 2])):
                await self._layer.group_send(group, message)


class Writer:
    """Appends to one job's stream, and at times to its owner's in the same transaction."""

    def __init__(self, job: Job, chance: random.Random) -> None:
        self._job = job
        self._chance = chance
        self._longest = chance.choice([100, FAT])

    def write(self) -> None:
        """Append in some transactions, of which a few fail."""
        for _ in range(self._chance.randint(6, 10)):
            time.sleep(self._chance.uniform(0, 0.5))
            self._append(self._events(), fails=self._chance.random() < 0.15)

    def end(self, stream: str) -> None:
        """Append the final event to one of the two."""
        self._append([self._event(stream, "completed", final=True)])

    def _append(self, events: list[Event], *, fails: bool = False) -> None:
        with transaction.atomic():
            lifecycle.lock(self._job.pk)
            log.append_all(events)
            transaction.on_commit(lambda: tell(events))
            time.sleep(self._chance.uniform(0, 0.03))
            transaction.set_rollback(fails)
        connection.close()  # to the pool, which has fewer of them than there are writers

    def _events(self) -> list[Event]:
        return [
            self._event(stream, "progress")
            for _ in range(self._chance.choice([1, 1, 2, 5]))
            for stream in self._streams()
        ]

    def _streams(self) -> Iterator[str]:
        yield job_stream(self._job.pk)
        if self._chance.random() < 0.3:
            yield owner_stream(self._job.owner_id)

    def _event(self, stream: str, type: str, *, final: bool = False) -> Event:
        """Return an unsaved event with data like no other's."""
        length = self._chance.randint(0, self._longest)
        data = {"nonce": self._chance.random(), "prose": (PROSE * length)[:length]}
        return Event(stream_id=stream, type=type, data=log.text(data), final=final)


def write_all(jobs: list[Job], seed: str) -> None:
    """Write of all jobs at the same time, and end their owner's stream when all have ended."""
    with ThreadPoolExecutor(len(jobs)) as pool:
        list(pool.map(lambda job: write_one(job, seed), jobs))
    Writer(jobs[0], chance_of(seed)).end(owner_stream(jobs[0].owner_id))


def write_one(job: Job, seed: str) -> None:
    """Write of the job with one to three writers at the same time, then end its stream."""
    count = chance_of(seed, job.pk).randint(1, 3)
    writers = [Writer(job, chance_of(seed, job.pk, number)) for number in range(count)]
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(Writer.write, writers))
    writers[0].end(job_stream(job.pk))


def tell(events: list[Event]) -> None:
    """Say what was committed."""
    for row in events:
        say([row.stream_id, row.seq, row.type, row.data])


def say(what: object) -> None:
    """Write it in a line of its own."""
    with _line:
        sys.stdout.write(json.dumps(what) + "\n")
        sys.stdout.flush()


def say_how_to_follow(jobs: list[Job]) -> None:
    """Say what a reader has to know."""
    owner = jobs[0].owner_id
    paths = {job_stream(job.pk): reverse("events:one", args=[job.pk]) for job in jobs}
    paths[owner_stream(owner)] = reverse("events:mine")
    say({"token": ApiToken.make(user=jobs[0].photo.owner), "paths": paths})


def main(seed: str, losses: float, patience: float) -> None:
    """Make some jobs, say so, wait for the word, and write."""
    messages.PATIENCE = patience
    layer: Any = Messenger(channel_layers["default"], chance_of(seed), losses)
    channel_layers.set("default", layer)
    user = factories.user(seed)
    jobs = [factories.job(user) for _ in range(JOBS)]
    say_how_to_follow(jobs)
    connection.close()
    sys.stdin.readline()
    write_all(jobs, seed)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]))
