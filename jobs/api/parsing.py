"""Bodies of the API's calls."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from typing import IO, Any

from rest_framework import parsers
from rest_framework.exceptions import ParseError

from events.problems import Problem

LONGEST = 256 * 1024  # bytes; a hundred ids are four thousand
# What JSON can write and nothing keeps: NUL, which PostgreSQL refuses, and half a surrogate pair,
# which is no Unicode.
_UNKEPT = re.compile("[\0\ud800-\udfff]")


class JSONParser(parsers.JSONParser):
    """JSON, up to a length: DRF would take any into memory."""

    def parse(self, stream: IO[bytes], media_type: Any = None, parser_context: Any = None) -> Any:
        """Return the document. Raises ParseError, or Problem 413 or 415."""
        _refuse_coded(parser_context)
        body = stream.read(LONGEST + 1)
        if len(body) > LONGEST:
            raise Problem(413, "too_large", f"JSON may have up to {LONGEST // 1024} KB.")
        found = super().parse(io.BytesIO(body), media_type, parser_context)
        _refuse_unkept(found)
        return found


class FormParser(parsers.MultiPartParser):
    """Forms with files."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        """Return the fields and files. Raises ParseError or Problem 415."""
        _refuse_coded(parser_context)
        return super().parse(stream, media_type, parser_context)


def json_of(text: str | bytes) -> Any:
    """Return what the text is JSON of. Raises ValueError, RecursionError or ParseError."""
    found = json.loads(text)
    _refuse_unkept(found)
    return found


def _refuse_coded(context: Mapping[str, Any]) -> None:
    """Raise Problem 415 for a body that has to be decoded first, such as by gzip."""
    coding = context["request"].headers.get("Content-Encoding", "").strip().lower()
    if coding not in ("", "identity"):
        detail = "A body is taken as it is: without a Content-Encoding."
        problem = Problem(415, "unsupported_media_type", detail)
        problem.headers["Accept-Encoding"] = "identity"  # RFC 9110 §15.5.16
        raise problem


def _refuse_unkept(value: Any) -> None:
    if any(_UNKEPT.search(text) for text in _texts(value)):
        raise ParseError("A text in the JSON has NUL or half a surrogate pair in it.")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, dict):
        yield from value
        yield from _texts([*value.values()])
