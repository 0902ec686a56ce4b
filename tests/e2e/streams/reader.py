"""A client of one stream that comes and goes as it likes, and notes what it gets."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections.abc import Sequence
from enum import Enum
from time import monotonic
from typing import NamedTuple

from .response import Event, Response

_BEAT = 0.1  # seconds
# Seconds without reading, in one visit, after which a server that is HURRIED may break off.
# To a client whose small buffer was full Linux may not send again before 1.4 s, if not at 0.6 s
# (measured: a second without a byte for one that had paused for 0.7).
_PAUSED = 0.5


class Manner(Enum):
    """How a reader behaves."""

    STEADY = "steady"  # reads, and stays as long as it is served
    SLOW = "slow"  # stops reading for a while, now and then
    RESTLESS = "restless"  # both, and goes away in the middle of anything


class Pulse:
    """Tells how late this process was to do things: then all readers paused, unknowingly."""

    def __init__(self) -> None:
        self.late = 0.0  # seconds, all in all

    async def beat(self) -> None:
        """Watch, until cancelled."""
        while True:
            before = monotonic()
            await asyncio.sleep(_BEAT)
            self.late += monotonic() - before - _BEAT


class Place(NamedTuple):
    """Where a stream is, and what the servers there may do to their clients."""

    stream: str
    path: str
    token: str
    ports: Sequence[int]
    may_break: bool  # whether a response may end in the middle
    may_refuse: bool  # whether 503 is an answer


class Reader:
    """Follows a stream to its end, always with the last id that it has."""

    def __init__(self, place: Place, manner: Manner, chance: random.Random, pulse: Pulse) -> None:
        self.place = place
        self.got: list[Event] = []
        self.visits: list[str] = []  # how each ended
        self._manner = manner
        self._chance = chance
        self._pulse = pulse
        self._paused = 0.0  # seconds of this visit, less how late the process was when it began

    def __repr__(self) -> str:
        seen = [event.id for event in self.got]
        return f"<Reader of {self.place.path}: {seen} after {self.visits[-5:]}>"

    def calm_down(self) -> None:
        """Read on steadily from now on."""
        self._manner = Manner.STEADY

    async def read(self) -> None:
        """Come and go until 204 says that nothing will follow."""
        while self.visits[-1:] != ["204"]:
            try:
                await self._visit()
            except ConnectionRefusedError:
                self.visits.append("refused")
            await asyncio.sleep(self._chance.uniform(0, 0.2))

    async def _visit(self) -> None:
        """Open the stream once, and read until it ends or the reader has enough."""
        response, self._paused = Response(), -self._pulse.late
        with await self._connected() as connection:
            try:
                self.visits.append(await self._follow(connection, response))
            except (ConnectionResetError, BrokenPipeError):
                self.visits.append("broken")
                self._check_may_break(response)
            self._prepare_to_leave(connection)

    async def _connected(self) -> socket.socket:
        connection = socket.socket()
        connection.setblocking(False)
        if self._manner is not Manner.STEADY:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        try:
            address = ("127.0.0.1", self._chance.choice(self.place.ports))
            await asyncio.get_running_loop().sock_connect(connection, address)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare_to_leave(self, connection: socket.socket) -> None:
        """Have half of them end by RST, as of a client that is gone, instead of FIN."""
        if self._chance.random() < 0.5:
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    async def _follow(self, connection: socket.socket, response: Response) -> str:
        """Ask for the stream and read it; return how that ended."""
        request = self._request()
        if self._is_tempted(0.05):
            request = request[: self._chance.randrange(len(request))]
            await asyncio.get_running_loop().sock_sendall(connection, request)
            return "not asked"
        await asyncio.get_running_loop().sock_sendall(connection, request)
        while not response.is_whole:
            if self._is_tempted(0.1):
                return "enough"
            await self._pause()
            self._take(response, await self._received(connection))
        assert response.status != 200 or not response.text, f"half an event at the end: {self}"
        return str(response.status)

    def _is_tempted(self, probability: float) -> bool:
        return self._manner is Manner.RESTLESS and self._chance.random() < probability

    async def _pause(self) -> None:
        if self._manner is not Manner.STEADY and self._chance.random() < 0.1:
            seconds = self._chance.choice([0.05, 0.3, 2])
            self._paused += seconds
            await asyncio.sleep(seconds)

    def _request(self) -> bytes:
        last = str(self.got[-1].id) if self.got else self._chance.choice(["", "0"])
        query = header = ""
        if last and self._chance.random() < 0.5:
            query = f"?last_event_id={last}"
        elif last:
            header = f"Last-Event-ID: {last}\r\n"
        return (
            f"GET {self.place.path}{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {self.place.token}\r\n{header}\r\n"
        ).encode()

    async def _received(self, connection: socket.socket) -> bytes:
        most = self._chance.choice([10, 1000, 20_000])
        data = await asyncio.get_running_loop().sock_recv(connection, most)
        if not data:
            raise ConnectionResetError
        return data

    def _take(self, response: Response, data: bytes) -> None:
        for event in response.feed(data):
            expected = len(self.got) + 1
            assert event.id == expected, f"{event.id} came instead of {expected}: {self}"
            self.got.append(event)
        allowed = {0, 200, 204, 503} if self.place.may_refuse else {0, 200, 204}
        assert response.status in allowed, f"{response.status}: {self}"

    def _check_may_break(self, response: Response) -> None:
        """A server may break off only before it answers, or where its client does not read."""
        has_paused = self._paused + self._pulse.late > _PAUSED
        allowed = self.place.may_break or has_paused or not response.status
        assert allowed, f"a response without its end: {self}"
