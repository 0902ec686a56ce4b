"""Stored pictures on their way out: private, streamed, with a name."""

from __future__ import annotations

from pathlib import PurePosixPath

from django.db.models.fields.files import FieldFile
from django.http import FileResponse

from .pictures import MEDIA_TYPES


class PictureResponse(FileResponse):
    """A stored picture in chunks, for its owner's browser to keep."""

    def __init__(self, file: FieldFile, *, name: str) -> None:
        extension = PurePosixPath(file.name or "").suffix[1:]
        super().__init__(file.open("rb"), filename=f"{name}.{extension}")
        self["Content-Type"] = MEDIA_TYPES[extension]
        # A picture never changes, but who may see it does: the browser's own cache, nobody else's.
        self["Cache-Control"] = "private, max-age=3600"
        self["X-Content-Type-Options"] = "nosniff"
