"""RunPod's API and its words, against bodies that it really sends and a server that plays it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jobs import runpod
from jobs.runpod import Report, RunPodError
from tests.cloud import Cloud


def test_a_submit_is_the_documented_request(cloud: Cloud, settings: Any) -> None:
    report = runpod.run(input={"scale": 1}, webhook="https://photos.example/hook")
    method, path, headers, body = cloud.calls[0]
    assert (method, path) == ("POST", "/v2/local/run")
    assert headers["Authorization"] == "Bearer test-key"
    assert json.loads(body) == {
        "input": {"scale": 1},
        "webhook": "https://photos.example/hook",
        "policy": {"executionTimeout": 600_000, "ttl": 3_600_000},
    }
    assert (report.id, report.status) == ("eaebd6e7-u1", "IN_QUEUE")


def test_status_and_cancel_ask_for_the_job(cloud: Cloud) -> None:
    runpod.status("a-u1")
    runpod.cancel("a-u1")
    assert [call[:2] for call in cloud.calls] == [
        ("GET", "/v2/local/status/a-u1"),
        ("POST", "/v2/local/cancel/a-u1"),
    ]


@pytest.mark.parametrize(
    ("status", "code", "transient", "ambiguous"),
    [
        (400, "runpod_refused", False, False),
        (401, "runpod_refused", False, False),
        (402, "runpod_refused", False, False),
        (404, "runpod_refused", False, False),
        (409, "runpod_paused", True, False),
        (429, "runpod_busy", True, False),
        (500, "runpod_unreachable", True, True),
        (502, "runpod_unreachable", True, True),
    ],
)
def test_a_refusal_is_judged_by_its_number(
    cloud: Cloud, status: int, code: str, transient: bool, ambiguous: bool
) -> None:
    cloud.status, cloud.body = status, b"<html>Oh no</html>"
    with pytest.raises(RunPodError) as caught:
        runpod.run(input={}, webhook="https://photos.example/hook")
    error = caught.value
    assert (error.code, error.transient, error.ambiguous) == (code, transient, ambiguous)
    assert "html" not in error.message


def test_any_success_is_one(cloud: Cloud) -> None:
    cloud.status = 201
    assert runpod.run(input={}, webhook="https://photos.example/hook").status == "IN_QUEUE"


def test_retry_after_is_obeyed(cloud: Cloud) -> None:
    cloud.status, cloud.headers = 429, (("Retry-After", "7"),)
    with pytest.raises(RunPodError) as caught:
        runpod.run(input={}, webhook="https://photos.example/hook")
    assert caught.value.retry_after == 7


def test_a_job_that_is_not_known_is_told_from_an_endpoint_that_is_not(cloud: Cloud) -> None:
    cloud.status = 404
    with pytest.raises(RunPodError) as caught:
        runpod.status("a-u1")
    assert caught.value.unknown_job


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b'{"id": 7, "status": "IN_QUEUE"}',
        b'{"id":""}',
        b'{"id": "../x", "status": "a"}',
    ],
)
def test_an_answer_that_makes_no_sense_may_mean_that_the_job_exists(
    cloud: Cloud, body: bytes
) -> None:
    cloud.body = body
    with pytest.raises(RunPodError) as caught:
        runpod.run(input={}, webhook="https://photos.example/hook")
    assert caught.value.transient
    assert caught.value.ambiguous


def test_nobody_there_is_no_doubt(settings: Any) -> None:
    settings.RUNPOD_BASE_URL = "http://127.0.0.1:1/v2"
    with pytest.raises(RunPodError) as caught:
        runpod.run(input={}, webhook="https://photos.example/hook")
    assert caught.value.transient
    assert not caught.value.ambiguous


def test_a_request_beyond_runpod_s_limit_is_not_sent(cloud: Cloud) -> None:
    with pytest.raises(RunPodError) as caught:
        runpod.run(input={"image": "x" * 11_000_000}, webhook="https://photos.example/hook")
    assert caught.value.code == "request_too_large"
    assert cloud.calls == []


def test_unknown_fields_and_the_echoed_input_are_left_aside() -> None:
    body = {
        "id": "a",
        "status": "COMPLETED",
        "input": {"x": 1},
        "webhook": "https://…",
        "region": "EU",
        "output": {"y": 2},
        "delayTime": 4736,
        "executionTime": 157,
    }
    assert Report.parse(body) == Report(
        id="a", status="COMPLETED", output={"y": 2}, delay_ms=4736, execution_ms=157
    )


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (None, None),
        ("Missing 'workflow' parameter", "Missing 'workflow' parameter"),
        (
            '{"error_type": "ValueError", "error_message": "CUDA out of memory"}',
            "CUDA out of memory",
        ),
        ({"message": "Nope"}, "Nope"),
        ({"deep": "inside"}, "The worker reported an error without a message."),
        ("handler: no memory \ntraceback: File /handler.py", "handler: no memory"),
        ("[1]", "[1]"),
        (["a"], "['a']"),
    ],
)
def test_an_error_is_reduced_to_its_sentence(error: Any, text: str | None) -> None:
    assert Report.parse({"id": "a", "status": "FAILED", "error": error}).error == text


@pytest.mark.parametrize("time", [None, "12", True, -1, float("inf"), float("nan"), 2**60])
def test_times_that_are_none_are_left_aside(time: Any) -> None:
    assert Report.parse({"id": "a", "status": "FAILED", "delayTime": time}).delay_ms is None
