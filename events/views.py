"""The stream: what the log has, then what happens, then the end."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from time import monotonic
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.module_loading import import_string
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions

from . import drain, log, problems, relay, sse
from .follower import Follower
from .problems import Problem
from .reads import read

# Milliseconds. After a shutdown all clients come back; the jitter keeps them from coming at once.
RETRY = 3000
RETRY_SPREAD = (500, 5000)


@csrf_exempt  # it changes nothing, and says so of other methods itself
async def stream(request: HttpRequest, **captures: Any) -> HttpResponseBase:
    """Follow the stream that the setting EVENTS_AUTHORIZE names for this caller and address.

    200 with a stream that never repeats nor skips an event after Last-Event-ID; 204 when nothing
    will follow that id, which stops an EventSource; else a problem document.
    """
    try:
        if request.method != "GET":
            raise exceptions.MethodNotAllowed(request.method or "")
        name = await read(import_string(settings.EVENTS_AUTHORIZE), request, **captures)
        seen = _cursor(request)
    except Exception as error:
        return problems.response(error)
    if seen and await read(log.has_ended, name, seen):
        return HttpResponse(status=204)
    return StreamingHttpResponse(
        _frames(name, seen),
        content_type=sse.CONTENT_TYPE,
        # A proxy must neither keep nor gather nor compress what is meant to arrive now.
        headers={"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"},
    )


def _cursor(request: HttpRequest) -> int:
    header, parameter = request.headers.get("Last-Event-ID"), request.GET.get("last_event_id")
    try:
        return sse.last_event_id(header, parameter)
    except ValueError as error:
        detail = "Last-Event-ID must be the id of an event of this stream: a whole number."
        raise Problem(400, "bad_last_event_id", detail) from error


async def _frames(name: str, seen: int) -> AsyncIterator[bytes]:
    yield sse.retry(RETRY)
    last = await read(log.last_seq, name)
    if seen > last:
        # Not an id of this stream: its log began anew. Said aloud, never skipped in silence.
        yield sse.frame(id=last, event="reset", data=f'{{"last_event_id":{last}}}')
        if await read(log.has_ended, name, last):
            return
    async for frame in _live(name, min(seen, last)):
        yield frame


async def _live(name: str, seen: int) -> AsyncIterator[bytes]:
    """Yield what follows `seen`, until the stream's end, this connection's, or the server's."""
    ours = _relay()
    await ours.subscribed.wait()
    until = monotonic() + settings.EVENTS_LIFETIME * random.uniform(0.8, 1.2)  # noqa: S311
    # Follow before reading the log, so that nothing falls between.
    with ours.follow(name, seen=seen) as follower:
        follower.fall_behind()
        while not ours.closing and monotonic() < until:
            if not await follower.wait(within=settings.EVENTS_HEARTBEAT):
                yield sse.HEARTBEAT
                continue
            async for frame, final in _due(name, follower):
                yield frame
                if final:
                    return
        yield sse.retry(random.randint(*RETRY_SPREAD))  # noqa: S311


def _relay() -> relay.Relay:
    ours = relay.current()
    if not ours.drains:
        ours.drains = True
        drain.install(ours)
    return ours


async def _due(name: str, follower: Follower) -> AsyncIterator[tuple[bytes, bool]]:
    """Yield what the follower is owed now: messages that are next in line, then the log's rest."""
    messages, behind = follower.take()
    for message in messages:
        follower.seen = message["seq"]
        data = sse.frame(id=message["seq"], event=message["event"], data=message["data"])
        yield data, message["final"]
    while behind:
        events = await read(log.after, name, follower.seen)
        for event in events:
            follower.seen = event.seq
            yield sse.frame(id=event.seq, event=event.type, data=event.data), event.final
        behind = len(events) == log.PAGE
