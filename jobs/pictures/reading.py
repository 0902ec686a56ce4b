"""A file from outside becomes a picture that may be kept and handed out."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import IO

from PIL import ExifTags, Image

from . import jpeg, png
from .encoding import encoded, encoder_of, preview
from .limits import FORMATS
from .opening import decoded
from .pixels import upright

# A picture of 100 megapixels takes up to 1.4 GB for a moment (measured): so many at once.
decoding = threading.BoundedSemaphore(2)

# What leaves a file its own bytes, by Pillow's word for its format; and the space of a profile.
_BARE = {"JPEG": jpeg.bare, "MPO": jpeg.bare, "PNG": png.bare}
_SPACES = {"L": b"GRAY", "RGB": b"RGB ", "RGBA": b"RGB "}


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
    """Return an upright picture's own bytes, bare; None for what has to be encoded anew.

    A JPEG loses something each time, and the restorer's judgement hangs on small differences. A
    PNG loses nothing, but that takes twice as long as all the rest (measured).
    """
    bare, space = _BARE.get(image.format or ""), _SPACES.get(image.mode)
    if not (bare and space):
        return None
    # A profile that cannot be read is none.
    if "icc_profile" in image.info and (image.info["icc_profile"] or b"")[16:20] != space:
        return None
    try:
        if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
            return None
    except Exception:  # EXIF that cannot be read turns nothing
        return None
    file.seek(0)
    return bare(file.read())
