"""A server that plays RunPod: the only party that is simulated, over HTTP."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Cloud(ThreadingHTTPServer):
    """Plays RunPod: answers as told, and remembers what it was asked."""

    status = 200
    body: bytes = b'{"id": "eaebd6e7-u1", "status": "IN_QUEUE"}'
    headers: tuple[tuple[str, str], ...] = ()

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Player)
        self.calls: list[tuple[str, str, dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        """Return the address that RUNPOD_BASE_URL names."""
        return f"http://127.0.0.1:{self.server_port}/v2"


class Player(BaseHTTPRequestHandler):
    """One call."""

    server: Cloud

    def do_POST(self) -> None:
        """Answer."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.calls.append((self.command, self.path, dict(self.headers), body))
        self.send_response(self.server.status)
        for name, value in (*self.server.headers, ("Content-Length", str(len(self.server.body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.server.body)

    def do_GET(self) -> None:
        """Answer."""
        self.do_POST()

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""
