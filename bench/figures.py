"""The measurements: each runs one system and returns its figures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median

from .client import Client, Effort, Opened, Published
from .metrics import gauges
from .processes import Server, wait_for
from .scale import Scale
from .systems import Ours, System
from .wire import Post


@dataclass
class Figure:
    """What one measurement of one system found, by name, and what is to be said about it."""

    values: dict[str, float]
    efforts: list[Effort] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    # Of the machine, taken by others before the measurement began.
    busy_before: float = 0.0


Measurement = Callable[[System, Scale], Figure]


def memory(system: System, scale: Scale) -> Figure:
    """Measure KiB, threads and database connections with no, few and many idle streams."""
    with _running(system, scale.many) as (server, client):
        _warm_up(system, scale, server, client)
        none = _state(system, server)
        first = _open(system, client, scale, 0, scale.few)
        server.settle()
        few = _state(system, server)
        rest = _open(system, client, scale, scale.few, scale.many)
        server.settle()
        many = _state(system, server)
    values = {
        "kib_few": (few["kib"] - none["kib"]) / max(first.open, 1),
        "kib_many": (many["kib"] - none["kib"]) / max(first.open + rest.open, 1),
    }
    for name in ("threads", "connections"):
        values |= {f"{name}_none": none[name], f"{name}_many": many[name]}
        values[f"{name}_added"] = many[name] - none[name]
    return Figure(values, notes=_shortfall(first, rest))


def opens(system: System, scale: Scale) -> Figure:
    """Measure streams opened a second, each to its first byte."""
    return _opens(system, scale, system.stream)


def opens_with_replay(system: System, scale: Scale) -> Figure:
    """Measure the same where each has missed an event, to that event."""
    ours = _ours(system)
    return _opens(system, scale, lambda job: ours.returning(job, ours.last - 1), mark=ours.newest)


def _opens(
    system: System, scale: Scale, request: Callable[[int], bytes], *, mark: str = ""
) -> Figure:
    found: list[Opened] = []
    with _running(system, scale.opens) as (server, client):
        _warm_up(system, scale, server, client)
        requests = [request(job) for job in range(scale.opens)]
        for _ in range(scale.repeats):
            found.append(client.open(requests, at_once=scale.in_flight, mark=mark))
            _leave(server, client)
    values = {
        "per_second": median(each.per_second for each in found),
        "p50": median(each.open_ms.p50 for each in found),
        "p99": median(each.open_ms.p99 for each in found),
    }
    return Figure(values, [each.effort for each in found], _shortfall(*found))


def latency(system: System, scale: Scale) -> Figure:
    """Measure POST written → event read, at a steady rate, with few idle streams."""
    with _running(system, scale.few, publishes=True) as (server, client):
        posts, notes = _with_idle_streams(system, scale, server, client)
        found = [
            client.publish_at_rate(posts, rate=scale.rate, seconds=scale.rate_seconds)
            for _ in range(scale.repeats)
        ]
    return _latencies(found, notes)


def burst(system: System, scale: Scale, *, heartbeat: int | None = None) -> Figure:
    """Measure events a second with some at once, each to one follower, and count the lost."""
    with _running(system, scale.few, heartbeat=heartbeat, publishes=True) as (server, client):
        posts, notes = _with_idle_streams(system, scale, server, client)
        found = [
            client.publish_at_once(posts, at_once=scale.at_once, seconds=scale.burst_seconds)
            for _ in range(scale.repeats)
        ]
    return _throughput(found, notes)


def burst_with_heartbeat(system: System, scale: Scale) -> Figure:
    """Measure the same with a heartbeat each second."""
    return burst(system, scale, heartbeat=1)


def fan_out(system: System, scale: Scale) -> Figure:
    """Measure POST written → first and last read, with many followers of one job."""
    with _running(system, 1, publishes=True) as (server, client):
        opened = client.open([system.stream(0)] * scale.followers, at_once=scale.in_flight)
        server.settle()
        posts = [system.publication(0, followers=-1)]
        found = client.publish_one_by_one(posts, count=scale.fan_outs)
    values = {"first": found.first_ms.p50, "last": found.last_ms.p50, "lost": found.lost}
    notes = _shortfall(opened)
    return Figure(values, [found.effort], notes + _refusals(found))


def idle(system: System, scale: Scale) -> Figure:
    """Measure the share of a core that many idle streams take, heartbeats and all."""
    with _running(system, scale.many, heartbeat=scale.idle_heartbeat) as (server, client):
        opened = _open(system, client, scale, 0, scale.many)
        client.hold(2 * scale.idle_heartbeat)
        before = server.cpu_seconds()
        reads = client.hold(scale.idle_seconds)
        used = server.cpu_seconds() - before
    values = {"percent": 100 * used / scale.idle_seconds, "reads": reads}
    return Figure(values, notes=_shortfall(opened))


def sigterm(system: System, scale: Scale) -> Figure:
    """Measure how streams end when the server is told to: cleanly, and how soon it is gone."""
    with _running(system, scale.terminated) as (server, client):
        opened = _open(system, client, scale, 0, scale.terminated)
        server.settle()
        told_at = time.monotonic()
        server.terminate()
        ended = client.drain(15)
        gone = wait_for(server.is_gone, within=max(0.1, 15 - (time.monotonic() - told_at)))
        took = time.monotonic() - told_at
    values = {"clean": ended.clean, "not_clean": opened.open - ended.clean, "seconds": took}
    notes = _shortfall(opened) + ([] if gone else ["still there after 15 s"])
    return Figure(values, notes=notes)


def webhooks(system: System, scale: Scale) -> Figure:
    """Measure RunPod's POST → event read, over the whole real path with its commit.

    Each job's worker tells how far it is; then half of them fail, and half are completed.
    """
    ours, part = _ours(system), scale.webhooks
    streams = range(2 * part * scale.repeats)
    found: dict[str, list[Published]] = {"progress": [], "failed": [], "completed": []}
    with _running(system, len(streams)) as (server, client):
        opened = _open(system, client, scale, 0, len(streams))
        server.settle()
        for first in streams[:: 2 * part]:
            jobs = streams[first : first + 2 * part]
            posts = {
                "progress": [ours.progress(job) for job in jobs],
                "failed": [ours.failure(job) for job in jobs[:part]],
                "completed": [ours.completion(job) for job in jobs[part:]],
            }
            for kind, each in posts.items():
                seconds = len(each) / scale.rate
                found[kind].append(client.publish_at_rate(each, rate=scale.rate, seconds=seconds))
    figures = {kind: _latencies(each, []) for kind, each in found.items()}
    return Figure(
        {
            f"{kind}_{name}": it
            for kind, each in figures.items()
            for name, it in each.values.items()
        },
        [effort for each in figures.values() for effort in each.efforts],
        [*_shortfall(opened), *(note for each in figures.values() for note in each.notes)],
    )


def webhook_burst(system: System, scale: Scale) -> Figure:
    """Measure progress reports a second with some at once, each of another job, to its commit."""
    ours = _ours(system)
    with _running(system, scale.opens) as (server, client):
        opened = _open(system, client, scale, 0, scale.opens)
        server.settle()
        posts = [ours.progress(job) for job in range(scale.opens)]
        found = client.publish_at_once(posts, at_once=scale.at_once, seconds=60, count=scale.opens)
    return _throughput([found], _shortfall(opened))


def returning(system: System, scale: Scale) -> Figure:
    """Count the queries, and the time, of many clients that come back at once with an id."""
    ours = _ours(system)
    with _running(system, scale.returning) as (server, client):
        _warm_up(system, scale, server, client)
        requests = [ours.returning(job, 1) for job in range(scale.returning)]
        with system.services.counted() as statements:
            opened = client.open(requests, at_once=scale.returning, mark=ours.newest)
            server.settle()
    values = {"queries": len(statements), "seconds": opened.seconds, "p50": opened.open_ms.p50}
    return Figure(values, [opened.effort], _shortfall(opened))


def leaving(system: System, scale: Scale) -> Figure:
    """Reset clients before and after their first byte; count what is not as it was 5 s later."""
    with _running(system, scale.leaving) as (server, client):
        _warm_up(system, scale, server, client)
        threads, before = server.threads(), gauges(server.port)
        requests = [system.stream(job) for job in range(scale.leaving)]
        early = client.abandon(requests, at_once=scale.in_flight, microseconds=3000)
        _open(system, client, scale, 0, scale.leaving)
        client.reset()
        wait_for(lambda: gauges(server.port) == before, within=5)
        server.settle(within=5)
        left = {
            name: value - before.get(name, 0)
            for name, value in gauges(server.port).items()
            if value != before.get(name, 0)
        }
        values = {"before_first_byte": float(early)}
        values["threads_left"] = server.threads() - threads
    if not before:
        return Figure(values, notes=["no /metrics, only threads were compared"])
    values["left_over"] = sum(map(abs, left.values()))
    return Figure(values, notes=[f"{name} {value:+g}" for name, value in left.items()])


# What is measured of every system, and what only ours has.
OF_ALL: Mapping[str, Measurement] = {
    "memory": memory,
    "opens": opens,
    "latency": latency,
    "burst": burst,
    "fan_out": fan_out,
    "idle": idle,
    "sigterm": sigterm,
}
OF_OURS: Mapping[str, Measurement] = {
    "opens_with_replay": opens_with_replay,
    "webhooks": webhooks,
    "webhook_burst": webhook_burst,
    "burst_with_heartbeat": burst_with_heartbeat,
    "returning": returning,
    "leaving": leaving,
}


@contextmanager
def _running(
    system: System, streams: int, *, heartbeat: int | None = None, publishes: bool = False
) -> Iterator[tuple[Server, Client]]:
    """Run the system, with what so many streams need, and a client."""
    system.prepare(streams)
    with system.serving(heartbeat=heartbeat, publishes=publishes) as server:
        client = Client(server.port)
        try:
            yield server, client
        finally:
            client.stop()


def _open(system: System, client: Client, scale: Scale, first: int, end: int) -> Opened:
    requests = [system.stream(job) for job in range(first, end)]
    return client.open(requests, at_once=scale.in_flight)


def _leave(server: Server, client: Client) -> None:
    client.reset()
    server.settle()


def _warm_up(system: System, scale: Scale, server: Server, client: Client) -> None:
    """Have everything loaded, and pools at their size, that the first streams bring about."""
    jobs = range(min(scale.warm_up, scale.opens, scale.leaving))
    requests = [system.stream(job) for job in jobs]
    client.open(requests, at_once=scale.in_flight)
    _leave(server, client)


def _with_idle_streams(
    system: System, scale: Scale, server: Server, client: Client
) -> tuple[list[Post], list[str]]:
    """Open few streams; return a post for each, and notes. Some posts have been made already."""
    opened = _open(system, client, scale, 0, scale.few)
    server.settle()
    posts = [system.publication(job) for job in range(scale.few)]
    client.publish_at_once(posts, at_once=4, seconds=10, count=200)
    return posts, _shortfall(opened)


def _latencies(found: list[Published], notes: list[str]) -> Figure:
    values = {
        "p50": median(each.latency_ms.p50 for each in found),
        "p95": median(each.latency_ms.p95 for each in found),
        "p99": median(each.latency_ms.p99 for each in found),
        "lost": sum(each.lost for each in found),
    }
    refusals = [note for each in found for note in _refusals(each)]
    return Figure(values, [each.effort for each in found], notes + refusals)


def _throughput(found: list[Published], notes: list[str]) -> Figure:
    values = {
        "per_second": median(each.per_second for each in found),
        "lost": sum(each.lost for each in found),
        "acked": sum(each.acked for each in found),
    }
    refusals = [note for each in found for note in _refusals(each)]
    return Figure(values, [each.effort for each in found], notes + refusals)


def _shortfall(*opened: Opened) -> list[str]:
    return [
        f"only {each.open} of {each.asked} streams opened{_status(each.refused_status)}"
        for each in opened
        if each.open < each.asked
    ]


def _status(number: int) -> str:
    return f" ({number})" if number else ""


def _refusals(found: Published) -> list[str]:
    if found.acked == found.posted:
        return []
    accepted = f"only {found.acked} of {found.posted} posts were accepted"
    return [accepted + _status(found.refused_status)]


def _ours(system: System) -> Ours:
    assert isinstance(system, Ours)
    return system


def _state(system: System, server: Server) -> dict[str, float]:
    connections = system.services.connections() if isinstance(system, Ours) else 0
    return {"kib": server.memory(), "threads": server.threads(), "connections": connections}
