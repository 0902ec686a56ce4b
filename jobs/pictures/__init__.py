"""Pictures from outside: checked by decoding them, and made fit to be handed out."""

from __future__ import annotations

from .conversion import CONVERSIONS, converted, extension_of, fitted
from .limits import FORMATS_BY_EXTENSION, MEDIA_TYPES, PictureError, limits
from .reading import Picture, read
from .thumbnails import EXTENSIONS, SIDES, scaled, thumbnails

__all__ = [
    "CONVERSIONS",
    "EXTENSIONS",
    "FORMATS_BY_EXTENSION",
    "MEDIA_TYPES",
    "SIDES",
    "Picture",
    "PictureError",
    "converted",
    "extension_of",
    "fitted",
    "limits",
    "read",
    "scaled",
    "thumbnails",
]
