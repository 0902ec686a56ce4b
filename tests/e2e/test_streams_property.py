"""Whatever dies in between: each reader of a stream has its events 1…n, once, in order, unchanged.

What readers, writers and the harm to servers do is drawn from pytest-randomly's seed, which is in
the head of pytest's output. `--randomly-seed=…` draws it again, though real processes will not
meet in the same moments.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from asyncio.subprocess import PIPE, Process
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.services import PATIENCE

from .streams import database as databases
from .streams.chance import chance_of
from .streams.reader import Manner, Place, Pulse, Reader
from .streams.response import Event
from .streams.site import Site
from .system import ROOT

GIVE_UP = PATIENCE  # seconds after the last event was written
TOO_LONG = 600  # seconds in all: later pytest would be ended, and nothing told of it
# Streams end, buffers are full, the log is asked and clients are given up all the time.
HURRIED = {
    "EVENTS_BUFFER": "2",
    "EVENTS_CATCH_UP": "0.2",
    "EVENTS_GRACE": "600",
    "EVENTS_HEARTBEAT": "0.2",
    "EVENTS_LIFETIME": "1",
    "EVENTS_RECHECK": "0.3",
    "EVENTS_STALL": "2",  # Linux may wait for 1.4 with a client that paused for half a second
}
# Nobody looks a second time, so that what is forgotten stays forgotten.
TRUSTING = HURRIED | dict.fromkeys(
    ("EVENTS_CATCH_UP", "EVENTS_HEARTBEAT", "EVENTS_LIFETIME", "EVENTS_STALL"), "600"
)


@dataclass(frozen=True)
class Plan:
    """What is to happen, besides what chance decides."""

    env: dict[str, str]
    servers: int
    harm: Callable[[Site, random.Random], Awaitable[None]] | None = None
    recovery: Callable[[Site], Awaitable[None]] | None = None  # what has to come after the harm
    losses: float = 0.0  # of messages, as a share
    patience: float = 0.5  # seconds that a writer gives the broker
    may_break: bool = False  # whether a server may leave a response without its end
    may_refuse: bool = False  # whether it may answer 503


PLANS = {
    "with no harm": Plan(HURRIED, servers=2),
    "with messages alone": Plan(TRUSTING, servers=1, patience=60),
    "with messages lost": Plan(HURRIED, servers=1, losses=0.5),
    "with the broker broken": Plan(
        HURRIED, servers=2, harm=Site.break_the_broker, recovery=Site.wait_until_all_listen
    ),
    "with the database's connections broken": Plan(
        HURRIED, servers=1, harm=Site.break_from_the_database, may_refuse=True
    ),
    "with servers paused": Plan(HURRIED, servers=2, harm=Site.pause_a_server),
    "with a log that answers late": Plan(HURRIED, servers=2, harm=Site.hold_up_the_log),
    "with servers killed": Plan(HURRIED, servers=2, harm=Site.kill_a_server, may_break=True),
    "with the server killed": Plan(HURRIED, servers=1, harm=Site.kill_a_server, may_break=True),
    "with servers stopped": Plan(HURRIED, servers=2, harm=Site.stop_a_server),
}


@pytest.fixture(scope="module")
def database() -> str:
    """Return the address of a database of our own."""
    return databases.new("streams")


@pytest.mark.parametrize("name", PLANS)
def test_each_reader_has_each_event_once(
    name: str, database: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    plan = PLANS[name]
    seed = f"{name} {random.randrange(2**32)}"  # noqa: S311
    site = Site(database, tmp_path, plan.servers, plan.env)
    try:
        asyncio.run(asyncio.wait_for(follow_and_write(plan, seed, site), TOO_LONG))
    finally:
        site.kill()
        request.node.add_report_section("call", "plan", f"{plan}\nseed: {seed!r}")
        request.node.add_report_section("call", "servers' log", site.log())


async def follow_and_write(plan: Plan, seed: str, site: Site) -> None:
    """Let everybody do what they do until all streams have ended, and compare."""
    await site.start()
    async with started_writer(plan, seed, site) as (writer, made):
        pulse = Pulse()
        readers = drawn_readers(plan, seed, site, pulse, **made)
        async with watched(pulse), asyncio.TaskGroup() as group:
            reading = {group.create_task(reader.read()): reader for reader in readers}
            written = await written_amid_harm(plan, seed, site, writer)
            for reader in readers:
                reader.calm_down()
            _, late = await asyncio.wait(reading, timeout=GIVE_UP)
            assert not late, [reading[task] for task in late]
    for stream, events in written.items():
        assert [event.id for event in events] == [*range(1, len(events) + 1)], stream
    for reader in readers:
        assert reader.got == written[reader.place.stream], reader
    await site.stop()


def drawn_readers(
    plan: Plan, seed: str, site: Site, pulse: Pulse, token: str, paths: dict[str, str]
) -> list[Reader]:
    """Return one reader of each manner for every stream."""
    permitted = {"may_break": plan.may_break, "may_refuse": plan.may_refuse}
    return [
        Reader(
            Place(stream, path, token, site.ports, **permitted),
            manner,
            chance_of(seed, number, manner),
            pulse,
        )
        for number, (stream, path) in enumerate(paths.items())
        for manner in Manner
    ]


@asynccontextmanager
async def watched(pulse: Pulse) -> AsyncIterator[None]:
    """Have it beat while the context lasts."""
    beating = asyncio.create_task(pulse.beat())
    try:
        yield
    finally:
        beating.cancel()


@asynccontextmanager
async def started_writer(
    plan: Plan, seed: str, site: Site
) -> AsyncIterator[tuple[Process, dict[str, Any]]]:
    """Start the process that writes; yield it, waiting for the word, and what it has made."""
    arguments = ("-m", "tests.e2e.streams.writer", seed, str(plan.losses), str(plan.patience))
    writer = await asyncio.create_subprocess_exec(
        *(sys.executable, *arguments), stdin=PIPE, stdout=PIPE, cwd=ROOT, env=site.env, limit=2**20
    )
    assert writer.stdout
    try:
        yield writer, json.loads(await writer.stdout.readline())
    finally:
        if writer.returncode is None:
            writer.kill()
            await writer.wait()


async def written_amid_harm(
    plan: Plan, seed: str, site: Site, writer: Process
) -> dict[str, list[Event]]:
    """Have it write, and do harm meanwhile; return what was written, by stream and in order."""
    done = asyncio.Event()
    harm = asyncio.create_task(do_harm(plan, seed, site, done))
    try:
        return await written_by(writer)
    finally:
        done.set()
        await harm


async def do_harm(plan: Plan, seed: str, site: Site, done: asyncio.Event) -> None:
    """Break something every now and then, and leave it whole."""
    chance = chance_of(seed)
    while plan.harm and not done.is_set():
        await asyncio.sleep(chance.uniform(0.1, 0.6))
        await plan.harm(site, chance)
    if plan.recovery:
        await plan.recovery(site)


async def written_by(writer: Process) -> dict[str, list[Event]]:
    """Give the word, and return what the writer says that it committed."""
    assert writer.stdin
    assert writer.stdout
    writer.stdin.write(b"\n")
    found: defaultdict[str, list[Event]] = defaultdict(list)
    async for line in writer.stdout:
        stream, *event = json.loads(line)
        found[stream].append(Event(*event))
    assert await writer.wait() == 0
    return {stream: sorted(events) for stream, events in found.items()}
