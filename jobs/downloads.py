"""Stored pictures on their way out: private, streamed, with a name, whole or in part."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import Any

from django.core.files import File
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.utils.cache import get_conditional_response

from events import problems
from events.problems import Problem

from . import thumbnails
from .archives import archive
from .models import Photo, Restore
from .pictures import MEDIA_TYPES

_CHUNK = 64 * 1024  # bytes


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


class ArchiveResponse(StreamingHttpResponse):
    """Stored files as one archive, made while it is sent."""

    def __init__(self, files: Iterable[tuple[str, File]], *, name: str) -> None:
        """Take the files with their names there; what is gone by its turn is left out."""
        super().__init__(archive(_opened(files)), content_type="application/zip")
        self["Content-Disposition"] = f'attachment; filename="{name}"'
        self["Cache-Control"] = "no-store"


def _opened(files: Iterable[tuple[str, File]]) -> Iterator[tuple[str, Iterator[bytes]]]:
    taken: set[str] = set()
    for name, file in files:
        with suppress(FileNotFoundError), file.open("rb") as source:
            yield _apart(name, taken), source.chunks(_CHUNK)


def _apart(name: str, taken: set[str]) -> str:
    """Number a name that is taken, as file managers do."""
    path, number, found = PurePosixPath(name), 1, name
    while found.casefold() in taken:
        number += 1
        found = f"{path.stem} ({number}){path.suffix}"
    taken.add(found.casefold())
    return found


class PictureResponse(FileResponse):
    """A stored picture in chunks, for its owner's browser to keep."""

    def __init__(self, file: File, *, name: str) -> None:
        path = PurePosixPath(file.name or "")
        self.file, self.size = file.open("rb"), file.size
        super().__init__(self.file, filename=f"{name}{path.suffix}")
        self["Content-Type"] = MEDIA_TYPES[path.suffix[1:]]
        self["Accept-Ranges"] = "bytes"
        # Nothing is stored twice under one name.
        self["ETag"] = f'"{path.stem}-{self.size:x}{path.suffix}"'
        # A picture never changes, but who may see it does: the browser's own cache, nobody else's.
        self["Cache-Control"] = "private, max-age=3600"
        self["X-Content-Type-Options"] = "nosniff"


# More digits than any number here has; Python itself reads four thousand and no more.
_RANGE = re.compile(r"bytes=(?:(\d{1,99})-(\d{0,99})|-(\d{1,99}))", re.ASCII | re.IGNORECASE)


def as_asked(request: HttpRequest, response: PictureResponse) -> HttpResponseBase:
    """Return the picture as the request's conditions and Range want it (RFC 9110 §13, §14).

    304, 412, 206 or 416; several ranges at once are answered by the whole.
    """
    whole: Any = response
    answer = get_conditional_response(request, etag=response["ETag"], response=whole)
    if answer is not whole:
        response.file.close()
        return _unsent(answer)
    asked = _RANGE.fullmatch(request.headers.get("Range", ""))
    if request.method != "GET" or asked is None or not _is_of(request, response):
        return response
    return _part(response, *_ends(asked, response.size))


def _unsent(answer: HttpResponse | None) -> HttpResponseBase:
    if answer is not None and answer.status_code == HTTPStatus.NOT_MODIFIED:
        return _without_length(answer)
    return problems.response(Problem(412, "precondition_failed", "Its ETag is another."))


def _without_length(answer: HttpResponse) -> HttpResponseBase:
    """Return it as a stream: Django counts what others have, and 0 is not the picture's length."""
    bare = StreamingHttpResponse(status=answer.status_code, headers=dict(answer.items()))
    del bare["Content-Type"]
    return bare


def _is_of(request: HttpRequest, response: PictureResponse) -> bool:
    """Tell whether what the client has a part of is this picture. We know no dates."""
    return request.headers.get("If-Range", response["ETag"]) == response["ETag"]


def _ends(asked: re.Match[str], size: int) -> tuple[int, int]:
    """Return the first byte asked for and the one after the last."""
    first, last, count = asked.groups()
    if first is None:
        return max(size - int(count), 0), size
    return int(first), min(int(last) + 1, size) if last else size


def _part(response: PictureResponse, start: int, end: int) -> HttpResponseBase:
    if start >= end:
        response.file.close()
        detail = f"The picture has {response.size} bytes."
        refusal = problems.response(Problem(416, "range_not_satisfiable", detail))
        refusal["Content-Range"] = f"bytes */{response.size}"
        return refusal
    response.status_code = HTTPStatus.PARTIAL_CONTENT
    response["Content-Range"] = f"bytes {start}-{end - 1}/{response.size}"
    response["Content-Length"] = str(end - start)
    response.streaming_content = _chunks(response.file, start, end)
    return response


def _chunks(file: File, start: int, end: int) -> Iterator[bytes]:
    file.seek(start)
    while start < end and (chunk := file.read(min(_CHUNK, end - start))):
        start += len(chunk)
        yield chunk
