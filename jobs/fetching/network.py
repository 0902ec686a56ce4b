"""Connections to the very addresses that were judged, until a moment after which there is none."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore2

from .rules import (
    NOT_FOUND,
    NOT_PUBLIC,
    SILENT,
    TOO_SLOW,
    FetchError,
    Rules,
    check,
    is_public,
)

_CONNECT = 10.0  # seconds for one of a name's addresses, if it has several
_GLANCE = 2.0  # seconds for a name that somebody waits for


def check_where_it_leads(url: str, *, rules: Rules) -> None:
    """Raise FetchError for an address that is not called, by its text or by where its name leads.

    A name that is not found may be tomorrow, and is judged at each call anyway.
    """
    target = check(url, rules=rules)
    if target.is_trusted:
        return
    try:
        found = _look_up(target.host, target.port, Deadline(_GLANCE))
    except FetchError:
        return
    _judge(found)


class Deadline:
    """The moment at which a call has to be over, whatever it is at."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds

    def left(self, at_most: float = float("inf")) -> float:
        """Return the seconds until then, so many at most. Raises FetchError when it has passed."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise FetchError("too_slow", TOO_SLOW, transient=True)
        return min(left, at_most)


class Backend(httpcore2.NetworkBackend):
    """Looks a name up once, judges what is found, and connects to that."""

    def __init__(self, *, deadline: Deadline, is_trusted: bool) -> None:
        self._deadline = deadline
        self._is_trusted = is_trusted

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Return a connection to the host. Raises FetchError."""
        found = _look_up(host, port, self._deadline)
        if not self._is_trusted:
            _judge(found)
        return Stream(_connected(found, self._deadline), self._deadline)


Found = list[tuple[socket.AddressFamily, Any]]


def _judge(found: Found) -> None:
    if not all(is_public(address[0]) for _, address in found):
        raise FetchError("bad_url", NOT_PUBLIC)


def _look_up(host: str, port: int, deadline: Deadline) -> Found:
    """Return what the name leads to, asked once.

    In a thread of its own, which a name server that says nothing may keep, but not us.
    """
    answers: list[Found] = []
    thread = threading.Thread(target=_ask, args=(host, port, answers), daemon=True)
    thread.start()
    thread.join(deadline.left())
    if answers and answers[0]:
        return answers[0]
    raise FetchError("unreachable", NOT_FOUND, about=host, transient=True)


def _ask(host: str, port: int, answers: list[Found]) -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        found = []
    answers.append([(family, address) for family, _, _, _, address in found])


def _connected(found: Found, deadline: Deadline) -> socket.socket:
    """Return a socket to the first of the addresses that takes one."""
    for family, address in found:
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.settimeout(deadline.left(at_most=_CONNECT))
            # Not by name: nothing is asked for again.
            connection.connect(address)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            connection.close()
        except FetchError:
            connection.close()
            raise
        else:
            return connection
    raise FetchError("unreachable", SILENT, transient=True)


class Stream(httpcore2.NetworkStream):
    """A connection on which every wait ends with the deadline."""

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        self._connection = connection
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return what has come."""
        with self._waiting(httpcore2.ReadError):
            return self._connection.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it."""
        with self._waiting(httpcore2.WriteError):
            self._connection.sendall(buffer)

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        """Return the same connection under TLS, the certificate judged by the host's name."""
        with self._waiting(httpcore2.ConnectError):
            wrapped = ssl_context.wrap_socket(self._connection, server_hostname=server_hostname)
        return Stream(wrapped, self._deadline)

    @contextmanager
    def _waiting(self, error: type[Exception]) -> Iterator[None]:
        self._connection.settimeout(self._deadline.left())
        try:
            yield
        except OSError as cause:
            self._deadline.left()
            raise error(str(cause)) from cause

    def close(self) -> None:
        """Close it."""
        self._connection.close()
