"""Every body that RunPod is known to send means what it should: tests/runpod-fixtures, `expect`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jobs import endpoints, lifecycle, runpod
from jobs.endpoints import KINDS, failures, outputs
from jobs.models import Status
from jobs.runpod import Report, RunPodError
from tests.cloud import Cloud

FIXTURES = [
    json.loads(path.read_text())
    for path in sorted(Path(__file__).parent.parent.joinpath("runpod-fixtures").glob("*.json"))
]
# The words of the fixtures for our statuses.
STATES = {
    "queued": Status.QUEUED,
    "running": Status.PROCESSING,
    "completed": Status.COMPLETED,
    "failed": Status.FAILED,
    "cancelled": Status.CANCELLED,
    "timed_out": Status.TIMED_OUT,
    "unknown": None,
}
REPORTS = [fixture for fixture in FIXTURES if "state" in fixture["expect"]]
REFUSALS = [fixture for fixture in FIXTURES if fixture["kind"] == "error"]


def named(fixture: dict[str, Any]) -> str:
    return str(fixture["name"])


def outcome(report: Report) -> tuple[Status | None, failures.Failure | None, tuple[str, ...]]:
    """Return the status that the report leads to, why it failed, and what went wrong besides."""
    status = lifecycle.STATUSES.get(report.status)
    if status in (Status.FAILED, Status.CANCELLED, Status.TIMED_OUT):
        return status, failures.of(report, code="worker", unexplained=""), ()
    if status != Status.COMPLETED:
        return status, None, ()
    try:
        return status, None, endpoints.read(report).warnings
    except endpoints.OutputError as error:
        return Status.FAILED, failures.of_output(error), ()


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("fixture", REPORTS, ids=named)
def test_a_body_means_what_it_should(fixture: dict[str, Any], kind: str, settings: Any) -> None:
    settings.RUNPOD_ENDPOINT_KIND = kind
    report, expect = Report.parse(fixture["body"]), fixture["expect"]
    status, failure, warnings = outcome(report)
    said = failure.message if failure else "; ".join(warnings)
    assert status == STATES[expect["state"]]
    assert (expect.get("error_has") or "") in said
    assert expect.get("detail_has", "") in said
    if "reason" in expect:
        assert failure
        assert failure.code == expect["reason"]
    if "retryable" in expect:
        assert failure
        assert failure.retryable == expect["retryable"]
    if "files" in expect:
        found = outputs.look(report.output)
        assert [candidate.kind for candidate in found.candidates] == expect["files"]
        assert bool(warnings) == expect.get("partial", False)
    if "progress" in expect:
        assert report.output == expect["progress"]


@pytest.mark.parametrize("fixture", REFUSALS, ids=named)
def test_a_refusal_is_repeated_where_that_helps(fixture: dict[str, Any], cloud: Cloud) -> None:
    cloud.status, cloud.body = fixture["http_status"], json.dumps(fixture["body"]).encode()
    with pytest.raises(RunPodError) as caught:
        runpod.run(input={}, webhook="https://photos.example/hook")
    error, expect = caught.value, fixture["expect"]
    assert (error.transient or error.retry_after is not None) == bool(expect["retry"])
    assert error.closes or not expect.get("alarm")


def test_megabytes_of_white_space_are_passed_over_at_once() -> None:
    text = " \n" * 1_000_000
    report = Report.parse(
        {"id": "a", "status": "FAILED", "error": f"{text}boom{text}\ntraceback: x"}
    )
    assert report.error == "boom"
