"""A picture of ours in another format, or in fewer bytes."""

from __future__ import annotations

import io
from typing import IO, Any

from django.utils.translation import gettext as _
from PIL import Image

from .limits import FORMATS, PictureError
from .reading import decoding

# What a client asks for → Pillow's word.
CONVERSIONS = {
    "jpeg": "JPEG",
    "jpg": "JPEG",
    "png": "PNG",
    "webp": "WEBP",
    "tiff": "TIFF",
    "heic": "HEIF",
    "avif": "AVIF",
}
_LONGEST = {"JPEG": 65_500, "WEBP": 16_383}  # pixels a side that the format has room for
_OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "PNG": {"compress_level": 3},
    "WEBP": {"quality": 90, "method": 2},
    "TIFF": {"compression": "tiff_deflate"},
    "HEIF": {"quality": 90},
    "AVIF": {"quality": 85, "speed": 8},
}
# Below the last a restorer would mend what we have spoilt.
_FITTING = (95, 90, 85, 80, 75)


def extension_of(format: str) -> str:
    """Return the ending of files in one of CONVERSIONS."""
    return FORMATS[CONVERSIONS[format]][1]


def converted(file: IO[bytes], format: str) -> bytes:
    """Return our picture in one of CONVERSIONS. Raises PictureError if it is too large for that."""
    encoder, buffer = CONVERSIONS[format], io.BytesIO()
    with decoding, Image.open(file, formats=["JPEG", "PNG"]) as image:
        longest = _LONGEST.get(encoder, max(image.size))
        if max(image.size) > longest:
            message = _("A picture of the format %(format)s has at most %(longest)s pixels a side.")
            message %= {"format": format.upper(), "longest": longest}
            raise PictureError("too_large_for_format", message)
        profile = image.info.get("icc_profile")
        pixels = _opaque(image) if encoder == "JPEG" else image
        pixels.info = {}
        pixels.save(buffer, encoder, icc_profile=profile, **_OPTIONS[encoder])
    return buffer.getvalue()


def fitted(file: IO[bytes], *, max_bytes: int) -> bytes | None:
    """Return our picture in so few bytes: as it is, or as the best JPEG that fits; None if none."""
    if file.seek(0, io.SEEK_END) <= max_bytes:
        file.seek(0)
        return file.read()
    with decoding, Image.open(file, formats=["JPEG", "PNG"]) as image:
        if max(image.size) > _LONGEST["JPEG"]:
            return None
        profile = image.info.get("icc_profile")
        pixels = _opaque(image)
        pixels.info = {}
        tried = (_jpeg(pixels, quality, profile) for quality in _FITTING)
        return next((data for data in tried if len(data) <= max_bytes), None)


def _jpeg(pixels: Image.Image, quality: int, profile: bytes | None) -> bytes:
    buffer = io.BytesIO()
    pixels.save(buffer, "JPEG", quality=quality, icc_profile=profile)
    return buffer.getvalue()


def _opaque(image: Image.Image) -> Image.Image:
    """Return the picture on white, where a format knows nothing else."""
    if image.mode != "RGBA":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
