"""Workers that take one photo and return one picture, each by keys of its own.

What they take is a template, RUNPOD_GENERIC_INPUT: one of WORKERS, or JSON of one's own in which
the texts of PLACES are replaced. What they return is recognised by itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings

from ..models import Photo
from . import inputs, outputs
from . import options as choices
from .base import Addresses, Result, SettingError

# As their authors describe them; each may be given other values as JSON.
WORKERS: dict[str, dict[str, Any]] = {
    "image-url": {"image_url": "$photo_url"},
    "image-base64": {"image": "$photo_base64"},
    "real-esrgan": {
        "source_image": "$photo_base64",
        "model": "RealESRGAN_x4plus",
        "scale": "$scale",
        "face_enhance": True,
    },
    "real-esrgan-serve": {"image_url": "$photo_url"},
    "esrgan-base64": {"image_base64": "$photo_base64", "scale": "$scale"},
    "esrgan-url": {"operation": "upscale", "image_url": "$photo_url", "scale": "$scale"},
    "codeformer": {"image": "$photo_base64"},
    "ddcolor": {"image": "$photo_base64", "input_type": "base64"},
    "supir": {"image_url": "$photo_url", "upscale": "$scale"},
    "fooocus": {
        "api_name": "upscale-vary",
        "input_image": "$photo_base64",
        "uov_method": "Upscale (2x)",
        "require_base64": True,
    },
}
# What those do whose work goes by one name; what others do is known to who set them up.
_DEEDS = {"ddcolor": "colour", "real-esrgan-serve": "enlarge", "fooocus": "enlarge"}
_OPTIONS = {"scale": choices.SCALE, "colour": choices.COLOUR, "seed": choices.SEED}
PLACES = (
    *("$photo_url", "$photo_base64", "$photo_data_uri", "$progress_url"),
    *(f"${name}" for name in _OPTIONS),
)
_PHOTO = {"$photo_url", "$photo_base64", "$photo_data_uri"}


def template() -> dict[str, Any]:
    """Return the template that the settings name. Raises SettingError."""
    given = settings.RUNPOD_GENERIC_INPUT
    if given in WORKERS:
        return WORKERS[given]
    found = _parsed(given)
    _check(set(_places(found)))
    return found


def _parsed(given: str) -> dict[str, Any]:
    try:
        found = json.loads(given)
    except (ValueError, RecursionError) as error:
        known = ", ".join(WORKERS)
        raise SettingError(f"RUNPOD_GENERIC_INPUT is neither JSON nor one of {known}.") from error
    if not isinstance(found, dict):
        raise SettingError("RUNPOD_GENERIC_INPUT has to be a JSON object.")
    return found


def _check(places: set[str]) -> None:
    """Raise SettingError unless we know all of them, and the photo has one."""
    if unknown := places.difference(PLACES):
        names, known = ", ".join(sorted(unknown)), ", ".join(PLACES)
        message = f"RUNPOD_GENERIC_INPUT has unknown places: {names}. Known: {known}."
        raise SettingError(message)
    if not places & _PHOTO:
        known = ", ".join(sorted(_PHOTO))
        raise SettingError(f"RUNPOD_GENERIC_INPUT has the photo nowhere: {known}.")


def _places(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _places(item)
    elif isinstance(value, str) and value.startswith("$"):
        yield value


def offered() -> Mapping[str, choices.Option]:
    """Return what may be chosen: what the template has a place for."""
    places = set(_places(template()))
    return {name: option for name, option in _OPTIONS.items() if f"${name}" in places}


def deed() -> str:
    """Return what it does with a photo for which nothing was chosen."""
    return _DEEDS.get(settings.RUNPOD_GENERIC_INPUT, "restore")


def clean(options: dict[str, Any], *, width: int, height: int) -> dict[str, Any]:
    """Return the options completed. Raises OptionsError."""
    return choices.completed(options, offered(), width=width, height=height)


def build(options: dict[str, Any], addresses: Addresses, photo: Photo) -> dict[str, Any]:
    """Return the worker's `input`. Raises InputError."""
    found = template()
    places = set(_places(found))
    values = {"$photo_url": addresses.photo, "$progress_url": addresses.progress}
    values |= {f"${name}": options.get(name, option.default) for name, option in offered().items()}
    if places & {"$photo_base64", "$photo_data_uri"}:
        text, extension = inputs.base64_of(photo)
        kind = "png" if extension == "png" else "jpeg"
        values |= {"$photo_base64": text, "$photo_data_uri": f"data:image/{kind};base64,{text}"}
    filled: dict[str, Any] = _filled(found, values)
    return filled


def _filled(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, values) for item in value]
    return values.get(value, value) if isinstance(value, str) else value


def read(output: Any) -> Result:
    """Return the first picture. Raises OutputError."""
    return outputs.read(output)
