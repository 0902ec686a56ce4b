"""Rows by statements that are made once, and not anew with every use.

Making them takes the ORM several times as long as the database takes to answer (measured), and on
the way from RunPod's call to a browser there are two.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, cached_property, lru_cache
from itertools import count
from typing import Any, Generic, NamedTuple, Self, TypeVar, cast

import psycopg
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import AutoField, Field, Func, Model, QuerySet, TextField
from django.db.models.query import get_related_populators

M = TypeVar("M", bound=Model)

Statement = Mapping[str, str]  # by the database's vendor

# How an object of JSON becomes rows of `key` and `value`.
_ASKED = {"postgresql": "json_each_text(%s::json) asked", "sqlite": "json_each(%s) asked"}
# For each row by its index, whatever the planner thinks of the number of a function's rows.
_JOIN = {
    "postgresql": "CROSS JOIN LATERAL (SELECT * FROM {table} {name} WHERE {where} OFFSET 0) {name}",
    "sqlite": "JOIN {table} {name} ON {where}",
}


def join(name: str, table: str, where: str | Statement) -> Statement:
    """Return how rows of a table are found for the rows before them, by an index."""
    where = dict.fromkeys(_JOIN, where) if isinstance(where, str) else where
    return {
        vendor: text.format(name=name, table=table, where=where[vendor])
        for vendor, text in _JOIN.items()
    }


def statement(text: str, **parts: Statement) -> Statement:
    """Put the parts where the text names them, and `{asked}`: rows `asked.key` and `asked.value`.

    The values are texts, to be cast where they are compared.
    """
    return {
        vendor: text.format(asked=asked, **{name: part[vendor] for name, part in parts.items()})
        for vendor, asked in _ASKED.items()
    }


def of(statement: Statement, keys: Mapping[str, int], **numbers: int) -> list[Any]:
    """Return the rows that the statement finds for the keys, each with a number to compare with.

    Other numbers stand in the statement as `:name`.
    """
    text = statement[connection.vendor]
    for name, number in numbers.items():
        text = text.replace(f":{name}", str(number))
    with prepared() as cursor:
        cursor.execute(text, [json.dumps(keys)])
        return list(cursor.fetchall())


@contextmanager
def prepared() -> Iterator[CursorWrapper]:
    """Yield a cursor with which PostgreSQL plans a statement once for many values.

    From its fifth time on a connection, as psycopg does by itself. Django's own cursor writes the
    values into the text, which is another statement then: half the time of ours was planning
    (measured).
    """
    if connection.vendor != "postgresql":
        with connection.cursor() as cursor:
            yield cursor
        return
    connection.ensure_connection()
    bare: Any = _Numbered(connection.connection)
    make = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    with make(bare) as cursor:
        yield cursor


class _Numbered(psycopg.RawCursor[Any]):
    """A cursor that turns `%s` into PostgreSQL's own `$1` once for each statement.

    psycopg's does so every time where the statement is long or has many values, as all have that
    append events (measured: a fifth of the time from a worker's call to a browser).
    """

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        """Execute it."""
        return super().execute(query if params is None else _numbered(query), params, **options)


@lru_cache(maxsize=512)
def _numbered(statement: str) -> bytes:
    number = count(1)
    return re.sub(
        "%[s%]", lambda it: f"${next(number)}" if it[0] == "%s" else "%", statement
    ).encode()


class OutdatedError(Exception):
    """A row is not any more as it was read, and nothing was written."""


class Version(Func):
    """What tells the row that a column is of from any later state of it, where it was read so.

    PostgreSQL knows who wrote it last. SQLite has nothing of the kind: empty.
    """

    output_field = TextField()

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:  # type: ignore[override]
        """Return its SQL, as Django asks for it."""
        [column] = self.get_source_expressions()
        return f'"{column.alias}".xmin::text' if connection.vendor == "postgresql" else "''", ()


class _Plan(NamedTuple):
    """A statement, which of its parameters is the value, and how its rows are read."""

    sql: str
    parameters: tuple[Any, ...]
    place: int
    names: list[str]
    annotations: dict[str, int]  # where they stand
    converters: dict[int, tuple[list[Callable[..., Any]], Any]]
    related: list[Any]


class Lookup(Generic[M]):
    """A query by the value of one field, which Django makes into a statement only once.

    `query` returns it for a value, whatever that is; no other parameter may equal `example`.
    """

    def __init__(self, query: Callable[[Any], QuerySet[M]], field: str, *, example: Any) -> None:
        self._query, self._field, self._example = query, field, example
        self._plans: dict[str, _Plan] = {}

    def first(self, value: Any) -> M | None:
        """Return the first row, None if there is none."""
        return next(iter(self.all(value)), None)

    def all(self, value: Any) -> list[M]:
        """Return the rows."""
        plan = self._plans.get(connection.vendor) or self._made()
        parameters = list(plan.parameters)
        parameters[plan.place] = self._prepared(value)
        with prepared() as cursor:
            cursor.execute(plan.sql, parameters)
            found = cursor.fetchall()
        return [self._instance(_read(row, plan), plan) for row in found]

    def _instance(self, values: list[Any], plan: _Plan) -> M:
        instance = self._model.from_db(connection.alias, plan.names, values[: len(plan.names)])
        for related in plan.related:
            related.populate(values, instance)
        for name, at in plan.annotations.items():
            setattr(instance, name, values[at])
        return instance

    def _made(self) -> _Plan:
        compiler = self._query(self._example).query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        select, own = compiler.select, compiler.klass_info["select_fields"]
        plan = _Plan(
            sql,
            parameters,
            parameters.index(self._prepared(self._example)),
            [select[at][0].target.attname for at in own],
            compiler.annotation_col_map,
            compiler.get_converters([column for column, _, _ in select]),
            # The stubs are of a later Django.
            get_related_populators(compiler.klass_info, select, connection.alias),  # type: ignore[call-arg]
        )
        self._plans[connection.vendor] = plan
        return plan

    @cached_property
    def _model(self) -> type[M]:
        return self._query(self._example).model

    def _prepared(self, value: Any) -> Any:
        return _column(self._model, self._field).get_db_prep_value(value, connection)


def _read(row: Sequence[Any], plan: _Plan) -> list[Any]:
    values = list(row)
    for at, (converters, column) in plan.converters.items():
        for convert in converters:
            values[at] = convert(values[at], column, connection)
    return values


class Change(NamedTuple):
    """A statement that writes one row, and its values; to be made at once, or with others.

    One `of_version` writes nothing where the row is not as it was read.
    """

    statement: str
    values: list[Any]
    of_version: bool = False

    def make(self) -> None:
        """Execute it. Raises OutdatedError."""
        with prepared() as cursor:
            cursor.execute(self.statement, self.values)
            if self.of_version and not cursor.rowcount:
                raise OutdatedError


def update(row: Model, *fields: str) -> Change:
    """Return what writes the fields of a row that exists, as it is now.

    As `save` with `update_fields` does, without signals. A row that was read with its `version`
    has to be that still.
    """
    statement, columns = _update(type(row), fields)
    values = [_written(row, column) for column in columns]
    if version := getattr(row, "version", ""):
        return Change(f"{statement} AND xmin::text = %s", [*values, version], of_version=True)
    return Change(statement, values)


def insert(row: Model) -> Change:
    """Return what adds the row, as `save` with `force_insert` does, without signals."""
    statement, columns = _insert(type(row))
    for column in columns:
        column.pre_save(row, add=True)
    return Change(statement, [_written(row, column) for column in columns])


def _written(row: Model, column: Field[Any, Any]) -> Any:
    return column.get_db_prep_save(getattr(row, column.attname), connection)


@cache
def _update(model: type[Model], fields: tuple[str, ...]) -> tuple[str, list[Field[Any, Any]]]:
    meta = model._meta  # noqa: SLF001 - public, whatever its name
    assert meta.pk is not None
    columns = [_column(model, name) for name in fields]
    places = ", ".join(f'"{column.column}" = %s' for column in columns)
    statement = f'UPDATE "{meta.db_table}" SET {places} WHERE "{meta.pk.column}" = %s'  # noqa: S608 - names of ours
    return statement, [*columns, meta.pk]


@cache
def _insert(model: type[Model]) -> tuple[str, list[Field[Any, Any]]]:
    meta = model._meta  # noqa: SLF001
    # A number that the database gives is not ours to write.
    columns = [column for column in meta.concrete_fields if not isinstance(column, AutoField)]
    names = ", ".join(f'"{column.column}"' for column in columns)
    places = ", ".join(["%s"] * len(columns))
    # Not VALUES: where it is to be read from decides whether it is added.
    return f'INSERT INTO "{meta.db_table}" ({names}) SELECT {places}', columns


def _column(model: type[Model], name: str) -> Field[Any, Any]:
    return cast("Field[Any, Any]", model._meta.get_field(name))  # noqa: SLF001
