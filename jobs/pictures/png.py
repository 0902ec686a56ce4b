"""A PNG's own bytes without what it says beside its pixels: nothing is encoded anew.

Chunks and their order: ISO/IEC 15948, clauses 5 and 11.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_NEEDED = (b"IHDR", b"iCCP", b"IDAT", b"IEND")
_ORDER = re.compile(b"IHDR(iCCP)?(IDAT)+IEND")
_CHANNELS = {0: 1, 2: 3, 6: 4}  # bytes a pixel, by the kind of colours, where no palette is needed
_PIECE = 16 * 1024  # bytes; zeros may unpack to a thousand times as much


class _Chunk(NamedTuple):
    type: bytes
    content: bytes
    whole: bytes


def bare(data: bytes) -> bytes | None:
    """Return the picture with nothing but its pixels and colour profile; None if it is odd inside.

    Odd are another depth than 8 bits, interlaced rows, and a wrong checksum, which viewers may
    refuse; and whatever else than pixels is packed with them.
    """
    kept = [chunk for chunk in _chunks(data) if chunk.type in _NEEDED]
    if not (_ORDER.fullmatch(b"".join(chunk.type for chunk in kept)) and _is_plain(kept)):
        return None
    return b"".join((_SIGNATURE, *(chunk.whole for chunk in kept)))


def _chunks(data: bytes) -> Iterator[_Chunk]:
    """Yield the chunks up to the end, or to the first that is not as its checksum says."""
    start, type = len(_SIGNATURE), b""
    while type != b"IEND" and start + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, start)
        whole = data[start : start + 12 + length]
        type, content = whole[4:8], whole[8:-4]
        if zlib.crc32(whole[4:-4]).to_bytes(4, "big") != whole[-4:]:
            return
        yield _Chunk(type, content, whole)
        start += len(whole)


def _is_plain(chunks: list[_Chunk]) -> bool:
    """Tell whether the rows are as their header says, one byte a value, and all that is packed."""
    header = chunks[0].content
    if len(header) != 13:
        return False
    width, height, _, colours, *_ = struct.unpack(">IIBBBBB", header)
    if colours not in _CHANNELS:
        return False
    # Each row begins with its filter. Another depth, or interlaced rows, take other numbers.
    expected = height * (1 + width * _CHANNELS[colours])
    return _unpacks_to(expected, (chunk.content for chunk in chunks if chunk.type == b"IDAT"))


def _unpacks_to(expected: int, contents: Iterator[bytes]) -> bool:
    """Tell whether so many bytes are packed there, and nothing follows them."""
    inflater, found = zlib.decompressobj(), 0
    try:
        for content in contents:
            for at in range(0, len(content), _PIECE):
                found += len(inflater.decompress(content[at : at + _PIECE]))
    except zlib.error:
        return False
    return inflater.eof and not inflater.unused_data and found == expected
