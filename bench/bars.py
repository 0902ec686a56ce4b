"""What ours is to reach, as ratios within one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .figures import Figure

# By system, then by measurement.
Results = Mapping[str, Mapping[str, Figure]]


@dataclass(frozen=True)
class Bar:
    """A limit of ours: a number, or a multiple of what another system has in the same run."""

    label: str
    figure: str
    value: str
    at_most: float | None = None
    at_least: float | None = None
    against: str | None = None
    # Where the other's is another measurement than ours.
    other: tuple[str, str] | None = None

    def sides(self, results: Results) -> tuple[float, float] | None:
        """Return ours and the other's (1 where the bar is a number), if both were measured."""
        ours = value(results, "ours", self.figure, self.value)
        theirs: float | None = 1.0
        if self.against:
            theirs = value(results, self.against, *(self.other or (self.figure, self.value)))
        return None if ours is None or not theirs else (ours, theirs)

    def limit(self) -> str:
        """Return the bar as text."""
        sign, number = ("≤", self.at_most) if self.at_most is not None else ("≥", self.at_least)
        return f"{sign} {number:g}" + (f" × {self.against}" if self.against else "")

    def holds(self, ours: float, theirs: float) -> bool:
        """Tell whether ours passes."""
        ratio = ours / theirs
        if self.at_most is not None:
            return ratio <= self.at_most
        return self.at_least is not None and ratio >= self.at_least


def value(results: Results, system: str, figure: str, name: str) -> float | None:
    """Return a value of a system's measurement, if it was measured."""
    found = results.get(system, {}).get(figure)
    return found.values.get(name) if found else None


_OLD, _LIMIT = "sse-starlette", "nchan"
_NOTIFY = ("latency", "p50")
BARS = (
    Bar("KiB per idle stream, many", "memory", "kib_many", at_most=0.25, against=_OLD),
    Bar("KiB per idle stream, many", "memory", "kib_many", at_most=1.15, against=_LIMIT),
    Bar("threads that many streams add", "memory", "threads_added", at_most=0),
    Bar("connections that many streams add", "memory", "connections_added", at_most=0),
    Bar("streams opened a second", "opens", "per_second", at_least=4, against=_OLD),
    Bar("queries of all that return at once", "returning", "queries", at_most=40),
    Bar("publish to client, p50", "latency", "p50", at_most=1.6, against=_OLD),
    Bar("publish to client, p99", "latency", "p99", at_most=1.2, against=_OLD),
    *(
        Bar(
            f"webhook to client, {kind}, p50",
            "webhooks",
            f"{kind}_p50",
            at_most=4,
            against=_OLD,
            other=_NOTIFY,
        )
        for kind in ("progress", "failed", "completed")
    ),
    Bar("events a second", "burst", "per_second", at_least=0.5, against=_OLD),
    Bar("events a second", "burst", "per_second", at_least=5, against="django-eventstream"),
    Bar("lost", "burst", "lost", at_most=0),
    Bar("lost, with a heartbeat of 1 s", "burst_with_heartbeat", "lost", at_most=0),
    Bar("last follower of one job", "fan_out", "last", at_most=0.4, against=_OLD),
    Bar("last follower of one job", "fan_out", "last", at_most=1.3, against=_LIMIT),
    Bar("idle CPU, % of a core", "idle", "percent", at_most=5),
    Bar("gauges not back 5 s after all left", "leaving", "left_over", at_most=0),
    Bar("streams that SIGTERM broke", "sigterm", "not_clean", at_most=0),
    Bar("seconds from SIGTERM to the end", "sigterm", "seconds", at_most=1),
)
