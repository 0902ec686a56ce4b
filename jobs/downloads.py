"""Stored pictures on their way out: private, streamed, with a name, whole or in part."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import Any

from django.core.files import File
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response

from events import problems
from events.problems import Problem

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


_CHUNK = 64 * 1024  # bytes
_RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))")


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


def _unsent(answer: HttpResponse | None) -> HttpResponse:
    if answer is not None and answer.status_code == HTTPStatus.NOT_MODIFIED:
        return answer
    return problems.response(Problem(412, "precondition_failed", "Its ETag is another."))


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
