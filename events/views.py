"""The stream: what the log has, then what happens, then the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import NamedTuple, cast
from uuid import UUID

from corsheaders.middleware import CorsMiddleware
from django.core.exceptions import SuspiciousOperation
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.http.request import MediaType
from rest_framework import exceptions

from . import access, drain, problems, relay, sse
from .conf import settings
from .follower import RETRY, Follower
from .metrics import counters
from .problems import Problem
from .relay import Relay
from .requests import Request

# For whom the middleware does not come by: those whom our server answers itself.
_cors = CorsMiddleware(lambda request: HttpResponse())
# A proxy must neither keep nor gather nor compress what is meant to arrive now.
HEADERS = {
    "Content-Type": sse.CONTENT_TYPE,
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}
# Middleware that compresses (Django's own) would keep events back until it has enough of them.
_AS_IT_IS = {"Content-Encoding": "identity"}
# What is kept of an answer is for one origin.
_FOR_NOBODY = {"Vary": "origin"}
# What an Accept may call a stream, the most specific last.
_RANGES = ["*/*", "text/*", sse.CONTENT_TYPE]


class Place(NamedTuple):
    """A follower and the relay that it has to leave again."""

    relay: Relay
    follower: Follower


class EventStream(StreamingHttpResponse):
    """A follower's response, for any server to iterate; ours (events.serving) goes without.

    It holds a place in the relay, like an open file: closed, it gives it back.
    """

    def __init__(self, place: Place) -> None:
        super().__init__(_frames(*place), headers=HEADERS | _AS_IT_IS)
        self._place = place
        # Until it is read: some servers drop a response unread.
        place.follower.since = place.relay.clock

    def close(self) -> None:
        """Leave the relay, whether it was read or not. Handlers do so on a thread of theirs."""
        self._place.relay.release(self._place.follower)
        super().close()


async def stream(request: HttpRequest, id: UUID | None = None) -> HttpResponseBase:
    """Follow what the address names, if the site's authority (EVENTS_AUTHORITY) permits it.

    200 with a stream that never repeats nor skips an event after Last-Event-ID; 204 when nothing
    will follow that id, which stops an EventSource; else a problem document.
    """
    answer = await enter(request, str(id) if id else None)
    response = EventStream(answer) if isinstance(answer, Place) else answer
    for name, value in for_other_origins(request).items():
        response.headers[name] = value
    return response


# What the decorator does, without a call around each. The view changes nothing, and refuses other
# methods itself.
stream.csrf_exempt = True  # type: ignore[attr-defined]


def for_other_origins(request: Request) -> dict[str, str]:
    """Return the headers that let pages of other origins read the answer."""
    if _has_grant(request):
        # A grant is for pages of other sites. Nothing else was looked at to know who asks.
        exposed = ", ".join(settings.CORS_EXPOSE_HEADERS)
        return {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": exposed}
    if "origin" not in request.headers:
        return _FOR_NOBODY
    answer = HttpResponse()
    _cors.add_response_headers(cast("HttpRequest", request), answer)
    return {name: value for name, value in answer.items() if name != "Content-Type"}


def _has_grant(request: Request) -> bool:
    try:
        return "token" in request.GET
    except SuspiciousOperation:  # a query of thousands of fields
        return False


async def enter(request: Request, id: str | None) -> Place | HttpResponse:
    """Return a place, which the caller has to see to it that is left, or why there is none."""
    try:
        return await _open(request, id)
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


async def _open(request: Request, id: str | None) -> Place | HttpResponse:
    _check(request)
    ask, cursor = access.question(request, id), _cursor(request)
    ours = _relay()
    follower = await ours.open(ask, cursor=cursor)
    if cursor is not None and follower.is_finished:
        follower.reason, follower.over = "ended", True
        ours.leave(follower)
        return _nothing_more()
    return Place(ours, follower)


def _nothing_more() -> HttpResponse:
    answer = HttpResponse(status=204)
    del answer["Content-Type"]  # of nothing
    return answer


def _check(request: Request) -> None:
    request.get_host()  # the middleware that refuses strange ones does not come this way
    if request.method != "GET":
        raise exceptions.MethodNotAllowed(request.method or "")
    accept = request.headers.get("accept", "*/*")
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


def _cursor(request: Request) -> int | None:
    # The white space around a header's value is none of it, but a server may leave what follows.
    header = request.headers.get("last-event-id", "").strip(" \t")
    try:
        return sse.last_event_id(header, request.GET.get("last_event_id"))
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
