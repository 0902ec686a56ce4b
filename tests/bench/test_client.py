"""The client that measures must see what happens, above all what does not."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from bench import client as clients
from bench import wire
from bench.client import Client
from bench.wire import Post

from ..services import free_port, wait_for_port

QUIET = 3.0  # seconds: a busy machine is never silent for so long
pytestmark = pytest.mark.skipif(not shutil.which("cc"), reason="the client is written in C")


class Site:
    """Streams that do as their path says; a POST is an event for those of the same path."""

    def __init__(self) -> None:
        self.queues: defaultdict[str, list[asyncio.Queue[bytes]]] = defaultdict(list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve a stream, or an event."""
        if scope["method"] == "POST":
            await self.publish(scope["path"], receive, send)
        else:
            await self.stream(scope["path"], send)

    async def publish(self, path: str, receive: Any, send: Any) -> None:
        """Accept an event; on /deaf nobody is told."""
        data = (await receive())["body"]
        for queue in self.queues[path] if path != "/deaf" else ():
            queue.put_nowait(data)
        await send({"type": "http.response.start", "status": 202, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def stream(self, path: str, send: Any) -> None:
        """Say hello, then what is published; with that, /short ends, and /broken breaks."""
        status = 429 if path == "/refused" else 200
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b"retry: 1\n\n", "more_body": True})
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        self.queues[path].append(queue)
        while data := await queue.get():
            if path == "/broken":
                return
            frame = b"data: " + data + b"\n\n"
            await send({"type": "http.response.body", "body": frame, "more_body": path == "/even"})


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[Client]:
    """Return a client of such a site."""
    monkeypatch.setattr(clients, "FOLDER", tmp_path)
    monkeypatch.setattr(clients, "BINARY", tmp_path / "client")
    clients.build()
    port = free_port()
    config = uvicorn.Config(Site(), port=port, lifespan="off", log_level="critical")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_for_port(port)
    made = Client(port, patience=QUIET)
    yield made
    made.stop()
    server.should_exit = server.force_exit = True
    thread.join()


def test_an_event_that_is_read_is_timed_and_none_is_lost(client: Client) -> None:
    client.open([wire.get("/even")] * 3, at_once=2)
    post = Post(wire.post("/even", wire.event_data()), stream=-1)
    found = client.publish_one_by_one([post], count=5)
    assert (found.posted, found.acked, found.lost) == (5, 5, 0)
    assert 0 < found.first_ms.p50 <= found.last_ms.p50


def test_an_event_that_nobody_reads_is_lost(client: Client) -> None:
    client.open([wire.get("/even"), wire.get("/deaf")], at_once=2)
    posts = [
        Post(wire.post(path, wire.event_data()), stream)
        for stream, path in enumerate(("/even", "/deaf"))
    ]
    found = client.publish_at_once(posts, at_once=2, seconds=5, count=10)
    assert (found.acked, found.lost) == (10, 5)


def test_only_a_stream_with_its_last_chunk_has_ended_cleanly(client: Client) -> None:
    paths = ("/even", "/even", "/short", "/broken")
    client.open([wire.get(path) for path in paths], at_once=2)
    posts = [Post(wire.post(path, wire.event_data()), -1) for path in paths]
    client.publish_at_once(posts, at_once=1, seconds=5, count=4)
    ended = client.drain(QUIET)
    assert (ended.open, ended.clean, ended.broken) == (2, 1, 1)


def test_a_refused_stream_is_not_open_and_its_status_is_known(client: Client) -> None:
    found = client.open([wire.get("/refused"), wire.get("/even")], at_once=2)
    assert (found.asked, found.open, found.refused_status) == (2, 1, 429)


def test_a_stream_is_open_when_its_mark_was_read(client: Client) -> None:
    found = client.open([wire.get("/even")], at_once=1, mark="never", within=0.2)
    assert found.open == 0
