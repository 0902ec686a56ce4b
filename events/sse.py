"""The text/event-stream format, and only that.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

CONTENT_TYPE = "text/event-stream"
HEARTBEAT = b": heartbeat\n\n"


def frame(*, id: int, event: str, data: str) -> bytes:
    """Return one event as UTF-8 bytes. `data` is one line (JSON without line breaks)."""
    return f"id: {id}\nevent: {event}\ndata: {data}\n\n".encode()


def retry(milliseconds: int) -> bytes:
    """Return the line that sets how long a client waits before it comes back."""
    return f"retry: {milliseconds}\n\n".encode()


def last_event_id(header: str | None, parameter: str | None) -> int | None:
    """Return the number a client has seen last; the header wins, as a browser sets it.

    None where neither is given: a client that knows nothing yet. Raises ValueError for what is not
    a number of ours, also where the other one counts.
    """
    numbers = [_number(value) for value in (header, parameter) if value]
    return numbers[0] if numbers else None


def _number(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 19:
        return int(text)
    raise ValueError(text)
