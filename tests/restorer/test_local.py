"""The local endpoint from outside: real HTTP, a real receiver of webhooks, plain handlers."""

from __future__ import annotations

import json
import logging
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2
import pytest

from restorer import local_job, local_webhook
from restorer.local_access import MAX_BODY

from .endpoint import (
    DEADLINE,
    KEY,
    Endpoint,
    Gate,
    Json,
    Progress,
    Receiver,
    Serve,
    answer_by_input,
)

pytestmark = pytest.mark.usefixtures("nothing_unexpected")

WEEK = 7 * 24 * 3600 * 1000
FIXTURES = Path(__file__).parents[1] / "runpod-fixtures"
OPERATIONS = [
    ("POST", "run"),
    ("GET", "status/some-job"),
    ("POST", "cancel/some-job"),
    ("GET", "health"),
    ("POST", "runsync"),
    ("GET", "status-sync/some-job"),
    ("GET", "stream/some-job"),
    ("POST", "retry/some-job"),
    ("POST", "purge-queue"),
]


def fixture(name: str) -> Json:
    return dict(json.loads((FIXTURES / f"{name}.json").read_text())["body"])


def assert_shaped_like(name: str, body: Json) -> None:
    """The same fields with the same types; newer bodies of RunPod's carry workerId as well."""
    expected = {key: type(value) for key, value in fixture(name).items()}
    assert {key: type(value) for key, value in body.items()} | expected == expected | (
        {"workerId": str} if "workerId" in body else {}
    )
    assert expected.keys() <= body.keys()


# POST /run


def test_run_answers_at_once_with_an_id_and_in_queue(plain: Endpoint) -> None:
    answer = plain.http.post("/run", json={"input": {}})
    assert answer.status_code == 200
    assert_shaped_like("run-accepted", answer.json())
    assert answer.json()["status"] == "IN_QUEUE"
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-u1", answer.json()["id"])


def test_the_documented_request_is_accepted(plain: Endpoint) -> None:
    request = fixture("request-run") | {"webhook": None}
    assert plain.ended(plain.run(**request))["status"] == "COMPLETED"


def test_the_handler_gets_the_id_and_the_input_and_no_other_key(serve: Serve) -> None:
    jobs: list[Json] = []
    endpoint = serve(lambda job, on_progress: jobs.append(job))
    job_id = endpoint.run({"photo": "ü"}, surprise=1, s3Config={"accessId": "x"})
    endpoint.ended(job_id)
    assert jobs == [{"id": job_id, "input": {"photo": "ü"}}]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"photo",
        b"\xff",
        b"[" * 100_000,
        b"[]",
        b"{}",
        b'{"input": null}',
        b'{"input": "text"}',
        b'{"input": []}',
        b'{"input": {"scale": NaN}}',
    ],
    ids=lambda body: repr(body[:30]),
)
def test_a_body_without_an_input_object_is_refused(plain: Endpoint, body: bytes) -> None:
    answer = plain.http.post("/run", content=body)
    assert answer.status_code == 400
    assert isinstance(answer.json()["error"], str)


@pytest.mark.parametrize(
    "webhook",
    [
        "",
        5,
        [],
        "/relative",
        "//host/path",
        "http://",
        "http://[",
        "http://host:99999/",
        "http://a b/",
        "ftp://host/",
    ],
)
def test_a_webhook_must_be_an_absolute_url(plain: Endpoint, webhook: Any) -> None:
    answer = plain.http.post("/run", json={"input": {}, "webhook": webhook})
    assert answer.status_code == 400
    assert "webhook" in answer.json()["error"]


@pytest.mark.parametrize(
    "policy",
    [
        [],
        {"executionTimeout": 4999},
        {"executionTimeout": WEEK + 1},
        {"executionTimeout": "5000"},
        {"executionTimeout": 5000.5},
        {"executionTimeout": True},
        {"ttl": 9999},
        {"ttl": WEEK + 1},
        {"lowPriority": "yes"},
    ],
)
def test_a_policy_outside_the_documented_bounds_is_refused(plain: Endpoint, policy: Any) -> None:
    answer = plain.http.post("/run", json={"input": {}, "policy": policy})
    assert answer.status_code == 400
    assert "policy" in answer.json()["error"]


@pytest.mark.parametrize(
    "policy",
    [
        None,
        {},
        {"executionTimeout": 5000, "ttl": 10_000, "lowPriority": True},
        {"executionTimeout": WEEK, "ttl": WEEK, "lowPriority": False},
    ],
)
def test_a_policy_at_the_documented_bounds_is_accepted(plain: Endpoint, policy: Any) -> None:
    plain.run(policy=policy)


def test_a_body_of_ten_mebibytes_is_accepted(plain: Endpoint) -> None:
    frame = len(b'{"input": {"photo": ""}}')
    body = b'{"input": {"photo": "%b"}}' % (b"x" * (MAX_BODY - frame))
    assert len(body) == MAX_BODY == 10 * 1024 * 1024
    assert plain.http.post("/run", content=body).status_code == 200


def test_a_larger_body_is_refused_before_it_is_sent(plain: Endpoint) -> None:
    head = f"POST /v2/local/run HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
    with socket.create_connection(plain.address, DEADLINE) as connection:
        connection.sendall(f"{head}Content-Length: {MAX_BODY + 1}\r\n\r\n".encode())
        answer = connection.recv(65536)
        while b"}" not in answer:
            answer += connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2]) == fixture("error-400-too-large")


def test_a_larger_body_of_unknown_length_is_refused_while_it_is_read(plain: Endpoint) -> None:
    answer = plain.http.post("/run", content=(b" " * 65536 for _ in range(161)))
    assert answer.status_code == 400
    assert answer.json() == fixture("error-400-too-large")


def test_a_caller_who_hangs_up_halfway_leaves_no_trace(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = serve(answer_by_input)
    head = f"POST /v2/local/run HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
    with socket.create_connection(endpoint.address, DEADLINE) as connection:
        connection.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
    endpoint.http.get("/health")  # connected later, so the server has met the caller by now
    endpoint.close()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


# Who may call what


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
@pytest.mark.parametrize("given", ["", "Bearer", "Bearer wrong", "wrong", f"Bearer {KEY}x", "\xfc"])
def test_without_the_key_nothing_is_told(
    plain: Endpoint, method: str, path: str, given: str
) -> None:
    headers = {b"Authorization": given.encode("latin-1")}
    for endpoint in ("local", "other"):
        answer = plain.http.request(method, f"/../{endpoint}/{path}", headers=headers)
        assert answer.status_code == 401
        assert isinstance(answer.json(), dict)


def test_the_key_is_accepted_without_bearer(plain: Endpoint) -> None:
    assert plain.http.get("/health", headers={"Authorization": KEY}).status_code == 200


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_another_endpoint_is_unknown(plain: Endpoint, method: str, path: str) -> None:
    answer = plain.http.request(method, f"/../other/{path}", json={"input": {}})
    assert answer.status_code == 404
    assert answer.json() == {"error": "endpoint not found"}


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_the_wrong_method_is_refused(plain: Endpoint, method: str, path: str) -> None:
    answer = plain.http.request("GET" if method == "POST" else "POST", f"/{path}")
    assert answer.status_code == 405
    assert method in answer.headers["allow"]
    assert isinstance(answer.json(), dict)


@pytest.mark.parametrize("path", ["/../..", "/..", "/", "/run/", "/status", "/run/x", "/nothing"])
def test_an_unknown_path_is_not_found(plain: Endpoint, path: str) -> None:
    answer = plain.http.post(path, json={"input": {}})
    assert answer.status_code == 404
    assert isinstance(answer.json(), dict)


@pytest.mark.parametrize(("method", "path"), [op for op in OPERATIONS if "some-job" in op[1]])
def test_an_unknown_job_is_not_found(plain: Endpoint, method: str, path: str) -> None:
    answer = plain.http.request(method, f"/{path}")
    assert answer.status_code == 404
    assert answer.json() == {"error": "job not found"}


# GET /status: a job's life


def test_a_waiting_job_has_an_id_and_a_status(serve: Serve) -> None:
    gate = Gate()
    endpoint = serve(gate)
    endpoint.run()
    waiting = endpoint.run()
    assert endpoint.status(waiting) == {"id": waiting, "status": "IN_QUEUE"}
    gate._open.release(2)


def test_a_running_job_tells_how_long_it_waited_and_which_worker_has_it(serve: Serve) -> None:
    gate = Gate()
    endpoint = serve(gate)
    first, second = endpoint.run(), endpoint.run()
    gate.wait()
    endpoint.clock.now += 2.5
    gate.open()
    gate.wait()
    endpoint.clock.now += 0.25
    report = endpoint.status(second)
    assert fixture("status-in-progress-captured").keys() <= report.keys()
    assert report.pop("workerId") == endpoint.status(first)["workerId"]
    times = {"delayTime": 2500, "executionTime": 250}
    assert report == {"id": second, "status": "IN_PROGRESS", **times}
    gate.open()


def test_progress_shows_as_output_while_the_job_runs(serve: Serve) -> None:
    gate = Gate(answer={"image": "x"}, progress=0.4)
    endpoint = serve(gate)
    job_id = endpoint.run()
    gate.wait()
    report = endpoint.status(job_id)
    assert_shaped_like("status-progress-captured", report)
    assert report["output"] == {"progress": 0.4, "stage": "faces"}
    gate.open()
    assert endpoint.ended(job_id)["output"] == {"image": "x"}


def test_progress_that_json_cannot_carry_is_lost_and_fails_nothing(serve: Serve) -> None:
    gate = Gate(progress=float("nan"))
    endpoint = serve(gate)
    job_id = endpoint.run()
    gate.wait()
    assert "output" not in endpoint.status(job_id)
    gate.open()
    assert endpoint.ended(job_id)["status"] == "COMPLETED"


def test_a_completed_job_keeps_its_result_and_its_times(serve: Serve) -> None:
    gate = Gate(answer={"image": "x"})
    endpoint = serve(gate)
    job_id = endpoint.run()
    gate.wait()
    endpoint.clock.now += 1.437
    gate.open()
    report = endpoint.ended(job_id)
    assert_shaped_like("status-completed-documented", report)
    endpoint.clock.now += 60
    assert endpoint.status(job_id) == report
    assert (report["delayTime"], report["executionTime"]) == (0, 1437)


def test_a_result_is_kept_for_thirty_minutes(serve: Serve) -> None:
    endpoint = serve(answer_by_input)
    job_id = endpoint.run()
    endpoint.ended(job_id)
    endpoint.clock.now += 30 * 60 - 0.1
    assert endpoint.is_known(job_id)
    endpoint.clock.now += 0.1
    assert not endpoint.is_known(job_id)


def test_ttl_deletes_a_job_in_any_state(serve: Serve) -> None:
    gate = Gate()
    endpoint = serve(gate)
    jobs = [endpoint.run(policy={"ttl": 10_000}) for _ in range(3)]
    gate.wait()
    gate.open()
    gate.wait()
    states = [endpoint.status(job_id)["status"] for job_id in jobs]
    assert states == ["COMPLETED", "IN_PROGRESS", "IN_QUEUE"]
    endpoint.clock.now += 9.9
    assert [endpoint.is_known(job_id) for job_id in jobs] == [True] * 3
    endpoint.clock.now += 0.1
    assert [endpoint.is_known(job_id) for job_id in jobs] == [False] * 3
    gate.open()


def test_a_job_that_ttl_deleted_in_the_queue_never_runs(serve: Serve) -> None:
    gate = Gate()
    endpoint = serve(gate)
    endpoint.run({"n": 1})
    endpoint.run({"n": 2}, policy={"ttl": 10_000})
    endpoint.run({"n": 3})
    gate.wait()
    endpoint.clock.now += 10
    gate.open()
    gate.wait()
    assert gate.inputs == [{"n": 1}, {"n": 3}]
    gate.open()


def test_what_a_deleted_job_returns_goes_nowhere(serve: Serve, receiver: Receiver) -> None:
    gate = Gate()
    endpoint = serve(gate)
    deleted = endpoint.run(policy={"ttl": 10_000}, webhook=receiver.url)
    following = endpoint.run(webhook=receiver.url)
    gate.wait()
    endpoint.clock.now += 10
    gate.open()
    gate.wait()
    gate.open()
    assert [call["body"]["id"] for call in receiver.wait(1)] == [following]
    assert not endpoint.is_known(deleted)
    assert endpoint.http.get("/health").json()["jobs"]["completed"] == 1


# POST /cancel


def test_a_job_cancelled_in_the_queue_never_runs(serve: Serve) -> None:
    gate = Gate()
    endpoint = serve(gate)
    endpoint.run({"n": 1})
    cancelled = endpoint.run({"n": 2})
    endpoint.run({"n": 3})
    gate.wait()
    answer = endpoint.http.post(f"/cancel/{cancelled}")
    assert answer.status_code == 200
    assert answer.json() == fixture("cancel-ok") | {"id": cancelled}
    gate.open()
    gate.wait()
    assert gate.inputs == [{"n": 1}, {"n": 3}]
    assert endpoint.status(cancelled) == {"id": cancelled, "status": "CANCELLED"}
    gate.open()


def test_a_running_job_is_cancelled_at_once_though_its_handler_runs_on(serve: Serve) -> None:
    gate = Gate(answer={"image": "late"}, progress=0.5)
    endpoint = serve(gate)
    cancelled, following = endpoint.run(), endpoint.run()
    gate.wait()
    assert endpoint.http.post(f"/cancel/{cancelled}").json()["status"] == "CANCELLED"
    # The next one waits for the handler: only its end frees the worker.
    assert endpoint.status(following)["status"] == "IN_QUEUE"
    health = endpoint.http.get("/health").json()
    assert (health["jobs"]["inProgress"], health["workers"]["running"]) == (0, 1)
    gate.open()
    gate.wait()
    report = endpoint.status(cancelled)
    assert report["status"] == "CANCELLED"
    assert "output" not in report
    gate.open()


def test_a_cancelled_job_gives_up_its_worker_when_its_time_is_over(serve: Serve) -> None:
    gate = Gate()
    endpoint = serve(gate)
    endpoint.http.post(f"/cancel/{endpoint.run(policy={'executionTimeout': 5000})}")
    following = endpoint.run()
    gate.wait()
    endpoint.clock.now += 5
    gate.wait()
    assert endpoint.status(following)["status"] == "IN_PROGRESS"
    gate._open.release(2)


def test_cancelling_a_finished_job_changes_nothing(plain: Endpoint) -> None:
    job_id = plain.run()
    report = plain.ended(job_id)
    answer = plain.http.post(f"/cancel/{job_id}")
    assert (answer.status_code, answer.json()) == (200, report)
    assert plain.status(job_id) == report


def test_a_cancelled_job_calls_no_webhook(serve: Serve, receiver: Receiver) -> None:
    gate = Gate()
    endpoint = serve(gate)
    endpoint.http.post(f"/cancel/{endpoint.run(webhook=receiver.url)}")
    following = endpoint.run(webhook=receiver.url)
    for _ in range(2):
        gate.wait()
        gate.open()
    assert [call["body"]["id"] for call in receiver.wait(1)] == [following]


# What the handler's return value becomes


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"image": "x"}, {"status": "COMPLETED", "output": {"image": "x"}}),
        ({"error": "blurred"}, {"status": "FAILED", "error": "blurred"}),
        (
            {"error": "blurred", "details": [1]},
            {"status": "FAILED", "error": "blurred", "output": {"details": [1]}},
        ),
        ({"error": {"code": 1}}, {"status": "COMPLETED"}),
        ({"error": {"code": 1}, "details": [1]}, {"status": "COMPLETED"}),
        ({"error": "", "image": "x"}, {"status": "COMPLETED", "output": {"image": "x"}}),
        ({}, {"status": "COMPLETED"}),
        (None, {"status": "COMPLETED"}),
        (True, {"status": "COMPLETED", "output": True}),
        (False, {"status": "COMPLETED", "output": False}),
        ("text", {"status": "COMPLETED", "output": "text"}),
        ([1], {"status": "COMPLETED", "output": [1]}),
        ({"refresh_worker": True}, {"status": "COMPLETED"}),
        (
            {"image": "x", "refresh_worker": True},
            {"status": "COMPLETED", "output": {"image": "x"}},
        ),
    ],
    ids=str,
)
def test_an_answer_becomes_what_runpod_makes_of_it(
    plain: Endpoint, answer: Any, expected: Json
) -> None:
    report = plain.ended(plain.run({"answer": answer}))
    assert {key: report.get(key) for key in expected} == expected
    common = fixture("status-completed-without-output-captured").keys()
    assert report.keys() == common | expected.keys()


def test_an_exception_is_reported_as_json_inside_the_error(serve: Serve) -> None:
    def handler(job: Json, on_progress: Progress) -> Any:
        raise ValueError("CUDA out of memory")

    endpoint = serve(handler)
    report = endpoint.ended(endpoint.run())
    captured = json.loads(report["error"])
    assert report["status"] == "FAILED"
    assert captured.keys() == json.loads(fixture("webhook-exception")["error"]).keys()
    assert captured["error_type"] == "<class 'ValueError'>"
    assert captured["error_message"] == "CUDA out of memory"
    assert "test_local.py" in captured["error_traceback"]
    assert captured["worker_id"] == report["workerId"]


def test_a_handler_that_exits_fails_its_job_and_not_the_queue(serve: Serve) -> None:
    endpoint = serve(lambda job, on_progress: sys.exit(1))
    assert [endpoint.ended(endpoint.run())["status"] for _ in range(2)] == ["FAILED"] * 2


@pytest.mark.parametrize("answer", [{"image": b"x"}, b"x", {"score": float("nan")}, {(1, 2): 3}])
def test_an_answer_that_json_cannot_carry_hangs_until_it_times_out(
    serve: Serve, answer: Any
) -> None:
    answers = [answer, {"image": "x"}]
    endpoint = serve(lambda job, on_progress: answers.pop(0))
    hanging = endpoint.run(policy={"executionTimeout": 5000})
    endpoint.ended(endpoint.run())
    endpoint.clock.now += 4.9
    assert endpoint.status(hanging)["status"] == "IN_PROGRESS"
    endpoint.clock.now += 0.1
    report = endpoint.status(hanging)
    assert (report["status"], report["error"]) == ("FAILED", "executionTimeout exceeded")


def test_an_overrun_fails_and_its_late_result_is_ignored(serve: Serve) -> None:
    gate = Gate(answer={"image": "late"}, progress=0.5)
    endpoint = serve(gate)
    overrun, following = endpoint.run(policy={"executionTimeout": 5000}), endpoint.run()
    gate.wait()
    endpoint.clock.now += 5
    report = endpoint.status(overrun)
    assert (report["status"], report["executionTime"]) == ("FAILED", 5000)
    assert report["error"] == fixture("webhook-execution-timeout")["error"]
    assert "output" not in report
    gate.wait()  # the next one has started, although the first handler is still inside
    assert endpoint.http.get("/health").json()["workers"]["running"] == 1
    gate._open.release(2)
    wait_for_thread(f"worker {report['workerId']}")
    assert endpoint.ended(following)["status"] == "COMPLETED"
    assert endpoint.status(overrun) == report
    assert endpoint.http.get("/health").json()["workers"]["idle"] == 1


def wait_for_thread(name: str) -> None:
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(DEADLINE)


def test_the_usual_execution_timeout_is_ten_minutes(serve: Serve) -> None:
    gate = Gate()
    endpoint = serve(gate)
    job_id = endpoint.run()
    gate.wait()
    endpoint.clock.now += 599.9
    assert endpoint.status(job_id)["status"] == "IN_PROGRESS"
    endpoint.clock.now += 0.1
    assert endpoint.status(job_id)["status"] == "FAILED"
    gate.open()


def test_an_overrun_is_noticed_though_nobody_asks(serve: Serve, receiver: Receiver) -> None:
    gate = Gate()
    endpoint = serve(gate)
    endpoint.run(policy={"executionTimeout": 5000}, webhook=receiver.url)
    gate.wait()
    endpoint.clock.now += 5
    body = receiver.wait(1)[0]["body"]
    assert_shaped_like("webhook-execution-timeout", body)
    assert body["error"] == "executionTimeout exceeded"
    gate.open()


# The webhook


def test_the_webhook_carries_the_status_the_input_and_its_own_url(
    plain: Endpoint, receiver: Receiver
) -> None:
    job_id = plain.run({"photo": "ü"}, webhook=receiver.url)
    (call,) = receiver.wait(1)
    assert_shaped_like("webhook-completed-captured", call["body"])
    request = {"input": {"photo": "ü"}, "webhook": receiver.url}
    assert call["body"] == plain.status(job_id) | request
    assert call["path"] == "/hooks/s3cret-token/"
    assert call["type"] == "application/json"


def test_a_failed_job_calls_its_webhook_with_the_error(plain: Endpoint, receiver: Receiver) -> None:
    plain.run({"answer": {"error": "no face found"}}, webhook=receiver.url)
    body = receiver.wait(1)[0]["body"]
    assert_shaped_like("webhook-error-string", body)
    assert (body["status"], body["error"]) == ("FAILED", "no face found")


def test_a_handler_cannot_change_the_input_the_webhook_carries(
    serve: Serve, receiver: Receiver
) -> None:
    endpoint = serve(lambda job, on_progress: job["input"].clear())
    endpoint.run({"photo": "x"}, webhook=receiver.url)
    assert receiver.wait(1)[0]["body"]["input"] == {"photo": "x"}


@pytest.mark.parametrize("answer", [201, 204, 307, 404, 500])
def test_only_200_is_success(serve: Serve, receiver: Receiver, answer: int) -> None:
    endpoint = serve(answer_by_input, webhook_gap=0.0)
    receiver.answers = [answer]
    endpoint.run(webhook=receiver.url)
    first, second = receiver.wait(2)
    assert first["body"] == second["body"]
    assert first["path"] == second["path"]  # the redirect was not followed


def test_a_webhook_that_fails_three_times_is_given_up_and_logged_once(
    serve: Serve, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = serve(answer_by_input, webhook_gap=0.1)
    receiver.answers = [500] * 9
    job_id = endpoint.run({"photo": "s3cret-photo"}, webhook=receiver.url)
    calls = receiver.wait(3)
    assert all(later["at"] - call["at"] >= 0.1 for call, later in pairwise(calls))
    text = logged_once(caplog)
    assert job_id in text
    assert "500" in text
    assert "s3cret" not in text
    assert len(receiver.calls) == 3


def test_a_webhook_that_nobody_answers_is_logged_once(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = serve(answer_by_input, webhook_gap=0.0)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    endpoint.run(webhook=f"http://127.0.0.1:{port}/s3cret")
    assert "ConnectError" in logged_once(caplog)


@pytest.mark.parametrize("host", ["x" * 64 + ".example", "xn--\u00fc.example", "x..y"])
def test_a_webhook_host_that_cannot_exist_is_logged_once(
    serve: Serve, caplog: pytest.LogCaptureFixture, host: str
) -> None:
    endpoint = serve(answer_by_input, webhook_gap=0.0)
    endpoint.run(webhook=f"http://{host}/s3cret")
    assert re.search("Error|InvalidURL", logged_once(caplog))


def test_a_receiver_that_keeps_silent_is_called_again(
    serve: Serve, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert local_webhook.PATIENCE == 2.0
    monkeypatch.setattr(local_webhook, "PATIENCE", 0.1)
    endpoint = serve(answer_by_input, webhook_gap=0.0)
    receiver.silent = True
    endpoint.run(webhook=receiver.url)
    receiver.wait(3)


def test_the_next_job_does_not_wait_for_a_webhook(serve: Serve, receiver: Receiver) -> None:
    endpoint = serve(answer_by_input)
    receiver.answers = [500]
    endpoint.run(webhook=receiver.url)
    receiver.wait(1)
    assert endpoint.ended(endpoint.run())["status"] == "COMPLETED"
    assert len(receiver.calls) == 1


def logged_once(caplog: pytest.LogCaptureFixture) -> str:
    """Wait for the one line about a webhook, and return it."""
    end = time.monotonic() + DEADLINE
    while not (lines := [r for r in caplog.records if r.name == "restorer.local_webhook"]):
        assert time.monotonic() < end, "nothing was logged"
    assert len(lines) == 1
    return lines[0].getMessage()


# The queue


def test_one_worker_takes_the_jobs_one_by_one_in_their_order(serve: Serve) -> None:
    gate = Gate()
    endpoint = serve(gate)
    jobs = [endpoint.run({"n": n}) for n in range(3)]
    for n in range(3):
        gate.wait()
        assert gate.inputs == [{"n": earlier} for earlier in range(n + 1)]
        gate.open()
    assert [endpoint.ended(job_id)["status"] for job_id in jobs] == ["COMPLETED"] * 3


def test_two_workers_take_two_jobs_at_once(serve: Serve) -> None:
    gate = Gate()
    endpoint = serve(gate, workers=2)
    jobs = [endpoint.run() for _ in range(3)]
    gate.wait()
    gate.wait()
    reports = [endpoint.status(job_id) for job_id in jobs]
    assert [report["status"] for report in reports] == ["IN_PROGRESS", "IN_PROGRESS", "IN_QUEUE"]
    assert reports[0]["workerId"] != reports[1]["workerId"]
    gate._open.release(3)


def test_many_customers_at_once_each_get_their_own_result(serve: Serve) -> None:
    endpoint = serve(answer_by_input, workers=4)

    def restore(n: int) -> Any:
        return endpoint.ended(endpoint.run({"answer": {"n": n}}))["output"]["n"]

    with ThreadPoolExecutor(8) as customers:
        assert list(customers.map(restore, range(60))) == list(range(60))
    assert endpoint.http.get("/health").json()["jobs"]["completed"] == 60


def test_health_counts_jobs_and_workers_as_they_are(serve: Serve) -> None:
    gate = Gate()
    endpoint = serve(gate, workers=2)
    assert_shaped_like("health", endpoint.http.get("/health").json())
    gate.answer = {"error": "blurred"}
    jobs = [endpoint.run() for _ in range(4)]
    gate.wait()
    gate.wait()
    expected = dict.fromkeys(fixture("health")["jobs"], 0) | {"inProgress": 2, "inQueue": 2}
    workers = dict.fromkeys(fixture("health")["workers"], 0)
    busy = {"jobs": expected, "workers": workers | {"running": 2}}
    assert endpoint.http.get("/health").json() == busy
    endpoint.http.post(f"/cancel/{jobs[3]}")
    gate._open.release(3)
    for job_id in jobs:
        endpoint.ended(job_id)
    expected |= {"inProgress": 0, "inQueue": 0, "failed": 3}
    idle = {"jobs": expected, "workers": workers | {"idle": 2, "ready": 2}}
    assert endpoint.http.get("/health").json() == idle


def test_beyond_a_number_of_results_the_oldest_goes(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_job, "MAX_FINISHED", 2)
    endpoint = serve(answer_by_input)
    jobs = [endpoint.run() for _ in range(3)]
    endpoint.ended(jobs[2])
    assert [endpoint.is_known(job_id) for job_id in jobs] == [False, True, True]


def test_beyond_a_size_of_results_the_oldest_go(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_job, "MAX_OUTPUT", 2 * len('{"image":"aGVsbG8="}'))
    endpoint = serve(answer_by_input)
    jobs = [endpoint.run() for _ in range(4)]
    endpoint.ended(jobs[3])
    assert [endpoint.is_known(job_id) for job_id in jobs] == [False, False, True, True]


def test_a_result_that_has_expired_takes_no_room(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_job, "MAX_FINISHED", 2)
    endpoint = serve(answer_by_input)
    oldest, expiring = endpoint.run(), endpoint.run(policy={"ttl": 10_000})
    endpoint.ended(expiring)
    endpoint.clock.now += 10
    endpoint.ended(endpoint.run())
    assert endpoint.is_known(oldest)


def test_a_job_that_has_to_go_for_two_reasons_goes_once(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_job, "MAX_FINISHED", 1)
    gate = Gate()
    endpoint = serve(gate, workers=2)
    overrun = endpoint.run(policy={"executionTimeout": 10_000})
    gate.wait()
    expired = endpoint.run(policy={"ttl": 10_000})
    gate.wait()
    endpoint.http.post(f"/cancel/{expired}")
    endpoint.clock.now += 10
    assert endpoint.status(overrun)["status"] == "FAILED"
    assert not endpoint.is_known(expired)
    gate._open.release(2)


# The process

# Runs the module as `python -m` would, with a handler that never returns and leaves a thread
# for which Python would wait at its end.
PROGRAM = """
import runpy, sys, threading, types
handler = types.ModuleType("restorer.handler")
wait = threading.Event().wait
handler.run = lambda job, on_progress: threading.Thread(target=wait, daemon=False).start() or wait()
sys.modules["restorer.handler"] = handler
sys.argv[0] = "local"
runpy.run_module("restorer.local", run_name="__main__")
"""


def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, *arguments]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"RUNPOD_API_KEY": ""},
        {"RUNPOD_API_KEY": KEY, "RESTORER_WORKERS": "0"},
        {"RUNPOD_API_KEY": KEY, "RESTORER_WEBHOOK_GAP": "ten"},
    ],
)
def test_a_wrong_environment_is_refused_in_one_line(environment: dict[str, str]) -> None:
    _, errors = (process := start(**environment)).communicate(timeout=DEADLINE)
    assert process.returncode == 2
    assert errors.count("\n") == 1
    assert re.search(r"RUNPOD_API_KEY|RESTORER_WORKERS|RESTORER_WEBHOOK_GAP", errors)


def test_sigterm_ends_the_process_quietly_though_a_job_runs() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {"RUNPOD_API_KEY": KEY, "RUNPOD_ENDPOINT_ID": "mine"}
    process = start("--port", str(port), **environment)
    base, headers = f"http://127.0.0.1:{port}/v2/mine", {"Authorization": f"Bearer {KEY}"}
    with httpx2.Client(base_url=base, headers=headers, timeout=DEADLINE, trust_env=False) as client:
        wait_for_listener(port)
        job_id = client.post("/run", json={"input": {}}).json()["id"]
        assert client.get(f"/status/{job_id}").json()["status"] == "IN_PROGRESS"
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=DEADLINE)
    assert (process.returncode, errors) == (0, "")


def wait_for_listener(port: int) -> None:
    end = time.monotonic() + DEADLINE
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert time.monotonic() < end, "the server does not listen"
