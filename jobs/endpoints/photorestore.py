"""Our own worker, `restorer`: takes the photo by address, returns the picture in base64."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from django.conf import settings

from ..runpod import plain
from .base import Addresses, OptionsError, OutputError, Result

SCALES = (1, 2, 4)


def clean(options: dict[str, Any], *, width: int, height: int) -> dict[str, Any]:
    """Return `{"scale": 1 | 2 | 4}` for a photo of that many pixels; OptionsError otherwise."""
    if unknown := sorted(set(options) - {"scale"}):
        raise OptionsError(f"Unknown option: {', '.join(unknown)}. Known: scale.")
    scale = options.get("scale", 1)
    if isinstance(scale, bool) or not isinstance(scale, int) or scale not in SCALES:
        raise OptionsError("scale must be 1, 2 or 4.")
    if width * height * scale**2 > settings.PHOTOS_MAX_PIXELS:
        megapixels = settings.PHOTOS_MAX_PIXELS // 1_000_000
        raise OptionsError(
            f"Enlarged {scale} times, the photo would have more than {megapixels} megapixels."
        )
    return {"scale": scale}


def build(options: dict[str, Any], addresses: Addresses) -> dict[str, Any]:
    """Return the restorer's `input`."""
    return {
        "image_url": addresses.photo,
        "progress_url": addresses.progress,
        "scale": options["scale"],
    }


def read(output: Any) -> Result:
    """Return the picture that the restorer made. Raises OutputError."""
    if not output:
        raise OutputError("no_output", "The worker finished without a picture.")
    if not isinstance(output, dict) or not isinstance(output.get("image_base64"), str):
        raise OutputError("unknown_output", "The worker finished with something else.")
    try:
        image = base64.b64decode(output["image_base64"], validate=True)
    except binascii.Error as error:
        raise OutputError("bad_picture", "The worker's picture cannot be read.") from error
    return Result(image=image, model=_model(output), stages=_stages(output))


def _model(output: dict[str, Any]) -> str:
    return plain(str(output.get("model") or ""))[:100]


def _stages(output: dict[str, Any]) -> list[dict[str, Any]]:
    stages = output.get("stages")
    if not isinstance(stages, list):
        return []
    text = json.dumps(
        [stage for stage in stages[:50] if isinstance(stage, dict)], ensure_ascii=False
    )
    # NUL is an escape within JSON.
    return list(json.loads(plain(text.replace("\\u0000", ""))))
