"""What tests of streams have in common: events to append, and clients that follow them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

import httpx2
from django.db import transaction

from events import log
from events.models import Event
from jobs.models import ApiToken, Job

from .services import PATIENCE

T = TypeVar("T")


def append(job: Job, type: str = "progress", *, final: bool = False, **data: Any) -> int:
    """Append an event to the job's own stream and return its number."""
    with transaction.atomic():
        return log.append(f"job.{job.pk}", type=type, data=data, final=final)


def append_many(job: Job, count: int, *, size: int = 10) -> None:
    """Append so many events, each of about that many bytes, to the job's own stream at once."""
    stream, data = f"job.{job.pk}", log.text({"padding": "x" * size})
    with transaction.atomic():
        log.append_all([Event(stream_id=stream, type="progress", data=data) for _ in range(count)])


def path(job: Job) -> str:
    """Return the address of the job's stream."""
    return f"/api/v1/events/{job.pk}"


def bearer(job: Job) -> dict[str, str]:
    """Return the header of the job's owner, with an API token that is new."""
    return {"Authorization": f"Bearer {ApiToken.make(user=job.photo.owner)}"}


def calling(site: str, **headers: str) -> httpx2.Client:
    """Return a client of the site that sends the headers."""
    return httpx2.Client(base_url=site, headers=headers, timeout=PATIENCE, trust_env=False)


@contextmanager
def following(
    client: httpx2.Client, url: str, last: str = ""
) -> Iterator[Iterator[httpx2.ServerSentEvent]]:
    """Follow the stream while the context lasts; AssertionError if it is not opened."""
    headers = {"Last-Event-ID": last} if last else {}
    with client.stream("GET", url, headers=headers) as response:
        assert response.status_code == 200, response.read()
        yield (event for event in httpx2.EventSource(response) if event.data)


def refused(
    client: httpx2.Client, url: str, status: int, *, method: str = "GET", **headers: str
) -> httpx2.Response:
    """Ask for the stream and return the problem; AssertionError if it is not of that status."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    with client.stream(method, url, headers=names) as response:
        assert response.status_code == status
        response.read()
    assert response.headers["content-type"] == "application/problem+json"
    return response


def take(events: Iterator[httpx2.ServerSentEvent], count: int) -> list[tuple[str, str]]:
    """Return the next events, each by its id and its type."""
    return [(event.id or "", event.event) for event in islice(events, count)]


def eventually(fact: Callable[[], T], *, within: float = PATIENCE) -> T:
    """Return the fact as soon as there is one; AssertionError with what there was otherwise."""
    until = time.monotonic() + within
    while not (found := fact()):
        assert time.monotonic() < until, f"still {found!r} after {within} seconds"
        time.sleep(0.01)
    return found
