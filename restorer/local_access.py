"""What comes before every call to the local endpoint: who calls, for which job, with how much."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request

from restorer import local_faults
from restorer.local_faults import Faults, Switch
from restorer.local_job import Job
from restorer.local_queue import Queue
from restorer.local_request import RequestError
from restorer.local_webhook import GAP

MEBIBYTE = 1024 * 1024
MAX_BODY = 10 * MEBIBYTE  # RunPod's limit for /run
MAX_BODY_OF_RUNSYNC = 20 * MEBIBYTE
LEAST_WAIT, WAIT_WHEN_ABSENT, MOST_WAIT = 1_000, 90_000, 300_000  # ms


@dataclass(frozen=True)
class Settings:
    """What the environment says; `webhook_gap` in seconds."""

    key: str
    endpoint: str = "local"
    workers: int = 1  # a photo keeps two cores busy by itself
    webhook_gap: float = GAP
    faults: Faults = local_faults.NONE  # that every job shall meet
    fault_file: Path | None = None  # names those of the next job


@dataclass(frozen=True)
class Endpoint:
    """What the calls to one endpoint share."""

    settings: Settings
    queue: Queue
    switch: Switch


def admit(request: Request) -> Endpoint:
    """Return the endpoint the caller may use; raises HTTPException 401 or 404."""
    endpoint: Endpoint = request.app.state.endpoint
    # RunPod's own samples send the key with and without "Bearer" (RUNPOD.md §1).
    key = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(key.encode(), endpoint.settings.key.encode()):
        raise HTTPException(401, "unauthorized")
    if request.path_params["endpoint"] != endpoint.settings.endpoint:
        raise HTTPException(404, "endpoint not found")
    return endpoint


def find_job(queue: Queue, request: Request) -> Job:
    """Return the job that is asked for; raises HTTPException 404."""
    job = queue.find(request.path_params["id"])
    if job is None:
        raise HTTPException(404, "job not found")
    return job


async def read_body(request: Request, limit: int) -> bytes:
    """Return the body; raises RequestError as soon as it has more bytes than the limit."""
    _check_size(int(request.headers.get("content-length", "0")), limit)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        _check_size(len(body), limit)
    return bytes(body)


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise RequestError(f"request body exceeded max body size of {limit // MEBIBYTE}MiB")


def read_wait(request: Request) -> float:
    """Return the seconds that the caller will wait for a job's end, within RunPod's bounds."""
    text = request.query_params.get("wait", str(WAIT_WHEN_ABSENT))
    if not (text.isascii() and text.isdigit()):
        raise RequestError("wait must be a number of milliseconds")
    return min(max(int(text), LEAST_WAIT), MOST_WAIT) / 1000
