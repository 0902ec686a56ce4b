"""The stream: what the log has, then what happens, then the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

from corsheaders.middleware import CorsMiddleware
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.http.request import MediaType
from rest_framework import exceptions

from . import access, drain, problems, relay, sse
from .follower import RETRY, Follower
from .metrics import counters
from .problems import Problem
from .relay import Relay

# For whom the middleware does not come by: those whom our server answers itself.
_cors = CorsMiddleware(lambda request: HttpResponse())
# What an Accept may call a stream, the most specific last.
_RANGES = ["*/*", "text/*", sse.CONTENT_TYPE]


class EventStream(StreamingHttpResponse):
    """A follower's response. Any server can iterate it; ours (events.serving) needs no thread.

    It holds a place in the relay, like an open file: closed, it gives it back.
    """

    def __init__(self, ours: Relay, follower: Follower) -> None:
        super().__init__(
            _frames(ours, follower),
            content_type=sse.CONTENT_TYPE,
            # A proxy must neither keep nor gather nor compress what is meant to arrive now.
            headers={
                "Cache-Control": "no-cache, no-transform",
                "X-Accel-Buffering": "no",
                "X-Content-Type-Options": "nosniff",
            },
        )
        self._place: tuple[Relay, Follower] | None = (ours, follower)
        follower.since = ours.clock  # until it is read: some servers drop a response unread

    def detach(self) -> tuple[Relay, Follower]:
        """Hand the place on to a caller, who then has to see to it that it is left."""
        assert self._place is not None
        place, self._place = self._place, None
        return place

    def close(self) -> None:
        """Leave the relay, whether it was read or not. Handlers do so on a thread of theirs."""
        if self._place is not None:
            ours, follower = self.detach()
            ours.release(follower)
        super().close()


async def stream(request: HttpRequest, **captures: Any) -> HttpResponseBase:
    """Follow what the address names, if the site's authority (EVENTS_AUTHORITY) permits it.

    200 with a stream that never repeats nor skips an event after Last-Event-ID; 204 when nothing
    will follow that id, which stops an EventSource; else a problem document.
    """
    response = await _answer(request, captures)
    if "HTTP_ORIGIN" in request.META:
        _cors.add_response_headers(request, response)
    if "token" in request.GET:
        # A grant is for pages of other sites. Nothing else was looked at to know who asks.
        response["Access-Control-Allow-Origin"] = "*"
    return response


# What the decorator does, without a call around each. The view changes nothing, and refuses other
# methods itself.
stream.csrf_exempt = True  # type: ignore[attr-defined]


async def _answer(request: HttpRequest, captures: dict[str, Any]) -> HttpResponseBase:
    try:
        return await _open(request, captures)
    except DatabaseError:
        detail = "The event log does not answer just now. Come back in a moment."
        return _refusal(Problem(503, "log_unavailable", detail, wait=5))
    except Exception as error:
        return _refusal(error)


def _refusal(error: Exception) -> HttpResponse:
    response = problems.response(error)
    counters.refused[str(response.status_code)] += 1
    if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        response["Allow"] = "GET"
    return response


async def _open(request: HttpRequest, captures: dict[str, Any]) -> HttpResponseBase:
    _check(request)
    ask, cursor = access.question(request, captures), _cursor(request)
    ours = _relay()
    follower = await ours.open(ask, cursor=cursor)
    if cursor is not None and follower.is_finished:
        follower.reason, follower.over = "ended", True
        ours.leave(follower)
        return HttpResponse(status=204)
    return EventStream(ours, follower)


def _check(request: HttpRequest) -> None:
    request.get_host()  # the middleware that refuses strange ones does not come this way
    if request.method != "GET":
        raise exceptions.MethodNotAllowed(request.method or "")
    accept = request.META.get("HTTP_ACCEPT", "*/*")
    if accept not in (sse.CONTENT_TYPE, "*/*") and not _allows(accept):
        detail = f"This address answers with {sse.CONTENT_TYPE} only; Accept has to allow that."
        raise Problem(406, "not_acceptable", detail)


def _allows(accept: str) -> bool:
    """Tell whether an Accept allows streams: the most specific range that has them in it decides.

    Django's request.accepts lets `*/*` overrule `text/event-stream;q=0`, and wants our charset.
    """
    ranges = [MediaType(part) for part in accept.split(",") if part.strip()]
    ours = [range for range in ranges if f"{range.main_type}/{range.sub_type}" in _RANGES]
    return not ranges or (bool(ours) and max(ours, key=_specificity).quality > 0)


def _specificity(range: MediaType) -> int:
    return _RANGES.index(f"{range.main_type}/{range.sub_type}")


def _cursor(request: HttpRequest) -> int | None:
    header, parameter = request.META.get("HTTP_LAST_EVENT_ID"), request.GET.get("last_event_id")
    try:
        return sse.last_event_id(header, parameter)
    except ValueError as error:
        detail = "Last-Event-ID must be the id of an event of this stream: a whole number."
        raise Problem(400, "bad_last_event_id", detail) from error


def _relay() -> Relay:
    ours = relay.current()
    if not ours.drains:
        ours.drains = True
        drain.install(ours)
    return ours


async def _frames(ours: Relay, follower: Follower) -> AsyncIterator[bytes]:
    """Yield the follower's bytes to whichever server iterates a response."""
    wake = asyncio.Event()
    follower.ready = wake.set
    yield sse.retry(RETRY)
    while True:
        wake.clear()
        if chunk := follower.take(ours.clock) or await ours.read_on(follower):
            yield chunk
        elif follower.over:
            return
        else:
            await wake.wait()
