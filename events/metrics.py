"""What the streams of this process did, counted in plain numbers, and read by Prometheus."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    Metric,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.registry import Collector

# Known from the start, so that each is there with 0 before it happens.
_REASONS = ("final", "ended", "lifetime", "drain", "disconnect", "slow", "expired", "revoked")
_STATUSES = ("400", "401", "404", "405", "406", "429", "503")
# Seconds, each bucket's own included.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


def _zeros(names: tuple[str, ...]) -> defaultdict[str, int]:
    return defaultdict(int, dict.fromkeys(names, 0))


@dataclass(slots=True, eq=False)
class Counters:
    """Numbers that the event loop alone adds to, so that `+= 1` is all it costs."""

    open: int = 0  # streams, now
    opened: int = 0
    closed: dict[str, int] = field(default_factory=lambda: _zeros(_REASONS))  # by reason
    refused: dict[str, int] = field(default_factory=lambda: _zeros(_STATUSES))  # by status
    sent: int = 0  # events that were written to followers
    replayed: int = 0  # events that the log had when a stream was opened
    caught_up: int = 0  # events that the timer found, and no message had told of
    dropped: int = 0  # buffers that were full, so that the log was read instead
    queries: int = 0  # questions to the log
    batches: int = 0  # rounds of them


class Latency:
    """A histogram of seconds from an event's commit to its socket."""

    __slots__ = ("_counts", "_sum")

    def __init__(self) -> None:
        self._counts = [0] * (len(_BUCKETS) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one event. Less than nothing, by another machine's clock, is nothing."""
        if seconds < 0.0:
            seconds = 0.0
        self._counts[bisect_left(_BUCKETS, seconds)] += 1
        self._sum += seconds

    def read(self) -> tuple[list[tuple[str, float]], float]:
        """Return how many were within each bound, which ends with "+Inf", and the sum."""
        bounds = [*map(str, _BUCKETS), "+Inf"]
        return list(zip(bounds, accumulate(self._counts[:]), strict=True)), self._sum


counters = Counters()
latency = Latency()

_TOTALS = {
    "opened": ("streams_opened", "Streams opened."),
    "sent": ("events_sent", "Events written to open streams."),
    "replayed": ("events_replayed", "Events sent from the log when a stream was opened."),
    "caught_up": (
        "events_caught_up",
        "Events that the broker did not tell of and the log's regular reading found.",
    ),
    "dropped": ("buffers_dropped", "Followers' full buffers dropped; the log was read instead."),
    "queries": ("log_queries", "Queries to the event log on behalf of streams."),
    "batches": ("log_batches", "Rounds in which the log was read for many streams at once."),
}


class StreamsCollector(Collector):
    """Reads the numbers when somebody asks for them, from whatever thread."""

    def __init__(self, counters: Counters, latency: Latency) -> None:
        self._counters = counters
        self._latency = latency

    def collect(self) -> Iterator[Metric]:
        """Yield every metric of the streams."""
        yield GaugeMetricFamily(
            "photorestore_streams_open", "Streams open now.", self._counters.open
        )
        for attribute, (name, meaning) in _TOTALS.items():
            value = getattr(self._counters, attribute)
            yield CounterMetricFamily(f"photorestore_{name}", meaning, value)
        yield _by("reason", "streams_closed", "Streams that ended, by why.", self._counters.closed)
        yield _by(
            "status", "streams_refused", "Streams not opened, by status.", self._counters.refused
        )
        yield self._delivery()

    def _delivery(self) -> Metric:
        name = "photorestore_event_delivery_seconds"
        return HistogramMetricFamily(name, "From commit to socket.", *self._latency.read())


def _by(label: str, name: str, meaning: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(f"photorestore_{name}", meaning, labels=[label])
    # At once: the event loop may add a name meanwhile.
    for value, count in list(values.items()):
        family.add_metric([value], count)
    return family


def _registry() -> CollectorRegistry:
    """Gather the streams' numbers and what a process of Python usually tells."""
    made = CollectorRegistry(auto_describe=True)
    made.register(StreamsCollector(counters, latency))
    for usual in (ProcessCollector, PlatformCollector, GCCollector):
        usual(registry=made)
    return made


registry = _registry()
