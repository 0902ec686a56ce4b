"""The clients that people use: across a restart of the server each has every event once, in order.

A stream that has ended answers 204, which stops each of them.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.services import PATIENCE
from tests.streams import eventually

from .browsers import opened
from .streams import database as databases
from .streams.server import Scribe, Server, serving

CLIENTS = Path(__file__).parent / "clients"
Seen = Callable[[], Sequence[str]]
BROWSERS_CLIENT = """path => {
  window.seen = [];
  window.source = new EventSource(path);
  for (const type of ['progress', 'completed', 'reset']) {
    source.addEventListener(type, (event) => seen.push(`${event.lastEventId} ${event.type}`));
  }
}"""


@pytest.fixture(scope="module")
def database() -> str:
    """Return the address of a database of our own."""
    return databases.new("clients")


@pytest.fixture
def server(database: str, tmp_path: Path) -> Iterator[Server]:
    """Run the site."""
    with serving(database, tmp_path) as server:
        yield server


@contextmanager
def running(*command: str, token: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Run a client while the context lasts; yield it with the lines that it has written so far."""
    process = subprocess.Popen(
        command, cwd=CLIENTS, env={"TOKEN": token}, stdout=subprocess.PIPE, text=True
    )
    lines: list[str] = []
    assert process.stdout
    reader = threading.Thread(
        target=lambda out: lines.extend(map(str.strip, out)), args=(process.stdout,)
    )
    reader.start()
    try:
        yield process, lines
    finally:
        process.kill()
        process.wait()
        reader.join()
        process.stdout.close()


def written_across_a_restart(server: Server, scribe: Scribe, seen: Seen) -> list[str]:
    """Append before, while and after the server is away; return what a client has to see."""
    (job,) = scribe.jobs
    count = len([scribe.append(job) for _ in range(3)])
    eventually(lambda: len(seen()) == count)
    server.stop()
    count += len([scribe.append(job) for _ in range(3)])
    server.start()
    eventually(lambda: len(seen()) == count)
    count += len([scribe.append(job) for _ in range(3)])
    scribe.append(job, "completed", final=True)
    return [*(f"{number} progress" for number in range(1, count + 1)), f"{count + 1} completed"]


def follow_across_a_restart(server: Server, scribe: Scribe, *command: str) -> None:
    """Run the client, restart the server, and see what it got and that it ends by itself."""
    url = f"{server.address}/api/v1/events/{scribe.jobs[0]}"
    with running(*command, url, token=scribe.token) as (client, seen):
        expected = written_across_a_restart(server, scribe, lambda: seen)
        assert client.wait(timeout=PATIENCE) == 0
    assert seen == expected


def path_of(program: str) -> str:
    """Return where the program is; AssertionError where there is none."""
    found = shutil.which(program)
    assert found, f"These tests need {program}."
    return found


def test_curl(server: Server, scribe: Scribe) -> None:
    follow_across_a_restart(server, scribe, path_of("bash"), "curl.sh")


def test_npm_s_eventsource(server: Server, scribe: Scribe) -> None:
    assert (CLIENTS / "node_modules").exists(), "Install it: make clients"
    follow_across_a_restart(server, scribe, path_of("node"), "eventsource.js")


def test_httpx_sse(server: Server, scribe: Scribe) -> None:
    follow_across_a_restart(server, scribe, sys.executable, "sse.py")


def test_chromium_s_eventsource(server: Server, scribe: Scribe, browser: Browser) -> None:
    page = opened(browser, base_url=server.address)
    cookie = {"name": "sessionid", "value": scribe.session, "url": server.address}
    page.context.add_cookies([cookie])  # type: ignore[list-item]
    page.goto("/api/v1/jobs")
    page.evaluate(BROWSERS_CLIENT, f"/api/v1/events/{scribe.jobs[0]}")
    expected = written_across_a_restart(server, scribe, lambda: list(page.evaluate("seen")))
    eventually(lambda: page.evaluate("source.readyState === EventSource.CLOSED"))
    assert page.evaluate("seen") == expected
