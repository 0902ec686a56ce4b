"""Stored pictures on their way out: private, streamed, with a name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import PurePosixPath

from asgiref.sync import sync_to_async
from django.db.models.fields.files import FieldFile
from django.http import FileResponse

from .pictures import MEDIA_TYPES


class PictureResponse(FileResponse):
    """A stored picture in chunks, by thread where the server is asynchronous.

    Django's own gathers a whole file in memory there, and warns of it.
    """

    def __init__(self, file: FieldFile, *, name: str) -> None:
        extension = PurePosixPath(file.name or "").suffix[1:]
        super().__init__(file.open("rb"), filename=f"{name}.{extension}")
        self["Content-Type"] = MEDIA_TYPES[extension]
        # A picture never changes, but who may see it does: the browser's own cache, nobody else's.
        self["Cache-Control"] = "private, max-age=3600"
        self["X-Content-Type-Options"] = "nosniff"

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the chunks."""
        chunks = iter(self)
        step = sync_to_async(lambda: next(chunks, b""), thread_sensitive=False)
        while chunk := await step():
            yield chunk
