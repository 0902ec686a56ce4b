"""Django's handler for ordinary requests, on a bounded number of threads that stay."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import IO, Any, ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.handlers.exception import convert_exception_to_response
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import set_script_prefix

from .headers import SecurityHeaders, secured

P = ParamSpec("P")
T = TypeVar("T")

# Requests that are worked on at a time; one may be decoding a picture for seconds.
THREADS = 16


class PooledHandler(ASGIHandler):
    """Answers each request on one of THREADS threads, from the first middleware to the last.

    Django's own goes back and forth between the loop and a new thread for each request, which
    costs more than most of our views, and a new database connection.
    """

    def __init__(self) -> None:
        super().__init__()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="request")

    def load_middleware(self, is_async: bool = False) -> None:
        """Load it for threads, whatever the caller says."""
        super().load_middleware(is_async=False)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request. One whose client has gone meanwhile is finished all the same."""
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        with body:
            response = await self._on_a_thread(self._respond, scope, body)
            try:
                await self.send_response(self._ready_to_send(response), send)
            finally:
                await self._on_a_thread(response.close)

    async def _on_a_thread(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        # asgiref's way, so that a view may call the loop back: the channel layer lives there.
        call = sync_to_async(_giving_back, thread_sensitive=False, executor=self._pool)
        return await call(partial(function, *args, **kwargs))

    def _respond(self, scope: Any, body: IO[bytes]) -> HttpResponseBase:
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=self.__class__, scope=scope)
        request, refusal = self.create_request(scope, body)
        if request is None:
            assert refusal is not None
            return secured(refusal)  # it has met no middleware
        return self.get_response(request)

    def _ready_to_send(self, response: HttpResponseBase) -> HttpResponseBase:
        """Have a file read on the pool's threads, a chunk at a time, and not gathered in memory."""
        if isinstance(response, StreamingHttpResponse) and not response.is_async:
            response.streaming_content = self._chunks(iter(response))
        return response

    async def _chunks(self, content: Iterator[bytes]) -> AsyncIterator[bytes]:
        while chunk := await self._on_a_thread(next, content, b""):
            yield chunk


class BareHandler(PooledHandler):
    """The same without middleware, but for what every response has.

    For programs that show a token in the address: they have no session, language, form or origin.
    Looking for those took a tenth of the way from RunPod's call to a browser (measured). It has
    threads of its own, so that no page keeps RunPod waiting.
    """

    async def _on_a_thread(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        # None of these views calls the loop back.
        call = partial(copy_context().run, _giving_back, partial(function, *args, **kwargs))
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)

    def load_middleware(self, is_async: bool = False) -> None:
        """Load none."""
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        checked = convert_exception_to_response(self._get_checked)
        self._middleware_chain = SecurityHeaders(checked)

    def _get_checked(self, request: HttpRequest) -> HttpResponse:
        """Return the response, with what Django's middleware for all sites would do for it."""
        request.get_host()
        response: HttpResponse = self._get_response(request)  # type: ignore[attr-defined]
        response.headers.setdefault("Content-Length", str(len(response.content)))
        return response


class Choice:
    """An ASGI application: one for the addresses that begin with the prefix, another for others."""

    def __init__(self, prefix: str, below: Any, others: Any) -> None:
        self._prefix, self._below, self._others = prefix, below, others

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request, and refuse what is none of HTTP's."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        application = self._below if path.startswith(self._prefix) else self._others
        await application(scope, receive, send)


def _giving_back(function: Callable[[], T]) -> T:
    """Keep no connection with the thread: what closes the response may be another one."""
    try:
        return function()
    finally:
        close_old_connections()
