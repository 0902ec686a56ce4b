"""Photos and results in other formats: made when they are asked for first, kept beside the images.

Their names follow from the row's id, as those of thumbnails.
"""

from __future__ import annotations

from uuid import UUID

from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage

from . import pictures
from .models import Photo, Restore


def opened(of: Photo | Restore, format: str) -> File:
    """Return the picture's open file in one of pictures.CONVERSIONS. Raises PictureError."""
    extension = pictures.extension_of(format)
    if str(of.image.name).endswith(f".{extension}"):
        return of.image.open("rb")
    wanted = _name(of.pk, extension)
    if not default_storage.exists(wanted):
        _make(of, format, wanted)
    return default_storage.open(wanted)


def _make(of: Photo | Restore, format: str, wanted: str) -> None:
    with of.image.open("rb") as image:
        data = pictures.converted(image, format)
    stored = default_storage.save(wanted, ContentFile(data))
    if stored != wanted:  # somebody who asked for the same was quicker
        default_storage.delete(stored)
    if not type(of).objects.filter(pk=of.pk).exists():
        # It was deleted meanwhile, and whoever did so may have looked for this too early.
        default_storage.delete(wanted)


def names(id: UUID) -> list[str]:
    """Return the names of all that a photo or result may have."""
    extensions = {pictures.extension_of(format) for format in pictures.CONVERSIONS}
    return [_name(id, extension) for extension in sorted(extensions)]


def _name(id: UUID, extension: str) -> str:
    return f"conversions/{id}.{extension}"
