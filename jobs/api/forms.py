"""What bodies and queries may have in them, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.http import QueryDict
from rest_framework import serializers


def one_of(values: Iterable[str]) -> serializers.ChoiceField:
    """Return a field that takes one of the values, and names them to who gives another."""
    names = list(values)
    message = f'"{{input}}" is none of {", ".join(names)}.'
    return serializers.ChoiceField(names, error_messages={"invalid_choice": message})


def refuse_repeated(given: QueryDict, names: Iterable[str]) -> None:
    """Raise ValidationError where a form or a query has one of these several times."""
    if twice := [name for name in names if len(given.getlist(name)) > 1]:
        raise serializers.ValidationError(dict.fromkeys(twice, "May be given once."))


class Id(serializers.UUIDField):
    """An id as text; DRF would take any number for one."""

    def to_internal_value(self, data: Any) -> UUID:
        """Return the id. Raises ValidationError."""
        if not isinstance(data, str):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


class Flag(serializers.BooleanField):
    """True or false; DRF would take "no" and 0 as well."""

    def to_internal_value(self, data: Any) -> bool:
        """Return it. Raises ValidationError."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class StrictForm(serializers.Serializer):
    """A form that takes no other members: who misspells one does not mean its default."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return what was given. Raises ValidationError for other members."""
        if others := set(self.initial_data) - set(self.fields):
            sentence = f"There is no such member, only {', '.join(self.fields)}."
            raise serializers.ValidationError(dict.fromkeys(sorted(others), sentence))
        return attrs
