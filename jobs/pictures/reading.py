"""A file from outside becomes a picture that may be kept and handed out."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import IO

from PIL import ExifTags, Image

from .encoding import encoded, encoder_of, preview
from .jpeg import bare
from .limits import FORMATS
from .opening import decoded
from .pixels import upright

# A picture of 100 megapixels takes up to 1.4 GB for a moment (measured): so many at once.
decoding = threading.BoundedSemaphore(2)


@dataclass(frozen=True)
class Picture:
    """A checked picture: `image` (encoded, upright, no metadata but the colour profile) and a
    `preview` (JPEG, at most PREVIEW_SIDE pixels a side). `width` and `height` are upright pixels,
    `format` is one of FORMATS' and says what came in; `extension` is that of `image`."""

    format: str
    original_extension: str
    width: int
    height: int
    image: bytes
    extension: str
    preview: bytes


def read(file: IO[bytes]) -> Picture:
    """Decode the whole file, to the last pixel, and return what may be kept and handed out.

    Raises PictureError for whatever is not one still picture within the limits.
    """
    with decoding, decoded(file) as image:
        return _picture(image, file)


def _picture(image: Image.Image, file: IO[bytes]) -> Picture:
    assert image.format is not None
    name, extension, _ = FORMATS[image.format]
    untouched = _untouched(image, file)
    pixels, profile = upright(image)
    encoder = encoder_of(image, pixels)
    return Picture(
        format=name,
        original_extension=extension,
        width=pixels.width,
        height=pixels.height,
        image=untouched or encoded(pixels, encoder, profile, source=image),
        extension=FORMATS[encoder][1],
        preview=preview(pixels, profile),
    )


def _untouched(image: Image.Image, file: IO[bytes]) -> bytes | None:
    """Return an upright JPEG's own bytes, bare; None for what has to be encoded anew.

    The restorer's judgement hangs on small differences: an encoding more can cost a repair.
    """
    spaces = {"L": b"GRAY", "RGB": b"RGB "}
    if image.format not in ("JPEG", "MPO") or image.mode not in spaces:
        return None
    profile = image.info.get("icc_profile")
    if profile and profile[16:20] != spaces[image.mode]:
        return None
    try:
        if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
            return None
    except Exception:  # EXIF that cannot be read turns nothing
        return None
    file.seek(0)
    return bare(file.read())
