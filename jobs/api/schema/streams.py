"""Streams and webhooks in the description: each event's JSON Schema, with an example."""

from __future__ import annotations

import json
from typing import Any

from django.urls import reverse

from events import sse
from events.models import DELETED

from ...models import WAITING, Status
from ...outgoing.rules import EVENT_TYPES
from ...snapshots import JobSnapshot
from ...streams import PROGRESS
from .shapes import Schema, schema_of

RESET = "reset"
_TYPES = [*EVENT_TYPES, PROGRESS, RESET]
_JOB = "0b8f1c1e-5d0f-4c53-9c39-0f8f6c0e4a11"
_PHOTO = "5f5d0c3b-4b0a-4f0a-8a53-2f6f9f1d7c22"
_RESTORE = "c1a7e6f2-9d1b-4e0e-b1f5-7f3b0f6a9d33"
_ID = {"type": "string", "format": "uuid"}


def paths() -> Schema:
    """Return the streams' addresses."""
    one = reverse("events:one", args=[_JOB]).replace(_JOB, "{job_id}")
    job = {"name": "job_id", "in": "path", "required": True, "schema": _ID}
    return {
        reverse("events:mine"): {"get": _operation("followAll", "Follow all jobs of mine", [])},
        one: {"get": _operation("followJob", "Follow one job of mine", [job])},
    }


def _operation(id: str, summary: str, parameters: list[Schema]) -> Schema:
    number = {"type": "string", "pattern": "^[0-9]{0,18}$"}
    return {
        "operationId": id,
        "summary": summary,
        "description": (
            "Server-Sent Events. Each has `id`, which counts from 1 in its stream, an `event` and "
            "`data`: one of the schemas `Event…`. A client that comes back with the last id misses "
            "nothing and gets nothing twice. 204: nothing will follow any more.\n\n"
            f"```\n{_frames()}```"
        ),
        "tags": ["events"],
        "security": [{"token": []}, {"cookieAuth": []}, {"grant": []}],
        "parameters": [
            *parameters,
            {"name": "Last-Event-ID", "in": "header", "schema": number},
            {"name": "last_event_id", "in": "query", "schema": number},
        ],
        "responses": {
            "200": {
                "description": "The stream.",
                "content": {
                    sse.CONTENT_TYPE: {
                        # Of each event, as OpenAPI 3.2 says by itemSchema, which 3.1 has not.
                        "schema": {"oneOf": [_frame(type) for type in _TYPES]},
                        "examples": {type: {"value": _sent(type)} for type in _TYPES},
                    }
                },
            },
            "204": {"description": "Nothing follows the id that was given."},
        },
        "x-is-stream": True,
    }


def _frame(type: str) -> Schema:
    data = {"$ref": f"#/components/schemas/{name_of(type)}"}
    return {
        "type": "object",
        "properties": {
            "id": {"type": "string", "pattern": "^[0-9]+$"},
            "event": {"const": type},
            "data": {
                "type": "string",
                "contentMediaType": "application/json",
                "contentSchema": data,
            },
        },
        "required": ["id", "event", "data"],
    }


def _sent(type: str) -> dict[str, str]:
    return {"id": "7", "event": type, "data": json.dumps(example(type))}


def _frames() -> str:
    types = (Status.QUEUED.value, PROGRESS, Status.COMPLETED.value)
    return "retry: 3000\n\n" + "".join(
        f"id: {number}\nevent: {type}\ndata: {json.dumps(example(type))}\n\n"
        for number, type in enumerate(types, start=1)
    )


def events() -> Schema:
    """Return each event's schema by its name."""
    return {name_of(type): _event(type) for type in _TYPES}


def name_of(type: str) -> str:
    """Return the name of an event's schema, such as EventTimedOut."""
    return "Event" + "".join(word.capitalize() for word in type.split("_"))


def _event(type: str) -> Schema:
    if type == RESET:
        return {
            "type": "object",
            "description": "What followed the id is not in the log any more: read the job again.",
            "properties": {"last_event_id": {"type": "integer"}},
            "required": ["last_event_id"],
            "examples": [example(type)],
        }
    return {
        "description": f"The data of `{type}`: the job.",
        "allOf": [
            schema_of(JobSnapshot),
            {"properties": {"status": _told(type)}},
        ],
        "examples": [example(type)],
    }


def _told(type: str) -> Schema:
    """Return what the job's status may be; one that waits is told of its turn by `progress`."""
    if type == PROGRESS:
        told = [*(status.value for status in WAITING), Status.PROCESSING.value]
    else:
        told = [type]
    # No const: generators of clients do not see that it is one of the snapshot's.
    return {"type": "string", "enum": told}


def _status(type: str) -> str:
    return Status.PROCESSING.value if type == PROGRESS else type


def example(type: str) -> dict[str, Any]:
    """Return an event's data."""
    if type == RESET:
        return {"last_event_id": 41}
    status = _status(type)
    return {
        "job_id": _JOB,
        "photo_id": _PHOTO,
        "restore_id": _RESTORE if status == Status.COMPLETED else None,
        "status": status,
        "progress": {Status.COMPLETED: 100, Status.QUEUED: 0}.get(status, 38),  # type: ignore[call-overload]
        "stage": "noise" if status == Status.PROCESSING else None,
        "ahead": 3 if status == Status.QUEUED else None,
        "options": {"scale": 2},
        "restore": _restore() if status == Status.COMPLETED else None,
        "error": _error(status),
        "created_at": "2026-11-24T15:26:49.726Z",
        "requested_at": "2026-11-24T15:26:49.731Z",
        "queued_at": "2026-11-24T15:26:49.912Z",
        "started_at": None if status == Status.QUEUED else "2026-11-24T15:26:51.204Z",
        "finished_at": "2026-11-24T15:26:58.117Z" if _ends(status) else None,
        "url": reverse("api:job", args=[_JOB]),
        "events_url": reverse("events:one", args=[_JOB]),
    }


def _ends(status: str) -> bool:
    return status not in (Status.QUEUED, Status.PROCESSING, DELETED)


def _restore() -> dict[str, Any]:
    url = reverse("api:restore", args=[_RESTORE])
    return {
        "id": _RESTORE,
        "image_url": f"{url}/image",
        "preview_url": f"{url}/preview",
        "thumbnails_url": f"{url}/thumbnails/",
        "format": "JPEG",
        "width": 2400,
        "height": 1800,
        "bytes": 1048576,
    }


def _error(status: str) -> dict[str, Any] | None:
    codes = {
        "failed": ("worker_failed", "The worker could not restore this photo."),
        "cancelled": ("cancelled", "The restoration was cancelled."),
        "timed_out": ("timed_out", "The restoration took too long and was stopped."),
    }
    if status not in codes:
        return None
    code, message = codes[status]
    return {"code": code, "message": message, "retryable": True}


def webhooks() -> Schema:
    """Return what a registered address is called with."""
    return {type: {"post": _webhook(type)} for type in EVENT_TYPES}


def _webhook(type: str) -> Schema:
    header = {"in": "header", "required": True, "schema": {"type": "string"}}
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    return {
        "operationId": f"on{name_of(type).removeprefix('Event')}",
        "summary": f"A job of mine is {_status(type).replace('_', ' ')}",
        "description": "Signed as Standard Webhooks says. 410 switches the webhook off.",
        "tags": ["webhooks"],
        "security": [],  # who calls is known by the signature
        "parameters": [{**header, "name": name} for name in names],
        "requestBody": {"content": {"application/json": {"schema": _call(type)}}},
        "responses": {"2XX": {"description": "Taken. Anything else is tried again for a day."}},
    }


def _call(type: str) -> Schema:
    time = "2026-11-24T15:26:58.117Z"
    return {
        "type": "object",
        "properties": {
            "type": {"const": type},
            "timestamp": {"type": "string", "format": "date-time"},
            "data": {"$ref": f"#/components/schemas/{name_of(type)}"},
        },
        "required": ["type", "timestamp", "data"],
        "examples": [{"type": type, "timestamp": time, "data": example(type)}],
    }
