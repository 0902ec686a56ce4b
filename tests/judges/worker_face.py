"""RunPod's other side, where workers take jobs and post results: between an endpoint and them."""

from __future__ import annotations

import json
import queue
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.restorer.endpoint import Json, Progress

POLL = 0.2  # seconds that a worker's question is held


@dataclass
class Taken:
    """A job on its way to a worker, and what was posted for it."""

    job: Json
    posted: Json = field(default_factory=dict)
    done: threading.Event = field(default_factory=threading.Event)


class WorkerFace(ThreadingHTTPServer):
    """Serves job-take, job-stop, job-done and ping as the SDK calls them."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Call)
        self.waiting: queue.Queue[Taken] = queue.Queue()
        self.taken: dict[str, Taken] = {}
        self.pings: list[dict[str, list[str]]] = []
        self.pinged = threading.Event()

    def handle_job(self, job: Json, on_progress: Progress) -> Any:
        """Have a worker do the job: the local endpoint's handler."""
        taken = Taken(job)
        self.waiting.put(taken)
        assert taken.done.wait(60), "no worker has posted a result"
        output, error = taken.posted.get("output"), taken.posted.get("error")
        return {**(output or {}), "error": error} if error else output

    def environment(self) -> dict[str, str]:
        """Return what RunPod sets for a worker."""
        base = f"http://127.0.0.1:{self.server_port}"
        return {
            "RUNPOD_WEBHOOK_GET_JOB": f"{base}/job-take/$ID?gpu=none",
            "RUNPOD_WEBHOOK_POST_OUTPUT": f"{base}/job-done/$RUNPOD_POD_ID/$ID?gpu=none",
            "RUNPOD_WEBHOOK_PING": f"{base}/ping/$RUNPOD_POD_ID",
            "RUNPOD_PING_INTERVAL": "1000",
            "RUNPOD_POD_ID": "t7zclng6mb5jwy",
            "RUNPOD_AI_API_KEY": "worker-key",
        }


class _Call(BaseHTTPRequestHandler):
    server: WorkerFace

    def do_GET(self) -> None:
        path = urlsplit(self.path)
        if path.path.startswith("/job-take/"):
            return self._take()
        if path.path.startswith("/ping/"):
            self.server.pings.append(parse_qs(path.query))
            self.server.pinged.set()
            return self._answer(200, b"{}")
        threading.Event().wait(POLL)  # /job-stop: nobody is to be stopped
        return self._answer(204)

    def do_POST(self) -> None:
        """/job-done: JSON text, whatever type it says it is."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        taken = self.server.taken[urlsplit(self.path).path.rpartition("/")[2]]
        taken.posted = json.loads(body, parse_constant=_refuse)
        self._answer(200, b"{}")
        taken.done.set()

    def _take(self) -> None:
        try:
            taken = self.server.waiting.get(timeout=POLL)
        except queue.Empty:
            return self._answer(204)
        self.server.taken[taken.job["id"]] = taken
        return self._answer(200, json.dumps(taken.job).encode())

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""


def _refuse(constant: str) -> Any:
    raise ValueError(constant)
