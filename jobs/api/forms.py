"""Bodies in JSON: what they may have in them, and nothing else."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class StrictForm(serializers.Serializer):
    """A form that takes no other members: who misspells one does not mean its default."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return what was given. Raises ValidationError for other members."""
        if others := set(self.initial_data) - set(self.fields):
            sentence = f"There is no such member, only {', '.join(self.fields)}."
            raise serializers.ValidationError(dict.fromkeys(sorted(others), sentence))
        return attrs
