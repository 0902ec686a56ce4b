"""The streams' addresses under an ASGI server: no thread, no connection and no request is kept."""

from __future__ import annotations

import asyncio
import logging
import re
import struct
from collections.abc import Mapping
from fcntl import ioctl
from functools import lru_cache
from http import HTTPStatus
from io import BytesIO
from socket import SO_LINGER, SOL_SOCKET
from sys import byteorder
from termios import TIOCOUTQ
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.exception import response_for_exception
from django.http import HttpResponse
from django.urls import reverse

from . import eager, messages, requests, sse, views
from .conf import settings
from .follower import RETRY, Follower
from .relay import Relay
from .requests import Request
from .urls import urlpatterns
from .views import Place

logger = logging.getLogger(__name__)

_RETRY = sse.retry(RETRY)
_AT_ONCE = struct.pack("ii", 1, 0)  # a linger of no seconds


class EventStreams:
    """An ASGI application that serves the streams itself, and leaves the rest to another.

    Django's own handler keeps a thread, and the request with all that hangs on it, for as long as
    a response lasts (measured: 500 streams, 505 threads). Here the same view answers, without the
    middleware, and of an open stream remain a follower and one suspended task.
    """

    def __init__(self, application: Any) -> None:
        self._application = application
        self._root = reverse("events:mine").removesuffix("events")
        # Only these, not every address of the site: a tenth of what an open costs.
        streams = (each.pattern for each in urlpatterns if each.callback is views.stream)
        self._address = re.compile("|".join(pattern.regex.pattern for pattern in streams))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one connection's request."""
        connection = await self._answer(scope, receive, send)
        if connection is None:
            return
        try:
            connection.begin()
            while (await receive())["type"] != "http.disconnect":
                pass
        except asyncio.CancelledError:
            if not connection.is_over:
                raise
        finally:
            connection.close()

    async def _answer(self, scope: Any, receive: Any, send: Any) -> Connection | None:
        """Answer, and return the connection on which to go on, if it is a stream.

        Whatever the answer was made of is dropped here: what a caller held would live as long as
        the stream.
        """
        path = _path(scope)
        address = self._match(path)
        if address is None:
            messages.at_home()
            await self._application(scope, receive, send)
            return None
        return await _follow(requests.read(scope, path), address["id"], scope, send)

    def _match(self, path: str) -> re.Match[str] | None:
        if not path.startswith(self._root):
            return None
        return self._address.match(path.removeprefix(self._root))


def _path(scope: Any) -> str:
    """Return the address within the site, if it may be a stream's."""
    # What another origin may ask at all is the middleware's to answer.
    if scope["type"] != "http" or scope["method"] == "OPTIONS":
        return ""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


async def _follow(request: Request, id: str | None, scope: Any, send: Any) -> Connection | None:
    others = views.for_other_origins(request)
    answer = await _enter(request, id, scope)
    # uvicorn's access log prints it with the start, and a grant may be in it.
    scope["query_string"] = b""
    if isinstance(answer, Place):
        return await _opened(answer, views.HEADERS | others, scope, send)
    for name, value in (settings.EVENTS_HEADERS | others).items():
        answer.headers.setdefault(name, value)
    await send_whole(answer, send)
    return None


async def send_whole(response: Any, send: Any) -> None:
    """Send a response that is no stream, and say how long it is: HTTP/1.0 knows no chunks."""
    if response.status_code != HTTPStatus.NO_CONTENT:
        response.headers.setdefault("Content-Length", str(len(response.content)))
    await send(_start(response.status_code, response.headers))
    await send(_body(response.content, more=False))


async def _opened(place: Place, headers: dict[str, str], scope: Any, send: Any) -> Connection:
    """Begin to answer, and return the connection on which to go on."""
    connection = Connection(*place, send)
    try:
        await send(_start(200, headers))
        await send(_body(_RETRY + connection.first(), more=True))
    except BaseException:
        connection.close()
        raise
    _forget(scope, send)
    return connection


def _forget(scope: Any, send: Any) -> None:
    """Drop what the request said: a server holds its scope for as long as the response lasts.

    A browser's headers alone are two kilobytes. uvicorn reads the method again, and nothing else;
    other servers may make a line of their log of the rest.
    """
    if isinstance(scope["headers"], list):
        scope["headers"].clear()
    if _transport_of(send) is None:
        scope["path"], scope["raw_path"] = "", b""
        return
    method = scope["method"]
    scope.clear()  # it would not shrink by losing one after the other
    scope["method"] = method


async def _enter(request: Request, id: str | None, scope: Any) -> Place | HttpResponse:
    try:
        return await views.enter(request, id)
    except Exception as error:
        # What nobody expects is logged, and answered, as Django does it everywhere.
        respond = sync_to_async(response_for_exception, thread_sensitive=False)
        return await respond(ASGIRequest(scope, BytesIO()), error)


def _start(status: int, headers: Mapping[str, str]) -> dict[str, Any]:
    lines = _lines(tuple(headers.items()))
    return {"type": "http.response.start", "status": status, "headers": lines}


@lru_cache(maxsize=64)
def _lines(headers: tuple[tuple[str, str], ...]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers]


def _body(body: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": more}


class Connection:
    """Between a follower and its client: one task waits for the client to go, and nothing else.

    What there is to send is sent at once, by whoever brings it; a task is made only where a socket
    makes it wait.
    """

    __slots__ = ("_follower", "_owner", "_relay", "_send", "_writer", "_writing")

    def __init__(self, ours: Relay, follower: Follower, send: Any) -> None:
        self._relay = ours
        self._follower = follower
        self._send = send
        self._owner = asyncio.current_task()
        self._writing = False
        self._writer: asyncio.Task[None] | None = None

    @property
    def is_over(self) -> bool:
        """Whether the stream ended, and not the client."""
        return self._follower.over

    def first(self) -> bytes:
        """Return what waits already, to go out with the head of the response."""
        return self._follower.take(self._relay.clock)

    def begin(self) -> None:
        """Write what waits still, and whatever comes from now on."""
        follower = self._follower
        follower.ready, follower.unsent = self.ready, self.unsent
        if follower.has_more:
            self.ready()
        else:
            follower.since = None

    def close(self) -> None:
        """Leave nothing behind, and nothing to the garbage collector: it comes by late."""
        self._relay.leave(self._follower)
        self._follower.unserve()
        self._owner = None
        if self._writer is not None:
            self._writer.cancel()

    def ready(self) -> None:
        """Write what there is to write, unless that is being done."""
        if self._follower.reason == "slow":
            self._abort()
        elif not self._writing:
            self._writing = True
            self._writer = eager.start(self._write())

    def unsent(self) -> int:
        """Return how many bytes the client has yet to take, as far as server and kernel tell."""
        transport = _transport_of(self._send)
        if transport is None or transport.is_closing():
            return 0
        kept: int = transport.get_write_buffer_size()
        return kept + _queued(transport.get_extra_info("socket"))

    async def _write(self) -> None:
        ours, follower = self._relay, self._follower
        try:
            while chunk := follower.take(ours.clock) or (
                await ours.read_on(follower) if follower.behind else b""
            ):
                await self._send(_body(chunk, more=True))
            if follower.over:
                await self._send(_body(b"", more=False))
        except OSError:
            pass  # the client has gone, which `receive` tells, too
        except Exception:
            logger.exception("A stream could not be written to")
            follower.over = True
        finally:
            self._writing = False
        if follower.over:
            self._dismiss()

    def _dismiss(self) -> None:
        """End the wait for the client. uvicorn does so itself, others wait until it has gone."""
        if self._owner is not None:
            self._owner.cancel()

    def _abort(self) -> None:
        """Break the connection: closing it in order would wait for a client that does not read.

        ASGI has no word for that. Where the transport is not known the server ends it with the
        application.
        """
        transport = _transport_of(self._send)
        if transport is None:
            self._dismiss()
        elif not transport.is_closing():
            # By a reset: else the kernel goes on keeping what it has for the client, megabytes.
            transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, _AT_ONCE)
            transport.abort()


def _transport_of(send: Any) -> Any:
    """Return the connection's transport under uvicorn, whose `send` knows it; elsewhere None."""
    return getattr(getattr(send, "__self__", None), "transport", None)


def _queued(socket: Any) -> int:
    """Return how many bytes the kernel keeps that the client has not acknowledged.

    A server is told of room only when much of that is gone (measured: a megabyte).
    """
    try:
        return int.from_bytes(ioctl(socket.fileno(), TIOCOUTQ, bytes(4)), byteorder)
    except OSError:  # not every kernel tells
        return 0
