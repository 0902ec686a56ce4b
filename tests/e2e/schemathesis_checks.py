"""What schemathesis also does (SCHEMATHESIS_HOOKS): it runs in a process of its own."""

from __future__ import annotations

import json
import os
from typing import Any
from uuid import UUID

import schemathesis

FOREIGN = os.environ["SCHEMATHESIS_FOREIGN"]
# What there is, of the caller and of somebody else, by the names in addresses.
THINGS: dict[str, list[str]] = json.loads(os.environ["SCHEMATHESIS_THINGS"])


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Let most ids be of things that there are: made-up ones lead nowhere."""
    for name, known in THINGS.items():
        value = case.path_parameters.get(name) if case.path_parameters else None
        if is_id(value):
            case.path_parameters[name] = [*known, value][UUID(value).int % 3]


def is_id(value: Any) -> bool:
    """Tell whether it is one: what is wrong on purpose stays wrong."""
    try:
        return bool(str(UUID(value)) == value)
    except (ValueError, TypeError, AttributeError):
        return False


@schemathesis.check
def nothing_foreign(context: Any, response: Any, case: Any) -> None:
    """Fail where an answer has something of somebody else's in it."""
    assert FOREIGN.encode() not in response.content
