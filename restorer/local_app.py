"""The local endpoint as an ASGI application: its calls, and how it refuses the others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from restorer import local_calls as calls
from restorer.local_access import Endpoint, Settings
from restorer.local_faults import Switch
from restorer.local_queue import Queue
from restorer.local_request import RequestError
from restorer.local_webhook import Webhooks
from restorer.local_worker import Handler


def create_app(
    handler: Handler, settings: Settings, clock: Callable[[], float] = time.monotonic
) -> Starlette:
    """Return the ASGI application that serves one endpoint with `handler`."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        webhooks = Webhooks(settings.webhook_gap)
        queue = Queue(handler, settings.workers, webhooks.send, clock)
        timekeeper = asyncio.create_task(queue.keep_time())
        switch = Switch(settings.faults, settings.fault_file)
        app.state.endpoint = Endpoint(settings, queue, switch)
        yield
        timekeeper.cancel()
        queue.close()
        await webhooks.close()

    app = Starlette(routes=_ROUTES, lifespan=lifespan, exception_handlers=_EXCEPTION_HANDLERS)
    app.router.redirect_slashes = False  # RunPod knows one spelling of each path
    return app


def _http_error(request: Request, error: HTTPException) -> Response:
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


def _refusal(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)


_ROUTES = [
    Route("/v2/{endpoint}/run", calls.run, methods=["POST"]),
    Route("/v2/{endpoint}/runsync", calls.runsync, methods=["POST"]),
    Route("/v2/{endpoint}/status/{id}", calls.status, methods=["GET"]),
    Route("/v2/{endpoint}/status-sync/{id}", calls.status_sync, methods=["GET"]),
    Route("/v2/{endpoint}/stream/{id}", calls.stream, methods=["GET"]),
    Route("/v2/{endpoint}/cancel/{id}", calls.cancel, methods=["POST"]),
    Route("/v2/{endpoint}/retry/{id}", calls.retry, methods=["POST"]),
    Route("/v2/{endpoint}/purge-queue", calls.purge_queue, methods=["POST"]),
    Route("/v2/{endpoint}/health", calls.health, methods=["GET"]),
    Route("/elsewhere.jpg", calls.elsewhere, methods=["GET"]),
]
# A caller who hangs up halfway is refused like one who sends half a body: nobody reads it.
_EXCEPTION_HANDLERS: dict[Any, Any] = {
    HTTPException: _http_error,
    RequestError: _refusal,
    ClientDisconnect: _refusal,
}
