"""RunPod's API and its words, against bodies that it really sends and a server that plays it."""

from __future__ import annotations

import json
import re
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
        "policy": {"executionTimeout": 600_000, "ttl": 3_600_000, "lowPriority": False},
    }
    assert (report.id, report.status) == ("eaebd6e7-u1", "IN_QUEUE")


def test_status_and_cancel_ask_for_the_job(cloud: Cloud) -> None:
    runpod.status("a-u1")
    runpod.cancel("a-u1")
    assert [call[:2] for call in cloud.calls] == [
        ("GET", "/v2/local/status/a-u1"),
        ("POST", "/v2/local/cancel/a-u1"),
    ]


def test_the_policy_is_the_settings_word(cloud: Cloud, settings: Any) -> None:
    settings.RUNPOD_EXECUTION_TIMEOUT, settings.RUNPOD_TTL = 30, 120
    settings.RUNPOD_LOW_PRIORITY = True
    runpod.run(input={}, webhook="https://photos.example/hook")
    policy = {"executionTimeout": 30_000, "ttl": 120_000, "lowPriority": True}
    assert json.loads(cloud.calls[0][3])["policy"] == policy


def refusal(operation: str) -> RunPodError:
    calls = {
        "run": lambda: runpod.run(input={}, webhook="https://photos.example/hook"),
        "status": lambda: runpod.status("a-u1"),
        "cancel": lambda: runpod.cancel("a-u1"),
    }
    with pytest.raises(RunPodError) as caught:
        calls[operation]()
    return caught.value


HTML = b"<html>Oh no</html>"
NO_MONEY = b'{"error": "Insufficient balance"}'


@pytest.mark.parametrize(
    ("status", "body", "code", "facts"),
    [
        (301, HTML, "runpod_endpoint", "closes"),
        (400, HTML, "runpod_refused", ""),
        (400, NO_MONEY, "runpod_balance", "closes"),
        (401, HTML, "runpod_key", "closes"),
        (402, HTML, "runpod_balance", "closes"),
        (403, HTML, "runpod_key", "closes"),
        (403, NO_MONEY, "runpod_balance", "closes"),
        (404, HTML, "runpod_endpoint", "closes"),
        (408, HTML, "runpod_unreachable", "transient ambiguous"),
        (409, b'{"code": "ENDPOINT_PAUSED"}', "runpod_paused", "closes"),
        (413, HTML, "request_too_large", ""),
        (418, HTML, "runpod_refused", ""),
        (429, HTML, "runpod_busy", "transient"),
        (500, HTML, "runpod_unreachable", "transient ambiguous"),
        (502, HTML, "runpod_unreachable", "transient ambiguous"),
        (200, HTML, "runpod_unreachable", "transient ambiguous"),
        (200, b"[" * 100_000, "runpod_unreachable", "transient ambiguous"),
    ],
)
def test_a_refused_submit_is_judged_by_its_number(
    cloud: Cloud, status: int, body: bytes, code: str, facts: str
) -> None:
    cloud.status, cloud.body = status, body
    error = refusal("run")
    names = ("closes", "transient", "ambiguous", "unknown_job")
    assert (error.code, {name for name in names if getattr(error, name)}) == (
        code,
        set(facts.split()),
    )


@pytest.mark.parametrize("operation", ["run", "status", "cancel"])
@pytest.mark.parametrize("status", [400, 401, 402, 404, 409, 429, 500, 502])
def test_each_refusal_has_a_sentence_for_the_owner_and_one_for_the_operator(
    cloud: Cloud, operation: str, status: int
) -> None:
    cloud.status, cloud.body = status, HTML
    error = refusal(operation)
    assert "html" not in error.message + error.operator
    assert not {"RunPod", "key", str(status)} & set(re.findall(r"\w+", error.message))
    assert "RunPod" in error.operator
    assert error.message.endswith(".")
    assert error.operator.endswith(".")


@pytest.mark.parametrize("operation", ["status", "cancel"])
def test_a_job_that_is_not_known_says_nothing_of_the_endpoint(cloud: Cloud, operation: str) -> None:
    cloud.status = 404
    error = refusal(operation)
    assert error.unknown_job
    assert not error.closes


def test_any_success_is_one(cloud: Cloud) -> None:
    cloud.status = 201
    assert runpod.run(input={}, webhook="https://photos.example/hook").status == "IN_QUEUE"


@pytest.mark.parametrize(("header", "seconds"), [("7", 7), ("soon", None)])
def test_who_is_busy_may_say_for_how_long(cloud: Cloud, header: str, seconds: float | None) -> None:
    cloud.status, cloud.headers = 429, (("Retry-After", header),)
    assert refusal("run").retry_after == seconds


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
        ({"deep": "inside"}, runpod.UNEXPLAINED),
        ("handler: no memory \ntraceback: File /handler.py", "handler: no memory"),
        ("[1]", runpod.UNEXPLAINED),
        (["a", None, {"msg": "b"}], "a; b"),
        ({"error": {"detail": ["c"]}}, "c"),
        ('{"error_message": "d\\ntraceback: e"}', "d"),
        ("Traceback (most recent call last):\n  File x\nValueError: no", "ValueError: no"),
        ("It broke. Traceback (most recent call last):\n  File x", "It broke."),
        ("[WARN] odd {", "[WARN] odd {"),
        (True, runpod.UNEXPLAINED),
        (7, runpod.UNEXPLAINED),
        (False, None),
        ("", None),
        (" \n", None),
        ("\0", None),
        ({}, runpod.UNEXPLAINED),
        ([], None),
        ("[" * 900 + "]" * 900, runpod.UNEXPLAINED),
        (json.loads("[" * 900 + "]" * 900), runpod.UNEXPLAINED),
        (json.loads('{"error":' * 900 + "1" + "}" * 900), runpod.UNEXPLAINED),
    ],
)
def test_an_error_is_reduced_to_its_sentence(error: Any, text: str | None) -> None:
    assert Report.parse({"id": "a", "status": "FAILED", "error": error}).error == text


def test_a_status_in_small_letters_is_the_same() -> None:
    assert Report.parse({"id": "a", "status": "completed"}).status == "COMPLETED"


@pytest.mark.parametrize("time", [None, "12", True, -1, float("inf"), float("nan"), 2**60])
def test_times_that_are_none_are_left_aside(time: Any) -> None:
    assert Report.parse({"id": "a", "status": "FAILED", "delayTime": time}).delay_ms is None
