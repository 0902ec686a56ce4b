"""A photo on its way to a worker that takes it within the request alone."""

from __future__ import annotations

import base64

from django.utils.translation import gettext_noop

from .. import pictures, runpod
from ..models import Photo
from .base import InputError

# What a request holds beside the photo: workflow, policy, webhook. In base64 four bytes hold three.
_OTHERS = 256 * 1024
MAX_BYTES = (runpod.MAX_BODY - _OTHERS) // 4 * 3
_TOO_LARGE = gettext_noop(
    "The photo is too large for the machine that restores here. A smaller copy may do."
)


def base64_of(photo: Photo) -> tuple[str, str]:
    """Return the photo in base64, and its file's ending: encoded anew if it would not fit.

    Raises InputError where it cannot be made to fit without spoiling it.
    """
    with photo.image.open("rb") as file:
        data = pictures.fitted(file, max_bytes=MAX_BYTES)
    if data is None:
        operator = f"Photo {photo.pk} has {photo.image.size} bytes; a request holds {MAX_BYTES}."
        raise InputError("photo_too_large", _TOO_LARGE, operator=operator)
    extension = "png" if data.startswith(b"\x89PNG") else "jpg"
    return base64.b64encode(data).decode(), extension
