"""JSON Schema of the shapes that we answer with, which are TypedDicts."""

from __future__ import annotations

import inspect
from datetime import datetime
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints, is_typeddict

from events.models import DELETED

from ...models import DeliveryStatus, Scope, Status
from ...outgoing.rules import EVENT_TYPES

Schema = dict[str, Any]

_PLAIN: dict[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    float: {"type": "number"},
    datetime: {"type": "string", "format": "date-time"},
    Any: {},
    # Of our own making: a dict without a shape is one whose members are not ours to promise.
    dict: {"type": "object", "additionalProperties": {}},
}
# What a name says of a text, wherever it stands.
_BY_ENDING = {
    "id": {"format": "uuid"},
    "_id": {"format": "uuid"},
    "_at": {"format": "date-time"},
    "_url": {"format": "uri-reference"},
}
_ENUMS = {
    ("JobSnapshot", "status"): [*Status.values, DELETED],
    ("Job", "status"): Status.values,
    ("Delivery", "status"): DeliveryStatus.values,
    ("Delivery", "type"): EVENT_TYPES,
}
_BOUNDS: dict[tuple[str, str], Schema] = {
    (name, "progress"): {"minimum": 0, "maximum": 100} for name in ("JobSnapshot", "Job")
}
components: dict[str, Schema] = {}


def schema_of(hint: Any) -> Schema:
    """Return the schema of a type; a TypedDict becomes a component, and is referred to."""
    if is_typeddict(hint):
        return _reference(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is list:
        return {"type": "array", "items": schema_of(arguments[0])}
    if origin is UnionType or NoneType in arguments:
        [other] = [each for each in arguments if each is not NoneType]
        return _or_null(schema_of(other))
    return dict(_PLAIN[origin or hint])


def name_of(shape: type) -> str:
    """Return the name of a TypedDict's component."""
    return shape.__name__.removesuffix("Document")


def _reference(shape: type) -> Schema:
    name = name_of(shape)
    if name not in components:
        components[name] = {}  # should it refer to itself
        components[name] = _object(name, shape)
    return {"$ref": f"#/components/schemas/{name}"}


def _object(name: str, shape: type) -> Schema:
    hints = get_type_hints(shape)
    return {
        "type": "object",
        "description": inspect.cleandoc(shape.__doc__ or ""),
        "properties": {field: _field(name, field, hint) for field, hint in hints.items()},
        "required": list(hints),
    }


def _field(name: str, field: str, hint: Any) -> Schema:
    schema = schema_of(hint)
    if values := _ENUMS.get((name, field)):
        return {**schema, "enum": list(values)}
    if "string" in schema.get("type", ""):
        for ending, more in _BY_ENDING.items():
            if field == ending or (ending[0] == "_" and field.endswith(ending)):
                schema |= more
    return {**schema, **_BOUNDS.get((name, field), {})}


def _or_null(schema: Schema) -> Schema:
    if "type" in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"oneOf": [schema, {"type": "null"}]}


def scopes() -> str:
    """Return the scopes of tokens as a sentence has them."""
    return ", ".join(f"`{scope.value}`" for scope in Scope)
