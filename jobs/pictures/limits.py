"""What is allowed, and how a refusal says so."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext as _

# Pillow's word → (ours, extension, media type). Nothing else is ever tried.
FORMATS = {
    "JPEG": ("JPEG", "jpg", "image/jpeg"),
    "MPO": ("JPEG", "jpg", "image/jpeg"),  # a phone's JPEG with a second picture behind it
    "PNG": ("PNG", "png", "image/png"),
    "WEBP": ("WebP", "webp", "image/webp"),
    "TIFF": ("TIFF", "tif", "image/tiff"),
    "HEIF": ("HEIC", "heic", "image/heic"),
    "AVIF": ("AVIF", "avif", "image/avif"),
}
FORMATS_BY_EXTENSION = {extension: name for name, extension, _ in FORMATS.values()}
MEDIA_TYPES = {extension: media_type for _, extension, media_type in FORMATS.values()}


class PictureError(Exception):
    """Why a file is not taken: a `code` for programs, a sentence that says what is allowed."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def limits() -> str:
    """Return what is allowed, as a sentence for people."""
    megabytes = settings.PHOTOS_MAX_BYTES // 1024**2
    megapixels = settings.PHOTOS_MAX_PIXELS // 1_000_000
    return _(
        "Allowed: JPEG, PNG, WebP, TIFF, HEIC and AVIF, up to %(megabytes)s MB and "
        "%(megapixels)s megapixels."
    ) % {"megabytes": megabytes, "megapixels": megapixels}


def broken() -> PictureError:
    """Return the refusal of a file whose decoder stumbled."""
    message = _("The picture is damaged or cut off: it cannot be read to its end.")
    return PictureError("broken_picture", f"{message} {limits()}")
