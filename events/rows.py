"""Rows for many keys at once, by statements that need not be made anew for each number of keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.db import connection

# How an object of JSON becomes rows of `key` and `value`.
_ASKED = {"postgresql": "json_each_text(%s::json) asked", "sqlite": "json_each(%s) asked"}


def of(statement: str, keys: Mapping[str, int], **numbers: int) -> list[Any]:
    """Return the rows that the statement finds for the keys, each with a number to compare with.

    `{asked}` in the statement are rows `asked.key` and `asked.value`; the values are texts, to be
    cast where they are compared.
    """
    statement = statement.format(asked=_ASKED[connection.vendor], **numbers)
    with connection.cursor() as cursor:
        cursor.execute(statement, [json.dumps(keys)])
        return list(cursor.fetchall())
