"""Pictures as text: base64 in every way that workers write it."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote

_DATA_URI = re.compile(r"data:[^,]{0,200},", re.IGNORECASE)
# NUL and white space anywhere; the alphabet for addresses becomes the usual one.
_USUAL = str.maketrans({"-": "+", "_": "/", **dict.fromkeys("\0\t\n\v\f\r ")})
_HEAD = 16  # characters, for twelve bytes
_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*")
_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")


def is_picture(text: str) -> bool:
    """Tell whether the text is base64 of something that starts like a picture."""
    return _starts_like_one(_decoded(_plain(text[:1024])[:_HEAD]) or b"")


def decoded(text: str) -> bytes | None:
    """Return the bytes that the text is base64 of; None where it is damaged."""
    return _decoded(_plain(text))


def _plain(text: str) -> str:
    """Return the base64 alone: without data URI, quotes (Python's of bytes, too) and breaks."""
    text = text.strip().removeprefix("b'").strip("\"'")
    if found := _DATA_URI.match(text):
        text = text[found.end() :]
    return (unquote(text) if "%" in text else text).translate(_USUAL).rstrip("=")


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _starts_like_one(start: bytes) -> bool:
    if start.startswith(_STARTS):
        return True
    if start[4:8] == b"ftyp":  # films have that, too
        return start[8:12] in _BRANDS
    return start[:4] == b"RIFF" and start[8:12] == b"WEBP"
