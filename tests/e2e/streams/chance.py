"""Chance that can be had again."""

from __future__ import annotations

import random


def chance_of(*names: object) -> random.Random:
    """Return a source of chance that is always the same for the same names."""
    return random.Random(" ".join(map(str, names)))  # noqa: S311
