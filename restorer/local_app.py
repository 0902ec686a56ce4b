"""RunPod's customer API over HTTP (RUNPOD.md §1): who may call, what is asked, what is answered."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from restorer.local_job import Job, wire
from restorer.local_queue import Queue
from restorer.local_request import RequestError, parse
from restorer.local_webhook import GAP, Webhooks
from restorer.local_worker import Handler

MAX_BODY = 10 * 1024 * 1024  # bytes, RunPod's limit for /run


@dataclass(frozen=True)
class Settings:
    """What the environment says; `webhook_gap` in seconds."""

    key: str
    endpoint: str = "local"
    workers: int = 1  # a photo keeps two cores busy by itself
    webhook_gap: float = GAP


def create_app(
    handler: Handler, settings: Settings, clock: Callable[[], float] = time.monotonic
) -> Starlette:
    """Return the ASGI application that serves one endpoint with `handler`."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        webhooks = Webhooks(settings.webhook_gap)
        queue = Queue(handler, settings.workers, partial(_call_back, webhooks), clock)
        timekeeper = asyncio.create_task(queue.keep_time())
        app.state.settings, app.state.queue = settings, queue
        yield
        timekeeper.cancel()
        queue.close()
        await webhooks.close()

    app = Starlette(routes=_ROUTES, lifespan=lifespan, exception_handlers=_EXCEPTION_HANDLERS)
    app.router.redirect_slashes = False  # RunPod knows one spelling of each path
    return app


def _call_back(webhooks: Webhooks, job: Job, now: float) -> None:
    url = job.submission.webhook
    # Of the other ends RunPod promises no call (RUNPOD.md §2.1).
    if url is not None and job.status in {"COMPLETED", "FAILED"}:
        webhooks.send(job.id, url, wire(job.webhook_report(now)))


async def _run(request: Request) -> Response:
    queue = _admit(request)
    job = queue.submit(parse(await _body(request)))
    # Also when a worker took it at once: RunPod's first answer is always this.
    return JSONResponse({"id": job.id, "status": "IN_QUEUE"})


async def _status(request: Request) -> Response:
    queue = _admit(request)
    return _report(queue, _job(queue, request))


async def _cancel(request: Request) -> Response:
    queue = _admit(request)
    job = _job(queue, request)
    if job.ended is not None:
        return _report(queue, job)
    queue.cancel(job)
    return JSONResponse({"id": job.id, "status": job.status})


async def _health(request: Request) -> Response:
    return JSONResponse(_admit(request).health())


def _admit(request: Request) -> Queue:
    """Return the queue the caller may use; raises HTTPException 401 or 404."""
    settings: Settings = request.app.state.settings
    # RunPod's own samples send the key with and without "Bearer" (RUNPOD.md §1).
    key = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(key.encode(), settings.key.encode()):
        raise HTTPException(401, "unauthorized")
    if request.path_params["endpoint"] != settings.endpoint:
        raise HTTPException(404, "endpoint not found")
    queue: Queue = request.app.state.queue
    return queue


def _job(queue: Queue, request: Request) -> Job:
    job = queue.find(request.path_params["id"])
    if job is None:
        raise HTTPException(404, "job not found")
    return job


def _report(queue: Queue, job: Job) -> Response:
    return Response(wire(job.report(queue.now())), media_type="application/json")


async def _body(request: Request) -> bytes:
    _check_size(int(request.headers.get("content-length", "0")))
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        _check_size(len(body))
    return bytes(body)


def _check_size(size: int) -> None:
    if size > MAX_BODY:
        raise RequestError("request body exceeded max body size of 10MiB")


def _http_error(request: Request, error: HTTPException) -> Response:
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


def _refusal(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)


_ROUTES = [
    Route("/v2/{endpoint}/run", _run, methods=["POST"]),
    Route("/v2/{endpoint}/status/{id}", _status, methods=["GET"]),
    Route("/v2/{endpoint}/cancel/{id}", _cancel, methods=["POST"]),
    Route("/v2/{endpoint}/health", _health, methods=["GET"]),
]
# A caller who hangs up halfway is refused like one who sends half a body: nobody reads it.
_EXCEPTION_HANDLERS: dict[Any, Any] = {
    HTTPException: _http_error,
    RequestError: _refusal,
    ClientDisconnect: _refusal,
}
