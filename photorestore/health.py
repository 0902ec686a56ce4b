"""How this process is, for who restarts it, and for who routes requests to it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from io import BytesIO
from typing import Any

import redis.asyncio
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.db import close_old_connections, connection
from django.http import HttpRequest, HttpResponse, JsonResponse

from events import relay
from events.serving import send_whole

from .headers import secured

logger = logging.getLogger(__name__)

_PATIENCE = 1.0  # seconds
_HEADERS = {"Cache-Control": "no-store"}
# Apart from all others: whoever waits for those does not delay this answer, nor this one them.
_thread = ThreadPoolExecutor(1, thread_name_prefix="health")


async def live(request: HttpRequest) -> HttpResponse:
    """Answer, which is all that there is to say."""
    return JsonResponse({"live": True}, headers=_HEADERS)


async def ready(request: HttpRequest) -> HttpResponse:
    """Tell which parts a request can count on; 503 unless it is all of them."""
    loop = asyncio.get_running_loop()
    database, broker = await asyncio.gather(
        _answers("database", loop.run_in_executor(_thread, _ask_database)),
        _answers("broker", _ask_broker()),
    )
    parts = {"database": database, "broker": broker, "process": not relay.is_closing()}
    status = HTTPStatus.OK if all(parts.values()) else HTTPStatus.SERVICE_UNAVAILABLE
    return JsonResponse(parts, status=status, headers=_HEADERS)


VIEWS = {"/livez": live, "/readyz": ready}


class Health:
    """An ASGI application that answers at these addresses itself, and leaves the rest to another.

    Without middleware: neither a session nor a name of the host is needed to say that we are well.
    """

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one connection's request."""
        view = VIEWS.get(scope["path"]) if scope["type"] == "http" else None
        if view is None or scope["method"] not in ("GET", "HEAD"):
            await self._application(scope, receive, send)
        else:
            response = await view(ASGIRequest(scope, BytesIO()))
            secured(response)
            await send_whole(response, send)


async def _answers(name: str, answer: Awaitable[object]) -> bool:
    """Tell whether the answer comes in time. Why not may name addresses: only the log has it."""
    try:
        async with asyncio.timeout(_PATIENCE):
            await answer
    except Exception as error:  # whatever a driver raises
        logger.info("Not ready: the %s does not answer: %r", name, error)
        return False
    return True


def _ask_database() -> None:
    close_old_connections()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()


async def _ask_broker() -> None:
    async with redis.asyncio.Redis.from_url(settings.REDIS_URL) as broker:
        await broker.ping()
