"""The calls to the local endpoint that wait, look again, or begin again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from restorer import local_access, local_calls

from .endpoint import Endpoint, Gate, Receiver, Serve, answer_by_input

pytestmark = pytest.mark.usefixtures("nothing_unexpected")

FIXTURES = Path(__file__).parents[1] / "runpod-fixtures"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_access, "LEAST_WAIT", 1)
    monkeypatch.setattr(local_calls, "STREAM_HELD", 0.001)


# POST /runsync, GET /status-sync


def test_runsync_answers_with_the_result(plain: Endpoint) -> None:
    answer = plain.http.post("/runsync", json={"input": {"answer": {"image": "x"}}}).json()
    assert (answer["status"], answer["output"]) == ("COMPLETED", {"image": "x"})
    assert plain.status(answer["id"]) == answer


def test_runsync_answers_without_a_result_when_its_time_is_over(serve: Serve) -> None:
    gate = Gate(answer={"image": "x"})
    endpoint = serve(gate)
    answer = endpoint.http.post("/runsync?wait=1", json={"input": {}}).json()
    assert answer["status"] == "IN_PROGRESS"
    assert endpoint.http.get(f"/status-sync/{answer['id']}?wait=1").json()["status"] == (
        "IN_PROGRESS"
    )
    gate.open()
    assert endpoint.http.get(f"/status-sync/{answer['id']}").json()["output"] == {"image": "x"}


def test_a_result_of_runsync_is_kept_for_a_minute(serve: Serve) -> None:
    endpoint = serve(answer_by_input)
    job_id = endpoint.http.post("/runsync", json={"input": {}}).json()["id"]
    endpoint.clock.now += 59
    assert endpoint.is_known(job_id)
    endpoint.clock.now += 1
    assert not endpoint.is_known(job_id)


def test_runsync_takes_twenty_mebibytes_and_no_more(plain: Endpoint) -> None:
    large = {"input": {"photo": "x" * (11 * 1024 * 1024)}}
    assert plain.http.post("/runsync", json=large).status_code == 200
    answer = plain.http.post("/runsync", content=(b" " * 65536 for _ in range(321)))
    assert answer.status_code == 400
    assert "20MiB" in answer.json()["error"]


@pytest.mark.parametrize("wait", ["-1", "soon", "1.5", "²"])
def test_a_wait_that_is_no_number_is_refused(plain: Endpoint, wait: str) -> None:
    answer = plain.http.post("/runsync", params={"wait": wait}, json={"input": {}})
    assert answer.status_code == 400
    assert "wait" in answer.json()["error"]


# GET /stream


def test_a_stream_is_empty_and_says_how_the_job_stands(serve: Serve) -> None:
    gate = Gate(answer={"image": "x"})
    endpoint = serve(gate)
    job_id = endpoint.run()
    gate.wait()
    answer = endpoint.http.get(f"/stream/{job_id}").json()
    assert answer == {"status": "IN_PROGRESS", "stream": []}
    gate.open()
    endpoint.ended(job_id)
    answer = endpoint.http.get(f"/stream/{job_id}").json()
    assert answer == {"status": "COMPLETED", "stream": []}


# POST /retry


def test_a_failed_job_runs_again_with_its_input_and_its_id(
    serve: Serve, receiver: Receiver
) -> None:
    answers: list[Any] = [{"error": "blurred", "half": 1}, {"image": "x"}]
    inputs: list[Any] = []

    def handler(job: dict[str, Any], on_progress: Any) -> Any:
        inputs.append(job["input"])
        return answers.pop(0)

    endpoint = serve(handler)
    job_id = endpoint.run({"photo": "p"}, webhook=receiver.url)
    endpoint.ended(job_id)
    answer = endpoint.http.post(f"/retry/{job_id}")
    expected = json.loads((FIXTURES / "retry-ok.json").read_text())["body"]
    assert (answer.status_code, answer.json()) == (200, expected | {"id": job_id})
    report = endpoint.http.get(f"/status-sync/{job_id}").json()
    assert (report["status"], report["output"]) == ("COMPLETED", {"image": "x"})
    assert "error" not in report
    assert inputs == [{"photo": "p"}] * 2
    assert [call["body"]["status"] for call in receiver.wait(2)] == ["FAILED", "COMPLETED"]
    assert endpoint.http.get("/health").json()["jobs"]["retried"] == 1


def test_a_job_that_failed_by_overrun_runs_again(serve: Serve) -> None:
    gate = Gate(answer={"image": "x"})
    endpoint = serve(gate)
    job_id = endpoint.run(policy={"executionTimeout": 5000})
    gate.wait()
    endpoint.clock.now += 5
    assert endpoint.status(job_id)["status"] == "FAILED"
    assert endpoint.http.post(f"/retry/{job_id}").status_code == 200
    gate.wait()
    gate._open.release(2)
    assert endpoint.ended(job_id)["status"] == "COMPLETED"


def test_only_what_came_to_nothing_can_be_retried(serve: Serve) -> None:
    gate = Gate()
    endpoint = serve(gate)
    running, cancelled = endpoint.run(), endpoint.run()
    endpoint.http.post(f"/cancel/{cancelled}")
    assert endpoint.http.post(f"/retry/{cancelled}").status_code == 400
    assert endpoint.http.post(f"/retry/{running}").status_code == 400
    gate.open()
    endpoint.ended(running)
    assert endpoint.http.post(f"/retry/{running}").status_code == 400


# POST /purge-queue


def test_purging_cancels_what_waits_and_nothing_else(serve: Serve) -> None:
    gate = Gate()
    endpoint = serve(gate)
    running, *waiting = [endpoint.run() for _ in range(3)]
    gate.wait()
    answer = endpoint.http.post("/purge-queue")
    assert (answer.status_code, answer.json()) == (200, {"removed": 2, "status": "completed"})
    assert endpoint.status(running)["status"] == "IN_PROGRESS"
    assert [endpoint.status(job_id)["status"] for job_id in waiting] == ["CANCELLED"] * 2
    gate.open()
