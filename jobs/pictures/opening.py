"""From a file to a decoded picture: the header is judged before memory is spent on pixels."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import pillow_heif
from django.conf import settings
from django.utils.translation import gettext as _
from PIL import Image, UnidentifiedImageError

from .limits import FORMATS, PictureError, broken, limits

pillow_heif.register_heif_opener()
# We compare sizes ourselves, before anything is decoded; Pillow's own guard only warns at first.
Image.MAX_IMAGE_PIXELS = None


@contextmanager
def decoded(file: IO[bytes]) -> Iterator[Image.Image]:
    """Open the file, decode all of it, and keep it open while the context lasts.

    Raises PictureError, also for whatever a decoder stumbles over within the context.
    """
    _check_size(file)
    with _opened(file) as image:
        _check_header(image)
        image.load()
        yield image


def _check_size(file: IO[bytes]) -> None:
    size = file.seek(0, io.SEEK_END)
    if size == 0:
        message = _("The file is empty.")
        raise PictureError("empty_file", f"{message} {limits()}")
    if size > settings.PHOTOS_MAX_BYTES:
        message = _("The file has %(megabytes)s MB.") % {"megabytes": f"{size / 1024**2:.1f}"}
        raise PictureError("file_too_large", f"{message} {limits()}")


@contextmanager
def _opened(file: IO[bytes]) -> Iterator[Image.Image]:
    file.seek(0)
    try:
        with Image.open(file, formats=[name for name in FORMATS if name != "MPO"]) as image:
            yield image
    except UnidentifiedImageError as error:
        if _begins_like_one(file):
            raise broken() from error
        message = _("This is not a picture that we can read.")
        raise PictureError("not_a_picture", f"{message} {limits()}") from error
    except (PictureError, MemoryError):
        raise
    except Exception as error:  # every decoder has its own
        raise broken() from error


def _begins_like_one(file: IO[bytes]) -> bool:
    """Whether the first bytes are those of a format that we take, whatever became of the rest."""
    file.seek(0)
    start = file.read(12)
    known = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"II*\0", b"MM\0*")
    return start.startswith(known) or start[4:8] == b"ftyp" or start[8:12] == b"WEBP"


def _check_header(image: Image.Image) -> None:
    """Judge the picture by what its header says, before memory is spent on its pixels."""
    if image.width < 1 or image.height < 1:
        message = _("The picture has no pixels.")
        raise PictureError("empty_picture", f"{message} {limits()}")
    if image.width * image.height > settings.PHOTOS_MAX_PIXELS:
        size = {"size": f"{image.width} × {image.height}"}
        message = _("The picture has %(size)s pixels.") % size
        raise PictureError("too_many_pixels", f"{message} {limits()}")
    if _has_more(image):
        message = _("The file has several pictures, pages or frames; we restore one.")
        raise PictureError("animated", f"{message} {limits()}")


def _has_more(image: Image.Image) -> bool:
    """Whether the file has frames or pages beyond the first."""
    if image.format in ("HEIF", "MPO"):
        return False  # their further pictures are previews and depth maps
    if image.format != "TIFF":
        return bool(getattr(image, "is_animated", False))
    # Counting a TIFF's pages can take minutes; whether there is a second does not.
    try:
        image.seek(1)
    except EOFError:
        return False
    return True
