"""What drf-spectacular cannot know: who may call, how anything is refused, the streams."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.urls import reverse
from drf_spectacular.extensions import OpenApiAuthenticationExtension

from events.problems import CONTENT_TYPE, ProblemDocument

from ... import pictures
from . import streams
from .choices import options
from .shapes import Schema, components, schema_of, scopes

_BODY = ("post", "put", "patch")
_GRANT = {
    "type": "apiKey",
    "in": "query",
    "name": "token",
    "description": "What `POST /api/v1/events/token` answers: it opens streams, and nothing else.",
}
_QUOTA = (
    *("RateLimit", "RateLimit-Policy"),
    *("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"),
)
# What answers say in their header, by their status, and by what was asked.
_BY_STATUS = {
    "206": ("Content-Range",),
    "401": ("WWW-Authenticate",),
    "416": ("Content-Range",),
    "429": ("Retry-After",),
    "503": ("Retry-After",),
}
_BY_OPERATION = {
    "Link": ["upload", "listPhotos", "listJobs", "createJob", "getJob", "startJob", "cancelJob"],
    "Location": ["upload", "createWebhook"],
}


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """API tokens."""

    target_class = "jobs.authentication.BearerAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> Schema:
        """Return the scheme."""
        return {
            "type": "http",
            "scheme": "bearer",
            "description": f"An API token, with the scope that the call needs: {scopes()}.",
        }


def only_ours(endpoints: list[Any]) -> list[Any]:
    """Leave out what RunPod and its workers call."""
    return [each for each in endpoints if not each[0].startswith("/api/v1/webhooks/runpod-")]


def complete(result: Schema, **kwargs: Any) -> Schema:
    """Add what all operations have, the streams, the webhooks, and the shapes of all of them."""
    result["paths"] |= streams.paths()
    for method, operation in _operations(result):
        _refuse(method, operation)
    result["webhooks"] = streams.webhooks()
    known = result.setdefault("components", {}).setdefault("schemas", {})
    known |= streams.events()
    _offer(result["paths"], known)
    _close(known)
    known |= components  # all that was referred to until here
    result["components"]["securitySchemes"]["grant"] = _GRANT
    result["components"]["schemas"] = dict(sorted(known.items()))
    return result


def _offer(paths: Schema, forms: Schema) -> None:
    """Say which options there are here, and how a form of parts has them."""
    known = options()
    forms["JobFormRequest"]["properties"]["options"] = known
    either = {"oneOf": [{"type": "boolean"}, known], "default": False}
    forms["PhotoFormRequest"]["properties"]["restore"] = either
    [form] = paths[reverse("api:photos")]["post"]["requestBody"]["content"].values()
    form["encoding"] = {
        "image": {"contentType": ", ".join(sorted({*pictures.MEDIA_TYPES.values()}))},
        "restore": {"contentType": "application/json"},
    }


def _close(forms: Schema) -> None:
    """Say that forms in JSON take nothing else."""
    for name, form in forms.items():
        if name.endswith("FormRequest") and name != "PhotoFormRequest":
            form["additionalProperties"] = False


def _operations(result: Schema) -> Iterator[tuple[str, Schema]]:
    for path in result["paths"].values():
        yield from path.items()


def _refuse(method: str, operation: Schema) -> None:
    """Add the refusals that any such operation may answer with, and the quota's headers."""
    responses, problem = operation["responses"], _problem()
    for status in _refusals(method, operation):
        responses.setdefault(
            str(status), {"description": HTTPStatus(status).phrase, "content": problem}
        )
    for status, response in responses.items():
        response["description"] = response["description"] or HTTPStatus(int(status)).phrase
        if names := _headers(status, operation):
            headers = {name: {"schema": {"type": "string"}} for name in names}
            response["headers"] = response.get("headers", {}) | headers
    operation["responses"] = dict(sorted(responses.items()))


def _headers(status: str, operation: Schema) -> list[str]:
    """Return what such an answer says in its header."""
    found = list(_BY_STATUS.get(status, ()))
    if operation.get("x-is-stream"):
        return found
    if status[0] == "2" or status == "429":
        found += _QUOTA
    if status in ("200", "206", "304") and "304" in operation["responses"]:
        found += ["ETag"]
    if status[0] == "2":
        found += [name for name, ids in _BY_OPERATION.items() if operation["operationId"] in ids]
    return found


def _problem() -> Schema:
    return {CONTENT_TYPE: {"schema": schema_of(ProblemDocument)}}


def _refusals(method: str, operation: Schema) -> list[int]:
    found = [400, 401, 403, 404, 406, 429, 500, 503]
    if method in _BODY:
        found += [409, 413, 415]
    if "304" in operation["responses"]:
        found += [412, 416]
    return found
