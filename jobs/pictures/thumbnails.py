"""Small copies of a picture, for grids: three sizes, each as WebP and as JPEG."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import IO

from PIL import Image

from .pixels import by_profile

SIDES = (240, 480, 960)  # pixels, longest side
_ENCODERS = {"webp": ("WEBP", 74), "jpg": ("JPEG", 80)}  # extension → Pillow's word, quality
EXTENSIONS = tuple(_ENCODERS)


def scaled(width: int, height: int, side: int) -> tuple[int, int]:
    """Return the size of a picture of that many pixels, made to fit the side; never larger."""
    factor = min(1.0, side / max(width, height))
    return max(1, round(width * factor)), max(1, round(height * factor))


def thumbnails(preview: IO[bytes]) -> Iterator[tuple[int, str, bytes]]:
    """Yield each thumbnail of the preview that we made: its side, extension and bytes."""
    with Image.open(preview, formats=["JPEG"]) as image:
        pixels = _in_srgb(image)
    # From the largest down: each from the one before, which is quicker and no worse.
    for side in sorted(SIDES, reverse=True):
        size = scaled(*pixels.size, side)
        pixels = pixels.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
        for extension in EXTENSIONS:
            yield side, extension, _encoded(pixels, extension)


def _in_srgb(image: Image.Image) -> Image.Image:
    """Return the pixels in the colours that a picture without a profile has."""
    profile = image.info.get("icc_profile")
    pixels = image.copy()
    pixels.info = {}
    if not profile or image.mode != "RGB":
        return pixels
    return by_profile(pixels, profile) or pixels


def _encoded(pixels: Image.Image, extension: str) -> bytes:
    encoder, quality = _ENCODERS[extension]
    buffer = io.BytesIO()
    pixels.save(buffer, encoder, quality=quality, optimize=True, progressive=True)
    return buffer.getvalue()
