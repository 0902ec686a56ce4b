"""From the bytes of a file to 8-bit RGB pixels, with alpha and colour profile aside."""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass

import numpy as np
import pillow_heif
from PIL import Image, ImageOps, UnidentifiedImageError

from restorer import colour, quantisation
from restorer.arrays import Gray, Rgb
from restorer.errors import RestoreError

MAX_PIXELS = 100_000_000
FORMATS = ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "HEIF", "AVIF", "JPEG2000"]
# What Pillow and libheif raise for a file that breaks off or contradicts itself.
BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, RuntimeError, struct.error)

pillow_heif.register_heif_opener()
# We count pixels ourselves, before any is decoded, and say so in words a person understands.
Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True)
class Photo:
    """A decoded photo: rgb (H, W, 3) uint8, alpha (H, W) uint8 or None, an RGB profile or None."""

    rgb: Rgb
    alpha: Gray | None
    icc_profile: bytes | None
    jpeg_quality: int | None


def decode(data: bytes, *, scale: int) -> Photo:
    """Return the pixels of a file, upright; raise RestoreError if there are none or too many."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                refuse_above_limit(image.width, image.height, scale=scale)
                return _photo(image)
        except UnidentifiedImageError as error:
            raise RestoreError("The file is not a picture of a kind we know.") from error
        except BROKEN as error:
            raise RestoreError("The picture's file is damaged and cannot be read.") from error


def refuse_above_limit(width: int, height: int, *, scale: int) -> None:
    """Raise RestoreError if the enlarged picture (sizes in pixels) would pass 100 megapixels."""
    if width * height * scale * scale > MAX_PIXELS:
        limit = MAX_PIXELS // 1_000_000
        size = f"{width} by {height} pixels" + (f", enlarged {scale} times" if scale > 1 else "")
        raise RestoreError(
            f"The picture is too large ({size}): the result may have {limit} million."
        )


def _photo(image: Image.Image) -> Photo:
    quality = quantisation.quality(getattr(image, "quantization", None))
    profile = image.info.get("icc_profile")
    image.load()
    upright = ImageOps.exif_transpose(image)
    alpha = _alpha(upright)
    rgb, kept = colour.to_rgb(upright, profile if isinstance(profile, bytes) else None)
    return Photo(np.asarray(rgb), alpha, kept, quality)


def _alpha(image: Image.Image) -> Gray | None:
    """Return the transparency, or None if every pixel is opaque."""
    if not image.has_transparency_data:
        return None
    alpha = np.asarray(image.convert("RGBA").getchannel("A"))
    return None if alpha.min() == 255 else alpha
