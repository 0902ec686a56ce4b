"""How much of everything a run measures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Numbers of streams, and seconds; the defaults are what the documents report."""

    warm_up: int = 200  # streams opened and reset before anything is counted
    few: int = 1000  # idle streams of the memory figure, and while events are published
    many: int = 5000
    opens: int = 2000
    in_flight: int = 48  # opens at once; daphne lets no more than 50 wait
    rate: int = 50  # events a second where latency is measured
    rate_seconds: float = 10.0
    webhooks: int = 200  # jobs that fail, and as many that are completed, in each repetition
    at_once: int = 32  # posts, where throughput is measured
    burst_seconds: float = 4.0
    followers: int = 2000  # of one job
    fan_outs: int = 15  # events that they all read
    idle_seconds: float = 30.0
    idle_heartbeat: int = 5
    returning: int = 2000
    leaving: int = 500
    terminated: int = 200
    repeats: int = 3


FULL = Scale()
# To see that everything works; its figures say little.
QUICK = Scale(
    warm_up=50,
    few=100,
    many=300,
    opens=200,
    rate_seconds=2.0,
    webhooks=25,
    burst_seconds=1.0,
    followers=200,
    fan_outs=3,
    idle_seconds=6.0,
    idle_heartbeat=2,
    returning=200,
    leaving=50,
    terminated=50,
    repeats=1,
)
