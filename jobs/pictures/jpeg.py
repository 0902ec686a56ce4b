"""A JPEG's own bytes without what it says beside its pixels: nothing is encoded anew.

Markers and segments: ITU-T T.81, annex B.
"""

from __future__ import annotations

import re

_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_SOS, _COM = 0xDA, 0xFE
# What ends a scan's data: a marker that is neither a stuffed byte nor a restart.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
# The application segments that pixels need: density, colour profile, Adobe's colour transform.
_NEEDED = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
_JFIF_LENGTH = 16  # bytes, of a segment without a thumbnail


def bare(data: bytes) -> bytes | None:
    """Return the picture up to its end without comments and metadata; None if it is odd inside."""
    kept, position = [_SOI], len(_SOI)
    while data[position : position + 2] != _EOI:
        end = _end_of_segment(data, position)
        if end is None:
            return None
        if _is_needed(data[position:end]):
            kept.append(data[position:end])
        position = end
    return b"".join((*kept, _EOI))


def _end_of_segment(data: bytes, start: int) -> int | None:
    """Return where the segment ends, a scan's data included."""
    if not _MARKER.match(data, start):
        return None
    length = int.from_bytes(data[start + 2 : start + 4], "big")
    end = start + 2 + length
    if data[start + 1] == _SOS:
        following = _MARKER.search(data, end)
        return following.start() if following else None
    return end if length >= 2 else None


def _is_needed(segment: bytes) -> bool:
    marker = segment[1]
    if marker in _NEEDED:
        is_bare = marker != 0xE0 or len(segment) == 2 + _JFIF_LENGTH
        return is_bare and segment[4:].startswith(_NEEDED[marker])
    return marker != _COM and not 0xE0 <= marker <= 0xEF
