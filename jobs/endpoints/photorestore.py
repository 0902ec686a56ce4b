"""Our own worker, `restorer`: takes the photo by address, returns the picture or its address."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..models import Photo
from ..runpod import plain
from . import options as choices
from . import outputs
from .base import Addresses, Result

_OFFERED = {"scale": choices.SCALE}


def offered() -> Mapping[str, choices.Option]:
    """Return what may be chosen."""
    return _OFFERED


def clean(options: dict[str, Any], *, width: int, height: int) -> dict[str, Any]:
    """Return `{"scale": 1 | 2 | 4}` for a photo of that many pixels; OptionsError otherwise."""
    chosen = choices.cleaned(options, _OFFERED)
    choices.refuse_beyond_limit(chosen["scale"], width=width, height=height)
    return chosen


def build(options: dict[str, Any], addresses: Addresses, photo: Photo) -> dict[str, Any]:
    """Return the restorer's `input`."""
    return {
        "image_url": addresses.photo,
        "progress_url": addresses.progress,
        "scale": options.get("scale", choices.SCALE.default),
    }


def read(output: Any) -> Result:
    """Return the picture that the restorer made, or where it left it. Raises OutputError."""
    result = outputs.read(output)
    told = output if isinstance(output, dict) else {}
    return replace(result, model=_model(told), stages=_stages(told))


def _model(output: dict[str, Any]) -> str:
    return plain(str(output.get("model") or ""))[:100]


def _stages(output: dict[str, Any]) -> list[dict[str, Any]]:
    stages = output.get("stages")
    if not isinstance(stages, list):
        return []
    try:
        text = json.dumps(
            [stage for stage in stages[:50] if isinstance(stage, dict)], ensure_ascii=False
        )
        # What databases refuse: NUL, an escape within JSON, and numbers that are none.
        plain_text = plain(text.replace("\\u0000", ""))
        return list(json.loads(plain_text, parse_constant=lambda _: None))
    except (ValueError, RecursionError):
        return []
