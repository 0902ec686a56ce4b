"""Clients that come and go in every way there is, and keep count of what they read."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

# SO_LINGER with no time: a close is a reset.
_ABRUPTLY = struct.pack("ii", 1, 0)


class BrokenOrderError(Exception):
    """A client read an event twice, or not the one after the last."""


class Follower:
    """One client of one job for the whole run. It comes back with the last id it has read."""

    def __init__(self, port: int, request: Callable[[int], bytes], seen: int) -> None:
        self.seen = seen
        self.counts: Counter[str] = Counter()
        self._port = port
        self._request = request

    async def churn(self, until: float) -> None:
        """Open, read, stall, leave and return at random until the loop's time says so."""
        ways = (self._read, self._stall, self._reset_at_once, self._read)
        while asyncio.get_running_loop().time() < until:
            way = random.choice(ways)  # noqa: S311
            try:
                await way(random.expovariate(1 / 5))
                self.counts[way.__name__.strip("_")] += 1
            except (OSError, asyncio.IncompleteReadError):
                self.counts["broken"] += 1
            await asyncio.sleep(random.uniform(0, 1))  # noqa: S311

    async def catch_up(self, last_seq: int, *, within: float = 15.0) -> bool:
        """Come back once more and read what is missing; False if it does not arrive."""
        with suppress(TimeoutError, OSError, asyncio.IncompleteReadError):
            async with asyncio.timeout(within):
                while self.seen < last_seq:
                    await self._follow(lambda: self.seen >= last_seq)
        return self.seen >= last_seq

    async def _read(self, seconds: float) -> None:
        """Read for a while, then leave, politely or not."""
        end = asyncio.get_running_loop().time() + seconds
        with suppress(TimeoutError):
            async with asyncio.timeout_at(end):
                await self._follow(lambda: False)

    async def _stall(self, seconds: float) -> None:
        """Take in nothing for a while, then read on."""
        reader, writer = await self._connect()
        try:
            await asyncio.sleep(seconds)
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._take_in(reader, lambda: False)
        finally:
            _leave(writer)

    async def _reset_at_once(self, seconds: float) -> None:
        """Ask, and be gone before an answer or shortly after its beginning."""
        _, writer = await self._connect()
        await asyncio.sleep(min(seconds / 500, 0.05))
        _leave(writer, abruptly=True)

    async def _follow(self, enough: Callable[[], bool]) -> None:
        reader, writer = await self._connect()
        try:
            await self._take_in(reader, enough)
        finally:
            _leave(writer, abruptly=random.random() < 0.5)  # noqa: S311

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=2**20)
        writer.write(self._request(self.seen))
        return reader, writer

    async def _take_in(self, reader: asyncio.StreamReader, enough: Callable[[], bool]) -> None:
        id = self.seen
        async for line in _lines(reader):
            if line.startswith(b"id: "):
                id = int(line[4:])
            elif not line and id != self.seen:
                self._note(id)
                if enough():
                    return

    def _note(self, id: int) -> None:
        if id != self.seen + 1:
            raise BrokenOrderError(f"{id} came after {self.seen}")
        self.seen = id
        self.counts["events"] += 1


async def _lines(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Yield the lines of a chunked 200; return at its end. Raises OSError for another answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise OSError(head.partition(b"\r\n")[0].decode())
    rest = b""
    while size := int(await reader.readline() or b"0", 16):
        *lines, rest = (rest + (await reader.readexactly(size + 2))[:-2]).split(b"\n")
        for line in lines:
            yield line


def _leave(writer: asyncio.StreamWriter, *, abruptly: bool = False) -> None:
    if abruptly:
        own: socket.socket = writer.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABRUPTLY)
    writer.transport.abort()
