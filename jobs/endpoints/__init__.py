"""Kinds of RunPod workers: a module each, chosen by RUNPOD_ENDPOINT_KIND."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from django.conf import settings

from ..models import Photo
from ..runpod import Report
from . import comfyui, generic, photorestore
from .base import Addresses, InputError, OptionsError, OutputError, Result, SettingError
from .options import Option


class Endpoint(Protocol):
    """What such a module offers."""

    def offered(self) -> Mapping[str, Option]:
        """Return what may be chosen, by its name: for pages and programs to ask."""

    def deed(self) -> str:
        """Return what is done where nothing is chosen: the name of a preset."""

    def clean(self, options: dict[str, Any], *, width: int, height: int) -> dict[str, Any]:
        """Return the options completed with defaults; OptionsError says what is allowed."""

    def build(self, options: dict[str, Any], addresses: Addresses, photo: Photo) -> dict[str, Any]:
        """Return RunPod's `input`; InputError where this photo cannot be given to it."""

    def read(self, output: Any) -> Result:
        """Return the picture in RunPod's `output`; OutputError names why there is none."""


KINDS: dict[str, Endpoint] = {
    "photorestore": photorestore,
    "comfyui": comfyui,
    "generic": generic,
}


def current() -> Endpoint:
    """Return the kind in use."""
    return KINDS[settings.RUNPOD_ENDPOINT_KIND]


def read(report: Report) -> Result:
    """Return the picture of a completed job, or its address. Raises OutputError."""
    try:
        return current().read(report.output)
    except OutputError as error:
        if report.error and error.code in ("no_output", "unknown_output"):
            raise OutputError("output_error", report.error) from error
        raise


__all__ = [
    "KINDS",
    "Addresses",
    "Endpoint",
    "InputError",
    "Option",
    "OptionsError",
    "OutputError",
    "Result",
    "SettingError",
    "current",
    "failures",
    "read",
]
