"""HTTP/1.1 and text/event-stream by hand: a library might hide a repeat, a gap, or a broken end."""

from __future__ import annotations

import re
from typing import NamedTuple


class Event(NamedTuple):
    """One event as it came over the wire."""

    id: int
    type: str
    data: str


class Response:
    """A response as far as it has come."""

    def __init__(self) -> None:
        self.status = 0  # until its head has come
        self.is_whole = False
        self.text = b""  # of its body, what is no event yet
        self._wire = b""
        self._left: int | None = None  # bytes of a body that comes whole

    def feed(self, data: bytes) -> list[Event]:
        """Take in the bytes and return the events that are complete by now."""
        self._wire += data
        if not self.status:
            self._read_head()
        if self._left is not None:
            self._read_rest(self._left)
        elif self.status:
            self._read_chunks()
        *blocks, self.text = self.text.split(b"\n\n")
        return [found for block in blocks if (found := _event(block.decode())) is not None]

    def _read_head(self) -> None:
        head, end, rest = self._wire.partition(b"\r\n\r\n")
        if end:
            self.status = int(head.split()[1])
            self._wire = rest
            self.is_whole = self.status == 204
            if length := re.search(rb"content-length: *(\d+)", head.lower()):
                self._left = int(length[1])

    def _read_rest(self, left: int) -> None:
        self.text, self._wire = self.text + self._wire, b""
        self.is_whole = len(self.text) >= left

    def _read_chunks(self) -> None:
        while not self.is_whole:
            size, end, rest = self._wire.partition(b"\r\n")
            length = int(size, 16) if end else 0
            if not end or len(rest) < length + 2:
                return
            assert rest[length : length + 2] == b"\r\n"
            self.text += rest[:length]
            self._wire = rest[length + 2 :]
            self.is_whole = length == 0


def _event(block: str) -> Event | None:
    """Return the block's event; None for a comment, or a `retry` alone."""
    fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
    if set(fields) <= {"retry"}:
        return None
    return Event(int(fields["id"]), fields["event"], fields["data"])
