"""A server that plays a store of files, or whoever else is called at an address of theirs."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Store(ThreadingHTTPServer):
    """Answers at each path as told: `calls` are what was asked for, `names` what TLS was told.

    At /trickle, unless told, it sends a byte now and then until it is `closing`.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Player)
        self.calls: list[tuple[str, str, dict[str, str], bytes]] = []
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.names: list[str | None] = []
        self.closing = threading.Event()
        if tls:
            tls.sni_callback = lambda _, name, __: self.names.append(name)
            self.socket = tls.wrap_socket(self.socket, server_side=True)

    @property
    def origin(self) -> str:
        """Return its address, up to the port."""
        return f"http://127.0.0.1:{self.server_port}"


class Player(BaseHTTPRequestHandler):
    """One call."""

    server: Store

    def do_GET(self) -> None:
        """Answer."""
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.calls.append((self.command, self.path, dict(self.headers), content))
        if self.path == "/trickle" and self.path not in self.server.answers:
            self._trickle()
            return
        status, headers, body = self.server.answers.get(self.path, (404, {}, b"no"))
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """Answer."""
        self.do_GET()

    def _trickle(self) -> None:
        self.send_response(200)
        self.end_headers()
        while not self.server.closing.wait(0.02):
            self.wfile.write(b"x")

    def handle(self) -> None:
        """Answer, unless the client goes."""
        with suppress(OSError):
            super().handle()

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""


@contextmanager
def serving(store: Store) -> Iterator[Store]:
    """Let the store answer while the context lasts."""
    thread = threading.Thread(target=store.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield store
    finally:
        store.closing.set()
        store.shutdown()
        thread.join()
        store.server_close()
