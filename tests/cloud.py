"""A server that plays RunPod: the only party that is simulated, over HTTP."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Cloud(ThreadingHTTPServer):
    """Plays RunPod: answers as told, and remembers what it was asked."""

    status = 200
    body: bytes = b'{"id": "eaebd6e7-u1", "status": "IN_QUEUE"}'
    headers: tuple[tuple[str, str], ...] = ()

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Player)
        # By operation, such as "cancel", where it is not what all are answered.
        self.answers: dict[str, tuple[int, bytes]] = {}
        # While it is not set, nobody is answered.
        self.gate = threading.Event()
        self.gate.set()
        self.calls: list[tuple[str, str, dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        """Return the address that RUNPOD_BASE_URL names."""
        return f"http://127.0.0.1:{self.server_port}/v2"

    def asked(self, operation: str) -> list[str]:
        """Return the ids that the operation was asked for, "" where it takes none."""
        paths = [path.split("/")[3:] for _, path, _, _ in self.calls]
        return ["".join(rest) for name, *rest in paths if name == operation]


class Player(BaseHTTPRequestHandler):
    """One call."""

    server: Cloud

    def do_POST(self) -> None:
        """Answer."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.calls.append((self.command, self.path, dict(self.headers), body))
        self.server.gate.wait()
        operation = self.path.split("/")[3]
        usual = (self.server.status, self.server.body)
        status, answer = self.server.answers.get(operation, usual)
        self.send_response(status)
        for name, value in (*self.server.headers, ("Content-Length", str(len(answer)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)

    def do_GET(self) -> None:
        """Answer."""
        self.do_POST()

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""
