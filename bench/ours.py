"""The site's ASGI application, and beside it the one address that it lacks for a comparison:
an event without a commit, which crosses the broker like a real one."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import Any

from photorestore.asgi import application as site  # which sets Django up for what follows

# isort: split
from events import messages
from events.models import Event

from .wire import LOGGED

PUBLISH = "/publish/"
_seqs: defaultdict[str, int] = defaultdict(lambda: len(LOGGED))


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Serve POST /publish/{job_id}; the site serves the rest."""
    if scope["type"] == "http" and scope["path"].startswith(PUBLISH):
        announce(f"job.{scope['path'].removeprefix(PUBLISH)}", await _body(receive))
        await send({"type": "http.response.start", "status": 202, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": b""})
    else:
        await site(scope, receive, send)


def announce(stream: str, data: str) -> None:
    """Tell every process of an event that no log has, as `events.messages.announce` would."""
    _seqs[stream] += 1
    event = Event(stream_id=stream, seq=_seqs[stream], type="progress", data=data)
    messages.outbox().put([messages.message_of(event)], time.time())


_HEADERS = [(b"content-length", b"0")]


async def _body(receive: Any) -> str:
    body, more = b"", True
    while more:
        message = await receive()
        body += message["body"]
        more = message["more_body"]
    return body.decode()
