"""Our own worker, `restorer`: takes the photo by address, returns the picture or its address."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.urls import reverse

from ..models import Photo
from ..runpod import plain
from . import options as choices
from . import outputs
from .base import Addresses, Result

# Pixels beyond which a result may be too large for RunPod to deliver: at 95 a JPEG of a noisy photo
# takes up to 1.7 bytes for each, and the restorer's answer holds 7 MB. A smaller one comes at once.
_LARGE = 4_000_000
_OFFERED = {"scale": choices.SCALE}


def offered() -> Mapping[str, choices.Option]:
    """Return what may be chosen."""
    return _OFFERED


def deed() -> str:
    """Return what it does with a photo for which nothing was chosen."""
    return "repair"


def clean(options: dict[str, Any], *, width: int, height: int) -> dict[str, Any]:
    """Return `{"scale": 1 | 2 | 4}` for a photo of that many pixels; OptionsError otherwise."""
    return choices.completed(options, _OFFERED, width=width, height=height)


def build(options: dict[str, Any], addresses: Addresses, photo: Photo) -> dict[str, Any]:
    """Return the restorer's `input`."""
    scale = options.get("scale", choices.SCALE.default)
    given = {"image_url": addresses.photo, "progress_url": addresses.progress, "scale": scale}
    if photo.width * photo.height * scale**2 > _LARGE:
        given["upload_url"] = addresses.upload
    return given


def read(output: Any) -> Result:
    """Return the picture that the restorer made, or where it left it. Raises OutputError."""
    told = output if isinstance(output, dict) else {}
    result = Result(is_uploaded=True) if _is_ours(told) else outputs.read(output)
    return replace(result, model=_model(told), stages=_stages(told))


def _is_ours(output: dict[str, Any]) -> bool:
    """Tell whether the picture is said to be with us. Whose it is, the attempt alone says."""
    url = output.get("image_url")
    uploads = settings.PUBLIC_URL + reverse("webhooks:runpod-upload", args=[0]).removesuffix("0")
    return isinstance(url, str) and url.startswith(uploads)


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
