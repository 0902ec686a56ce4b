"""Stored pictures on their way out: private, streamed, with a name."""

from __future__ import annotations

from pathlib import PurePosixPath

from django.core.files import File
from django.http import FileResponse, Http404

from . import thumbnails
from .models import Photo, Restore
from .pictures import MEDIA_TYPES


def thumbnail(of: Photo | Restore, *, side: int, extension: str) -> PictureResponse:
    """Return the thumbnail, or the preview until there is one. Raises Http404."""
    try:
        return PictureResponse(thumbnails.opened(of, side, extension), name="thumbnail")
    except FileNotFoundError as error:
        if of.has_thumbnails or not thumbnails.exists(side, extension):
            raise Http404 from error
    instead = PictureResponse(of.preview, name="preview")
    instead["Cache-Control"] = "private, no-cache"
    return instead


class PictureResponse(FileResponse):
    """A stored picture in chunks, for its owner's browser to keep."""

    def __init__(self, file: File, *, name: str) -> None:
        extension = PurePosixPath(file.name or "").suffix[1:]
        super().__init__(file.open("rb"), filename=f"{name}.{extension}")
        self["Content-Type"] = MEDIA_TYPES[extension]
        # A picture never changes, but who may see it does: the browser's own cache, nobody else's.
        self["Cache-Control"] = "private, max-age=3600"
        self["X-Content-Type-Options"] = "nosniff"
