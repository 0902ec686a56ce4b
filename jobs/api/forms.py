"""What bodies and queries may have in them, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rest_framework import serializers


def one_of(values: Iterable[str]) -> serializers.ChoiceField:
    """Return a field that takes one of the values, and names them to who gives another."""
    names = list(values)
    message = f'"{{input}}" is none of {", ".join(names)}.'
    return serializers.ChoiceField(names, error_messages={"invalid_choice": message})


class StrictForm(serializers.Serializer):
    """A form that takes no other members: who misspells one does not mean its default."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return what was given. Raises ValidationError for other members."""
        if others := set(self.initial_data) - set(self.fields):
            sentence = f"There is no such member, only {', '.join(self.fields)}."
            raise serializers.ValidationError(dict.fromkeys(sorted(others), sentence))
        return attrs
