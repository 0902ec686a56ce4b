"""Pictures from outside: checked by decoding them, and made fit to be handed out."""

from __future__ import annotations

from .limits import FORMATS_BY_EXTENSION, MEDIA_TYPES, PictureError, limits
from .reading import Picture, read

__all__ = ["FORMATS_BY_EXTENSION", "MEDIA_TYPES", "Picture", "PictureError", "limits", "read"]
