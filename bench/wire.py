"""HTTP requests as the bytes that the client sends, and the event that it publishes."""

from __future__ import annotations

import json
from dataclasses import dataclass

# The client makes it a number that no other event has, and looks for that number in the streams.
NUMBER = "@@@@@@@@@@"
# The events that the log of each stream of ours has when a run begins.
LOGGED = ("queued", "processing", "progress")


@dataclass(frozen=True)
class Post:
    """A request whose effect the stream shall show: by `mark`, or by the number in it.

    `stream` counts from the first that the client opened; -1 stands for all of them.
    """

    request: bytes
    stream: int
    mark: str = "-"


def get(target: str, **headers: str) -> bytes:
    """Return a request for a stream, as an EventSource sends it."""
    return _request("GET", target, {"Accept": "text/event-stream", **headers}, b"")


def post(target: str, body: bytes) -> bytes:
    """Return a request with a JSON body."""
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    return _request("POST", target, headers, body)


def _request(method: str, target: str, headers: dict[str, str], body: bytes) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join((*lines, "", "")).encode() + body


def event_data() -> bytes:
    """Return an event's data, of the size and form of a job's snapshot, with the number in it."""
    job, photo = "/api/v1/jobs/", "11111111-2222-3333-4444-555555555555"
    snapshot = {
        "job_id": photo,
        "photo_id": photo,
        "restore_id": None,
        "status": "processing",
        "progress": 50,
        "stage": NUMBER,
        "options": {"scale": 1},
        "restore": None,
        "error": None,
        "created_at": "2026-11-24T12:00:00.000Z",
        "finished_at": None,
        "url": job + photo,
        "events_url": "/api/v1/events/" + photo,
    }
    return json.dumps(snapshot, separators=(",", ":")).encode()
