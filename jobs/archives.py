"""ZIP archives that are sent while they are made: neither memory nor disk holds one."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from datetime import datetime
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from django.utils import timezone

Entry = tuple[str, Iterable[bytes]]

_PACKED = (".json", ".txt")  # pictures are packed already


def archive(entries: Iterable[Entry]) -> Iterator[bytes]:
    """Yield the bytes of an archive of the entries, each a name and its content in chunks.

    No chunk is empty. Entries are asked for one by one, when their turn comes.
    """
    sink = _Sink()
    with ZipFile(sink, "w") as packed:
        now = timezone.localtime()
        for name, chunks in entries:
            with packed.open(_info(name, now), "w", force_zip64=True) as entry:
                for chunk in chunks:
                    entry.write(chunk)
                    yield from sink.taken()
    yield from sink.taken()


def _info(name: str, now: datetime) -> ZipInfo:
    info = ZipInfo(name, now.timetuple()[:6])
    info.compress_type = ZIP_DEFLATED if name.endswith(_PACKED) else ZIP_STORED
    info.external_attr = 0o600 << 16
    return info


class _Sink(io.RawIOBase):
    """Takes what an archive writes, until somebody fetches it. It cannot go back."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        chunk = bytes(data)  # type: ignore[call-overload]
        self._chunks.append(chunk)
        return len(chunk)

    def taken(self) -> Iterator[bytes]:
        """Yield, as one, what was written since the last time, if anything was."""
        gathered = b"".join(self._chunks)
        self._chunks.clear()
        if gathered:
            yield gathered
