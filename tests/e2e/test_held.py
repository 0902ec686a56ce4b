"""What hundreds of streams take up of a server process, beside memory: nothing, now or later."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import httpx2
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.services import PATIENCE
from tests.streams import eventually
from tests.wire import Wire, Wires

from .streams import database as databases
from .streams.server import Scribe, Server, serving, writing

MANY = 500
JOBS = 20
# The log and who may follow are asked all the time, by threads and connections that would show.
BUSY = {
    "EVENTS_CATCH_UP": "0.1",
    "EVENTS_HEARTBEAT": "0.2",
    "EVENTS_MAX_STREAMS_PER_USER": "10000",
    "EVENTS_RECHECK": "0.1",
}
SIZES = re.compile("bytes$")  # of memory, which Python does not give back at once


class Held(NamedTuple):
    """What a process has of what streams are not to have."""

    threads: int
    connections: int


@pytest.fixture(scope="module")
def database() -> str:
    """Return the address of a database of our own."""
    return databases.new("held")


@pytest.fixture
def server(database: str, tmp_path: Path) -> Iterator[Server]:
    """Run the site."""
    with serving(database, tmp_path, PGAPPNAME="web", **BUSY) as server:
        yield server


@pytest.fixture
def scribe(server: Server) -> Iterator[Scribe]:
    """Return somebody with some jobs."""
    with writing(server, jobs=JOBS) as scribe:
        yield scribe


@pytest.fixture
def connect(server: Server, scribe: Scribe, wires: Wires) -> Callable[[int], list[Wire]]:
    """Return a function that asks for so many streams, by session, grant and token in turn."""
    address = f"{server.address}/api/v1/events/token"
    answer = httpx2.post(address, headers=scribe.bearer, json={}, trust_env=False, timeout=PATIENCE)
    grant = quote(answer.json()["token"])
    ways = cycle([("", {"Cookie": f"sessionid={scribe.session}"}), (f"?token={grant}", {})])
    jobs = cycle(scribe.jobs)

    def connect(count: int) -> list[Wire]:
        return [
            wires.open(f"/api/v1/events/{next(jobs)}{query}", headers)
            for query, headers in islice(ways, count)
        ]

    return connect


def gauges(server: Server) -> dict[str, float]:
    """Return every gauge that the server tells Prometheus, but for sizes of memory."""
    text = httpx2.get(f"{server.address}/metrics", trust_env=False, timeout=PATIENCE).text
    families = [each for each in text_string_to_metric_families(text) if each.type == "gauge"]
    samples = [sample for family in families for sample in family.samples]
    return {
        f"{each.name}{each.labels}": each.value for each in samples if not SIZES.search(each.name)
    }


def total(server: Server, name: str) -> float:
    """Return a counter of the server's."""
    text = httpx2.get(f"{server.address}/metrics", trust_env=False, timeout=PATIENCE).text
    return float(re.findall(rf"^{name} (\S+)$", text, re.MULTILINE)[0])


def are_open(server: Server, count: int) -> bool:
    return gauges(server)["photorestore_streams_open{}"] == count


def be_looked_after(server: Server) -> None:
    """Wait until the server has asked some more times about its streams."""
    asked = total(server, "photorestore_log_queries_total")
    eventually(lambda: total(server, "photorestore_log_queries_total") > asked + 5)


def held(server: Server, database: str) -> Held:
    """Return what the server holds now."""
    status = Path(f"/proc/{server.pid}/status").read_text()
    with psycopg.connect(database) as connection:
        count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'web'"
        row = connection.execute(count).fetchone()
    assert row
    return Held(int(re.findall(r"Threads:\s+(\d+)", status)[0]), row[0])


@contextmanager
def locked(database: str, table: str) -> Iterator[None]:
    """Let nobody read the table while the context lasts."""
    with psycopg.connect(database) as connection:
        connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield


def opened(wires: list[Wire]) -> None:
    for wire in wires:
        wire.read_to(b"retry: 3000\n\n")


def reset(wires: list[Wire]) -> None:
    for wire in wires:
        wire.reset()


@pytest.fixture
def start(server: Server, wires: Wires, connect: Callable[[int], list[Wire]]) -> dict[str, float]:
    """Return the gauges after a few streams, with which the server has taken what it keeps."""
    start_its_threads(wires)
    few = connect(20)
    opened(few)
    reset(few)
    eventually(lambda: are_open(server, 0))
    return gauges(server)


def start_its_threads(wires: Wires) -> None:
    """Have the server start those that work on requests: it does so when many come at once."""
    asked = [wires.open("/metrics", {"Connection": "close"}) for _ in range(200)]
    for wire in asked:
        while wire.read():
            pass


@pytest.mark.usefixtures("start")
def test_open_streams_hold_no_thread_and_no_connection(
    server: Server, database: str, scribe: Scribe, connect: Callable[[int], list[Wire]]
) -> None:
    before = held(server, database)
    wires = connect(MANY)
    opened(wires)
    assert are_open(server, MANY)
    for job in scribe.jobs:
        scribe.append(job)
    for wire in wires:
        wire.read_to(b"id: 1\n")
    be_looked_after(server)
    assert held(server, database) == before
    reset(wires)
    eventually(lambda: are_open(server, 0))
    assert held(server, database) == before


@pytest.mark.parametrize("table", ["jobs_job", "events_stream"])
def test_clients_that_are_gone_before_the_first_byte_leave_nothing(
    table: str,
    server: Server,
    database: str,
    connect: Callable[[int], list[Wire]],
    start: dict[str, float],
) -> None:
    reset(connect(MANY // 4))
    with locked(database, table):
        wires = connect(MANY)
        files = "process_open_fds{}"
        eventually(lambda: gauges(server)[files] >= start[files] + MANY)
        reset(wires)
    eventually(lambda: gauges(server) == start)


def test_clients_that_are_gone_after_the_first_byte_leave_nothing(
    server: Server, connect: Callable[[int], list[Wire]], start: dict[str, float]
) -> None:
    wires = connect(MANY)
    opened(wires)
    assert are_open(server, MANY)
    reset(wires)
    eventually(lambda: gauges(server) == start)
