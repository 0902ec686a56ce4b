"""The local endpoint in a thread, a customer who has its key, and a receiver of webhooks."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import uvicorn

from restorer.local_access import Settings
from restorer.local_app import create_app
from restorer.local_worker import Handler

DEADLINE = 180.0  # seconds until a fact that does not come true fails its test
KEY = "rp_test_key"

Progress = Callable[[float, str], None]
Json = dict[str, Any]


class Clock:
    """The server's clock, which only the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Gate:
    """A handler that stays inside until the test opens it."""

    def __init__(self, answer: Any = None, progress: float | None = None) -> None:
        self.answer, self.progress = answer, progress
        self.entered, self.left = threading.Semaphore(0), threading.Semaphore(0)
        self.inputs: list[Any] = []
        self._open = threading.Semaphore(0)

    def __call__(self, job: Json, on_progress: Progress) -> Any:
        self.inputs.append(job["input"])
        if self.progress is None:
            return self._stay()
        on_progress(self.progress, "faces")
        answer = self._stay()
        on_progress(self.progress, "late")
        return answer

    def _stay(self) -> Any:
        self.entered.release()
        self._open.acquire()  # for ever, lest a broken queue be freed by the test's own deadline
        self.left.release()
        return self.answer

    def wait(self) -> None:
        assert self.entered.acquire(timeout=DEADLINE), "no job has started"

    def open(self) -> None:
        self._open.release()
        assert self.left.acquire(timeout=DEADLINE)


class Endpoint:
    """A served endpoint, and a customer who has its key."""

    def __init__(self, handler: Handler, **settings: Any) -> None:
        self.clock = Clock()
        app = create_app(handler, Settings(key=KEY, **settings), self.clock)
        listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = listener.getsockname()
        config = uvicorn.Config(app, log_config=None, ws="none", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listener],))
        self._thread.start()
        self.http = httpx2.Client(
            base_url=f"http://127.0.0.1:{self.address[1]}/v2/local",
            headers={"Authorization": f"Bearer {KEY}"},
            timeout=DEADLINE,
            trust_env=False,
        )

    def run(self, input: Json | None = None, **fields: Any) -> str:
        answer = self.http.post("/run", json={"input": input or {}, **fields})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def status(self, job_id: str) -> Json:
        answer = self.http.get(f"/status/{job_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def ended(self, job_id: str) -> Json:
        return self.reached(job_id, "COMPLETED", "FAILED", "CANCELLED")

    def reached(self, job_id: str, *states: str) -> Json:
        end = time.monotonic() + DEADLINE
        while (report := self.status(job_id))["status"] not in states:
            assert time.monotonic() < end, f"still {report['status']}"
        return report

    def is_known(self, job_id: str) -> bool:
        return self.http.get(f"/status/{job_id}").status_code == 200

    def stop(self) -> None:
        self.http.close()
        self._server.should_exit = True

    def close(self) -> None:
        self.stop()
        self._thread.join(DEADLINE)
        assert not self._thread.is_alive()


class Receiver:
    """Receives webhooks; answers with `answers` one after another, then 200."""

    def __init__(self) -> None:
        self.calls: list[Json] = []
        self.answers: list[int] = []
        self.silent = False
        self._arrived = threading.Condition()
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._request_handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/hooks/s3cret-token/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def wait(self, count: int) -> list[Json]:
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.calls) >= count, DEADLINE)
            return self.calls[:]

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _take(self, call: Json) -> int:
        with self._arrived:
            self.calls.append({**call, "at": time.monotonic()})
            self._arrived.notify_all()
            return self.answers.pop(0) if self.answers else 200

    def _request_handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class RequestHandler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers["Content-Length"]))
                call = {"path": self.path, "type": self.headers["Content-Type"]}
                answer = receiver._take({**call, "body": _document(text)})
                if receiver.silent:
                    receiver._closing.wait(DEADLINE)
                    return
                self.send_response(answer)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return RequestHandler


def _document(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


Serve = Callable[..., Endpoint]


def answer_by_input(job: Json, on_progress: Progress) -> Any:
    return job["input"].get("answer", {"image": "aGVsbG8="})
