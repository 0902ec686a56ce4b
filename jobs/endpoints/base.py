"""The words that all kinds of workers share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..runpod import RunPodError


@dataclass(frozen=True)
class Addresses:
    """Where our site may be called for a job: absolute, secret, good until the job has ended.

    A worker fetches the photo, tells its progress, and leaves a picture too large for its answer.
    """

    photo: str
    progress: str
    upload: str


@dataclass(frozen=True)
class Result:
    """A worker's picture, encoded and not checked yet, or the `url` at which to fetch it.

    One that `is_uploaded` is with us already, under its attempt's name (jobs.uploads).
    With it what the worker tells of its making, and what went wrong all the same.
    """

    image: bytes = b""
    url: str = ""
    is_uploaded: bool = False
    model: str = ""
    stages: list[dict[str, Any]] = field(default_factory=list)
    warnings: tuple[str, ...] = ()


class SettingError(ValueError):
    """A setting with which no worker can be given a photo; the message says why."""


class OptionsError(ValueError):
    """Options that this kind of worker cannot take; the message says which it can."""


class InputError(RunPodError):
    """A photo that this kind of worker cannot be given: known before anything is submitted."""


class OutputError(Exception):
    """A worker's output without a usable picture: a `code` and a sentence for the owner."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
