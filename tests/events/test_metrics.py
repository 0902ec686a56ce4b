"""The streams' numbers as Prometheus reads them."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from events import metrics
from events.metrics import Counters, Latency, StreamsCollector

TOTALS = {
    "opened": "photorestore_streams_opened_total",
    "sent": "photorestore_events_sent_total",
    "replayed": "photorestore_events_replayed_total",
    "caught_up": "photorestore_events_caught_up_total",
    "dropped": "photorestore_buffers_dropped_total",
    "queries": "photorestore_log_queries_total",
    "batches": "photorestore_log_batches_total",
}


@pytest.fixture
def counters() -> Counters:
    return Counters()


@pytest.fixture
def latency() -> Latency:
    return Latency()


@pytest.fixture
def registry(counters: Counters, latency: Latency) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(StreamsCollector(counters, latency))
    return registry


def families(registry: CollectorRegistry) -> dict[str, Metric]:
    text = generate_latest(registry).decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(registry: CollectorRegistry, name: str, **labels: str) -> float:
    found = [
        sample.value
        for family in families(registry).values()
        for sample in family.samples
        if sample.name == name and sample.labels == labels
    ]
    assert len(found) == 1, name
    return found[0]


@pytest.mark.parametrize(("attribute", "name"), TOTALS.items())
def test_a_number_is_read_as_a_total(
    registry: CollectorRegistry, counters: Counters, attribute: str, name: str
) -> None:
    assert value(registry, name) == 0
    setattr(counters, attribute, getattr(counters, attribute) + 3)
    assert value(registry, name) == 3
    others = {other: value(registry, other) for other in TOTALS.values() if other != name}
    assert set(others.values()) == {0}


def test_open_streams_are_a_gauge(registry: CollectorRegistry, counters: Counters) -> None:
    counters.open += 2
    assert value(registry, "photorestore_streams_open") == 2
    assert families(registry)["photorestore_streams_open"].type == "gauge"


@pytest.mark.parametrize(
    "reason",
    ["final", "ended", "lifetime", "drain", "disconnect", "slow", "expired", "revoked"],
)
def test_ends_are_counted_by_reason_each_there_from_the_start(
    registry: CollectorRegistry, counters: Counters, reason: str
) -> None:
    assert value(registry, "photorestore_streams_closed_total", reason=reason) == 0
    counters.closed[reason] += 1
    assert value(registry, "photorestore_streams_closed_total", reason=reason) == 1


def test_refusals_are_counted_by_status_a_new_one_too(
    registry: CollectorRegistry, counters: Counters
) -> None:
    assert value(registry, "photorestore_streams_refused_total", status="429") == 0
    for status in ("429", "418"):
        counters.refused[status] += 1
        assert value(registry, "photorestore_streams_refused_total", status=status) == 1


def test_the_delivery_s_buckets_hold_their_own_bound(
    registry: CollectorRegistry, latency: Latency
) -> None:
    name = "photorestore_event_delivery_seconds"
    for seconds in (0.001, 0.0011, 1.0, 30.0, 31.0):
        latency.observe(seconds)
    within = {
        bound: value(registry, f"{name}_bucket", le=bound)
        for bound in ("0.001", "0.0025", "0.5", "1.0", "10.0", "30.0", "+Inf")
    }
    assert list(within.values()) == [1, 2, 2, 3, 3, 4, 5]
    assert value(registry, f"{name}_count") == 5
    assert value(registry, f"{name}_sum") == pytest.approx(62.0021)


def test_a_clock_that_is_ahead_makes_no_sum_smaller(
    registry: CollectorRegistry, latency: Latency
) -> None:
    latency.observe(-5.0)
    assert value(registry, "photorestore_event_delivery_seconds_sum") == 0
    assert value(registry, "photorestore_event_delivery_seconds_bucket", le="0.001") == 1


def test_every_metric_has_a_meaning_and_a_name_of_its_own(registry: CollectorRegistry) -> None:
    found = families(registry)
    assert len({family.documentation for family in found.values()}) == len(found) == 11
    assert all(name.startswith("photorestore_") for name in found)


def test_the_process_tells_of_itself_beside_its_streams() -> None:
    names = set(families(metrics.registry))
    assert {"photorestore_streams_open", "process_resident_memory_bytes"} <= names
    assert {"python_info", "python_gc_objects_collected"} <= names


def test_the_registry_reads_the_numbers_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics.counters, "sent", 12)
    assert value(metrics.registry, TOTALS["sent"]) == 12


def test_a_misspelt_number_is_an_error(counters: Counters) -> None:
    anything: Any = counters
    with pytest.raises(AttributeError):
        anything.openned = 1
