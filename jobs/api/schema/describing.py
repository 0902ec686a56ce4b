"""What is said of an operation where it is written."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from ... import pictures
from .shapes import schema_of

F = TypeVar("F", bound=Callable[..., Any])

_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    OpenApiParameter.HEADER,
    description="Sent again with the same, it makes nothing a second time.",
)
_FORMAT = OpenApiParameter(
    "format", str, enum=list(pictures.CONVERSIONS), description="Another than it has."
)
_CONDITIONS = [
    OpenApiParameter(name, str, OpenApiParameter.HEADER)
    for name in ("If-None-Match", "If-Match", "Range", "If-Range")
]


def describe(
    id: str,
    answers: Mapping[int, Any],
    *,
    takes: Any = None,
    filters: Any = None,
    key: bool = False,
) -> Callable[[F], F]:
    """Describe an operation: its id, its answers by status, each a TypedDict or None.

    `takes` is the form of its body, `filters` of its query; `key`: it takes an Idempotency-Key. Its
    docstring is its description.
    """
    parameters = [*([filters] if filters else []), *([_KEY] if key else [])]

    def decorate(view: F) -> F:
        return extend_schema(
            operation_id=id,
            summary=_summary(view),
            request=takes,
            parameters=parameters,
            responses={status: _answer(shape) for status, shape in answers.items()},
        )(view)

    return decorate


def _summary(view: Callable[..., Any]) -> str:
    """Return the docstring's first words, up to where details begin."""
    first = inspect.getdoc(view) or ""
    for end in (". ", ": ", ".\n"):
        first = first.partition(end)[0]
    return first.removesuffix(".")


def _answer(shape: Any) -> OpenApiResponse:
    return OpenApiResponse(None if shape is None else schema_of(shape))


def describe_picture(id: str, *, formats: bool = False) -> Callable[[F], F]:
    """Describe an operation that answers with a picture, in another format if asked for."""
    extensions = map(pictures.extension_of, pictures.CONVERSIONS)
    types = sorted({pictures.MEDIA_TYPES[extension] for extension in extensions})
    bytes = OpenApiResponse({"type": "string", "format": "binary"})
    responses: dict[Any, Any] = {(status, type): bytes for status in (200, 206) for type in types}
    responses[304] = OpenApiResponse(description="The client has it.")
    parameters = [*_CONDITIONS, *([_FORMAT] if formats else [])]

    def decorate(view: F) -> F:
        return extend_schema(
            operation_id=id, summary=_summary(view), parameters=parameters, responses=responses
        )(view)

    return decorate
