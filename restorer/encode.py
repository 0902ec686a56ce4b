"""From pixels to the bytes of the result, small enough for the way they have to go."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image

from restorer.arrays import Gray, Rgb
from restorer.errors import RestoreError

JPEG_MAX_SIDE = 65_500  # libjpeg's limit, in pixels
QUALITIES = (95, 92, 88, 82, 74, 62, 48, 32, 18)


def encode(
    rgb: Rgb, alpha: Gray | None, icc_profile: bytes | None, *, max_bytes: int
) -> tuple[bytes, str]:
    """Return the file and its format, "jpeg" or "png", within max_bytes; raise RestoreError."""
    if alpha is not None or max(rgb.shape[:2]) > JPEG_MAX_SIDE:
        files, kind = _pngs(rgb, alpha, icc_profile), "png"
    else:
        files, kind = _jpegs(rgb, icc_profile), "jpeg"
    for data in files:
        if len(data) <= max_bytes:
            return data, kind
    raise RestoreError("The restored picture is too large to be sent.")


def _jpegs(rgb: Rgb, icc_profile: bytes | None) -> Iterator[bytes]:
    """Yield ever smaller files; colour is thinned out (4:2:0) only below quality 48."""
    image = Image.fromarray(rgb)
    for quality in QUALITIES:
        yield _saved(
            image,
            "JPEG",
            quality=quality,
            subsampling="4:4:4" if quality >= 48 else "4:2:0",
            icc_profile=icc_profile,
        )


def _pngs(rgb: Rgb, alpha: Gray | None, icc_profile: bytes | None) -> Iterator[bytes]:
    pixels = rgb if alpha is None else np.dstack([rgb, alpha])
    image = Image.fromarray(pixels)
    yield _saved(image, "PNG", compress_level=6, icc_profile=icc_profile)
    palette = image.quantize(256, method=Image.Quantize.FASTOCTREE)
    yield _saved(palette, "PNG", compress_level=9, icc_profile=icc_profile)


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
