"""The words that all kinds of workers share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Addresses:
    """Where a worker fetches the photo and tells its progress: absolute, secret, expiring."""

    photo: str
    progress: str


@dataclass(frozen=True)
class Result:
    """A worker's picture, encoded and not checked yet, and what it tells of its making."""

    image: bytes
    model: str = ""
    stages: list[dict[str, Any]] = field(default_factory=list)


class OptionsError(ValueError):
    """Options that this kind of worker cannot take; the message says which it can."""


class OutputError(Exception):
    """A worker's output without a usable picture: a `code` and a sentence for the owner."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
