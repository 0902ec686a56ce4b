"""sse-starlette as its documents show it: a queue for each client, in this process's memory."""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import AsyncIterator

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_queues: defaultdict[str, set[asyncio.Queue[str]]] = defaultdict(set)
_ping = int(os.environ.get("PING", "0")) or None


async def publish(request: Request) -> Response:
    """Give the body to all who follow the job."""
    data = (await request.body()).decode()
    for queue in _queues.get(request.path_params["id"], ()):
        queue.put_nowait(data)
    return Response(status_code=202)


async def events(request: Request) -> Response:
    """Follow the job."""
    answer: Response = EventSourceResponse(_events(request.path_params["id"]), ping=_ping)
    return answer


async def _events(job: str) -> AsyncIterator[ServerSentEvent]:
    queue: asyncio.Queue[str] = asyncio.Queue()
    _queues[job].add(queue)
    try:
        yield ServerSentEvent(retry=3000)
        while True:
            yield ServerSentEvent(data=await queue.get(), event="progress")
    finally:
        _queues[job].discard(queue)


application = Starlette(
    routes=[
        Route("/publish/{id}", publish, methods=["POST"]),
        Route("/events/{id}", events),
    ]
)
