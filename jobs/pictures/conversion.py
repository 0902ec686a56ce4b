"""A picture of ours in another format."""

from __future__ import annotations

import io
from typing import IO, Any

from PIL import Image

from .limits import FORMATS, PictureError
from .reading import decoding

# What a client asks for → Pillow's word.
CONVERSIONS = {"jpeg": "JPEG", "jpg": "JPEG", "png": "PNG", "webp": "WEBP"}
_LONGEST = {"JPEG": 65_500, "WEBP": 16_383}  # pixels a side that the format has room for
_OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "PNG": {"compress_level": 3},
    "WEBP": {"quality": 90, "method": 2},
}


def extension_of(format: str) -> str:
    """Return the ending of files in one of CONVERSIONS."""
    return FORMATS[CONVERSIONS[format]][1]


def converted(file: IO[bytes], format: str) -> bytes:
    """Return our picture in one of CONVERSIONS. Raises PictureError if it is too large for that."""
    encoder, buffer = CONVERSIONS[format], io.BytesIO()
    with decoding, Image.open(file, formats=["JPEG", "PNG"]) as image:
        longest = _LONGEST.get(encoder, max(image.size))
        if max(image.size) > longest:
            message = f"A {format} picture has at most {longest} pixels a side."
            raise PictureError("too_large_for_format", message)
        profile = image.info.get("icc_profile")
        pixels = _opaque(image) if encoder == "JPEG" else image
        pixels.info = {}
        pixels.save(buffer, encoder, icc_profile=profile, **_OPTIONS[encoder])
    return buffer.getvalue()


def _opaque(image: Image.Image) -> Image.Image:
    """Return the picture on white, where a format knows nothing else."""
    if image.mode != "RGBA":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
