"""The options of a job, as the worker in use offers them."""

from __future__ import annotations

import math

from ... import endpoints
from ...endpoints import Option
from .shapes import Schema

_KINDS = {bool: "boolean", int: "integer", float: "number", str: "string"}


def options() -> Schema:
    """Return the schema of `options`: they differ from one kind of worker to the next."""
    offered = endpoints.current().offered()
    properties = {name: _option(option) for name, option in offered.items()}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _option(option: Option) -> Schema:
    if option.choices:
        return {"enum": list(option.choices), "default": option.default}
    kind = type(option.default)
    names = ("minLength", "maxLength") if kind is str else ("minimum", "maximum")
    bounds = dict(zip(names, (option.minimum, option.maximum), strict=True))
    return {
        "type": _KINDS[kind],
        "default": option.default,
        **{name: bound for name, bound in bounds.items() if math.isfinite(bound)},
    }
