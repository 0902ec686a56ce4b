"""How a picture is handed out: its pixels and their colour profile, nothing else."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image
from PIL.JpegImagePlugin import get_sampling

PREVIEW_SIDE = 1600  # pixels, longest side
_JPEG_SIDE = 65_500  # pixels; libjpeg's limit


def encoder_of(source: Image.Image, upright: Image.Image) -> str:
    """Return PNG for what is lossless, transparent, or too vast for a JPEG; else JPEG."""
    if source.format == "PNG" or upright.mode == "RGBA" or max(upright.size) > _JPEG_SIDE:
        return "PNG"
    return "JPEG"


def encoded(
    image: Image.Image, encoder: str, profile: bytes | None, *, source: Image.Image
) -> bytes:
    """Return the picture without any metadata but its colour profile."""
    options = _options(source, encoder)
    buffer = io.BytesIO()
    _without_info(image).save(buffer, encoder, icc_profile=profile, **options)
    return buffer.getvalue()


def _options(source: Image.Image, encoder: str) -> dict[str, Any]:
    """Return how to encode: a JPEG as it was quantised, so that next to nothing is lost.

    That also leaves the restorer the tables by which it knows a strongly compressed picture.
    """
    if encoder == "PNG":
        return {"compress_level": 3}
    if source.format in ("JPEG", "MPO") and source.mode in ("L", "RGB"):
        tables, sampling = getattr(source, "quantization", None), get_sampling(source)
        if tables and (sampling >= 0 or source.mode == "L"):
            return {"qtables": tables, "subsampling": max(sampling, 0)}
    return {"quality": 95, "subsampling": 0}


def _without_info(image: Image.Image) -> Image.Image:
    """Pillow writes some of `info` (text, comments, EXIF) back into files; nothing stays there."""
    image.info = {}
    return image


def preview(image: Image.Image, profile: bytes | None) -> bytes:
    """Return the picture as a JPEG of at most PREVIEW_SIDE pixels a side, on white."""
    small = image.copy() if max(image.size) <= PREVIEW_SIDE else image
    small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE), reducing_gap=3.0)
    if small.mode == "RGBA":
        white = Image.new("RGBA", small.size, "white")
        small = Image.alpha_composite(white, small).convert("RGB")
    buffer = io.BytesIO()
    _without_info(small).save(
        buffer, "JPEG", quality=85, icc_profile=profile, optimize=True, progressive=True
    )
    return buffer.getvalue()
