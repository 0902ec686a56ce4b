"""A client of one HTTP/1.1 connection that may do what clients do and libraries hide."""

from __future__ import annotations

import re
import socket
import struct
from http import HTTPStatus
from urllib.parse import urlsplit

from .services import PATIENCE


class Wire:
    """Sends one request. It may then read slowly, or not at all, or be gone at any moment."""

    def __init__(
        self,
        site: str,
        path: str,
        headers: dict[str, str] | None = None,
        *,
        method: str = "GET",
        receive_buffer: int | None = None,
    ) -> None:
        parts = urlsplit(site)
        self._socket = socket.socket()
        if receive_buffer is not None:
            # Before it connects: the window is agreed on then.
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.settimeout(PATIENCE)
        self._socket.connect((parts.hostname, parts.port))
        lines = {"Host": parts.netloc} | (headers or {})
        head = [f"{method} {path} HTTP/1.1", *(f"{name}: {lines[name]}" for name in lines)]
        self._socket.sendall("\r\n".join((*head, "", "")).encode("latin-1"))
        self.received = b""

    def read(self) -> bytes:
        """Read what is there next; nothing at the end. ConnectionError where it was broken off."""
        found = self._socket.recv(64 * 1024)
        self.received += found
        return found

    def read_to(self, text: bytes) -> bytes:
        """Read until the text has come, and return everything up to it."""
        while text not in self.received:
            assert self.read(), self.received
        return self.received

    def read_event(self, number: int) -> None:
        """Read until the event of that number has come whole."""
        line = f"id: {number}\n".encode()
        begin = self.read_to(line).index(line)
        while b"\n\n" not in self.received[begin:]:
            assert self.read(), self.received[begin:]

    def read_all(self) -> bytes:
        """Read to the end of the response, which is in chunks, and return all of it."""
        return self.read_to(b"\r\n0\r\n\r\n")

    def read_to_reset(self) -> None:
        """Read until the connection is broken; AssertionError if it ends in order."""
        try:
            while self.read():
                pass
        except ConnectionResetError:
            return
        raise AssertionError("The connection was not reset.")

    @property
    def status(self) -> HTTPStatus:
        """The response's status, once its head has come."""
        return HTTPStatus(int(self.read_to(b"\r\n\r\n").split()[1]))

    @property
    def ids(self) -> list[int]:
        """The numbers of the events that came whole, in their order."""
        return [
            int(number)
            for number in re.findall(rb"id: (\d+)\nevent: .*\ndata: .*\n\n", self.received)
        ]

    def reset(self) -> None:
        """Be gone at once, as by a crash: with a reset, and no goodbye."""
        linger = struct.pack("ii", 1, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._socket.close()

    def close(self) -> None:
        """Hang up in order."""
        self._socket.close()


class Wires:
    """Connections to one site that are closed together, whatever becomes of a test."""

    def __init__(self, site: str) -> None:
        self.site = site
        self._opened: list[Wire] = []

    def open(
        self,
        path: str,
        headers: dict[str, str] | None = None,
        *,
        method: str = "GET",
        receive_buffer: int | None = None,
    ) -> Wire:
        """Connect and send one request."""
        wire = Wire(self.site, path, headers, method=method, receive_buffer=receive_buffer)
        self._opened.append(wire)
        return wire

    def close(self) -> None:
        """Hang up all of them."""
        for wire in self._opened:
            wire.close()
