"""The local endpoint where it misbehaves on request: what a customer sees of each fault."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest

from restorer import local_faults
from restorer.local_faults import Fault, Switch

from .endpoint import DEADLINE, KEY, Endpoint, Gate, Json, Receiver, Serve, answer_by_input

pytestmark = pytest.mark.usefixtures("nothing_unexpected")

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "runpod-fixtures"
PHOTO = "http://site.example/photos/1?signature="


def submit(endpoint: Endpoint, fault: str, **fields: Any) -> httpx2.Response:
    return endpoint.http.post("/run", json={"input": {"fault": fault}, **fields})


def took_nothing(endpoint: Endpoint) -> bool:
    jobs = endpoint.http.get("/health").json()["jobs"]
    return not any(jobs.values())


# How a fault is asked for


@pytest.fixture
def endpoint(serve: Serve) -> Endpoint:
    """An endpoint of the test's own, whose webhooks do not wait."""
    return serve(answer_by_input, webhook_gap=0.0)


def test_a_field_of_the_input_asks_for_one_job(endpoint: Endpoint) -> None:
    assert submit(endpoint, "run-500").status_code == 500
    assert endpoint.ended(endpoint.run())["status"] == "COMPLETED"


def test_a_setting_asks_for_every_job(serve: Serve) -> None:
    endpoint = serve(answer_by_input, faults=frozenset({Fault.RUN_500}))
    for _ in range(2):
        assert endpoint.http.post("/run", json={"input": {}}).status_code == 500


def test_a_file_asks_for_the_next_job_and_is_removed(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "fault"
    endpoint = serve(answer_by_input, fault_file=file)
    file.write_text("run-500\n")
    assert endpoint.http.post("/run", json={"input": {}}).status_code == 500
    assert not file.exists()
    endpoint.run()


def test_a_file_may_name_the_photo_whose_job_it_is_for(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "fault"
    endpoint = serve(answer_by_input, fault_file=file)
    file.write_text("run-500 photos/1\n")
    endpoint.run({"image_url": "http://site.example/photos/2?signature=photos/1"})
    assert file.exists()
    answer = endpoint.http.post("/run", json={"input": {"image_url": f"{PHOTO}x"}})
    assert answer.status_code == 500
    assert not file.exists()


def test_a_call_without_the_key_does_not_take_the_file(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "fault"
    endpoint = serve(answer_by_input, fault_file=file)
    file.write_text("run-500")
    answer = endpoint.http.post("/run", json={"input": {}}, headers={"Authorization": "x"})
    assert answer.status_code == 401
    assert file.exists()


def test_an_empty_file_is_still_being_written(tmp_path: Path) -> None:
    file = tmp_path / "fault"
    file.touch()
    assert Switch(file=file).take() == local_faults.NONE
    assert file.exists()


def test_a_file_with_a_wrong_name_is_told_and_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "fault"
    file.write_text("webhook-thrice")
    assert Switch(frozenset({Fault.EXPIRED}), file).take() == {Fault.EXPIRED}
    assert "webhook-twice" in caplog.text


@pytest.mark.parametrize("fault", ["", "webhook-thrice", 5, ["run-500"], "run-500+"])
def test_a_wrong_name_is_refused_with_all_names(endpoint: Endpoint, fault: Any) -> None:
    answer = submit(endpoint, fault)
    assert answer.status_code == 400
    assert "input.fault" in answer.json()["error"]
    assert "webhook-twice" in answer.json()["error"]


def test_several_faults_are_joined_by_plus() -> None:
    names = local_faults.parse("run-answer-lost + webhook-never")
    assert names == {Fault.RUN_ANSWER_LOST, Fault.WEBHOOK_NEVER}


def test_the_documentation_names_exactly_these_faults() -> None:
    text = (ROOT / "docs" / "faults.md").read_text()
    assert re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE) == [str(fault) for fault in Fault]
    for fault in Fault:
        assert fault.does in text, fault


def test_help_names_them_too() -> None:
    for fault in Fault:
        assert f"  {fault}\n      {fault.does}" in local_faults.table()


# POST /run


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("run-400", 400),
        ("run-401", 401),
        ("run-402", 402),
        ("run-404", 404),
        ("run-409-paused", 409),
        ("run-429", 429),
        ("run-500", 500),
        ("run-502-html", 502),
    ],
)
def test_a_refused_job_is_not_taken(endpoint: Endpoint, fault: str, status: int) -> None:
    assert submit(endpoint, fault).status_code == status
    assert took_nothing(endpoint)


def test_a_paused_endpoint_says_so_as_runpod_does(endpoint: Endpoint) -> None:
    answer = submit(endpoint, "run-409-paused").json()
    assert (answer["status"], answer["code"]) == (409, "ENDPOINT_PAUSED")
    assert isinstance(answer["detail"], str)


def test_a_busy_endpoint_says_when_to_come_back(endpoint: Endpoint) -> None:
    assert submit(endpoint, "run-429").headers["Retry-After"] == "2"


def test_a_gateway_answers_in_html(endpoint: Endpoint) -> None:
    assert submit(endpoint, "run-502-html").text.startswith("<html>")


def test_no_answer_takes_no_job(endpoint: Endpoint) -> None:
    with pytest.raises(httpx2.TransportError):
        submit(endpoint, "run-no-answer")
    assert took_nothing(endpoint)


@pytest.mark.parametrize("fault", ["run-answer-lost", "run-200-html"])
def test_a_job_whose_answer_is_lost_runs_all_the_same(
    endpoint: Endpoint, receiver: Receiver, fault: str
) -> None:
    try:
        assert submit(endpoint, fault, webhook=receiver.url).text.startswith("<html>")
    except httpx2.TransportError:
        assert fault == "run-answer-lost"
    assert receiver.wait(1)[0]["body"]["status"] == "COMPLETED"


# The webhook


def test_an_early_webhook_comes_before_the_answer(endpoint: Endpoint, receiver: Receiver) -> None:
    answer = submit(endpoint, "webhook-early", webhook=receiver.url)
    (call,) = receiver.calls
    assert call["body"]["id"] == answer.json()["id"]


def test_an_early_webhook_that_is_never_called_keeps_nobody_waiting(endpoint: Endpoint) -> None:
    assert submit(endpoint, "webhook-early").json()["status"] == "IN_QUEUE"


def test_a_webhook_called_twice_says_the_same_twice(endpoint: Endpoint, receiver: Receiver) -> None:
    submit(endpoint, "webhook-twice", webhook=receiver.url)
    first, second = receiver.wait(2)
    assert first["body"] == second["body"]


def test_a_late_webhook_comes_later_than_the_gap(serve: Serve, receiver: Receiver) -> None:
    endpoint = serve(answer_by_input, webhook_gap=0.2)
    late = submit(endpoint, "webhook-late", webhook=receiver.url).json()["id"]
    endpoint.ended(late)
    following = endpoint.run(webhook=receiver.url)
    assert [call["body"]["id"] for call in receiver.wait(2)] == [following, late]


def test_a_webhook_lost_once_arrives_with_the_next_call(serve: Serve, receiver: Receiver) -> None:
    endpoint = serve(answer_by_input, webhook_gap=0.2)
    lost = submit(endpoint, "webhook-lost-once", webhook=receiver.url).json()["id"]
    endpoint.ended(lost)
    following = endpoint.run(webhook=receiver.url)
    assert [call["body"]["id"] for call in receiver.wait(2)] == [following, lost]


@pytest.mark.parametrize("fault", ["webhook-never", "timed-out", "cancelled", "expired"])
def test_some_ends_are_not_told(endpoint: Endpoint, receiver: Receiver, fault: str) -> None:
    submit(endpoint, fault, webhook=receiver.url)
    following = endpoint.run(webhook=receiver.url)
    assert [call["body"]["id"] for call in receiver.wait(1)] == [following]
    assert len(receiver.calls) == 1


def test_malformed_bodies_break_off_in_the_middle(endpoint: Endpoint, receiver: Receiver) -> None:
    receiver.answers = [400, 400, 400]
    submit(endpoint, "webhook-malformed", webhook=receiver.url)
    bodies = [call["body"] for call in receiver.wait(3)]
    assert isinstance(bodies[0], bytes)
    assert bodies == bodies[:1] * 3


def test_unknown_words_come_before_the_real_call(endpoint: Endpoint, receiver: Receiver) -> None:
    submit(endpoint, "webhook-unknown-words", webhook=receiver.url)
    first, second = (call["body"] for call in receiver.wait(2))
    assert (first["status"], first["retries"]) == ("RETRIED", 1)
    assert first["id"] == second["id"]
    assert second["status"] == "COMPLETED"


def test_an_older_attempt_is_forgotten_and_calls_after_the_newer_is_taken(
    serve: Serve, receiver: Receiver
) -> None:
    gate = Gate(answer={"image": "x"})
    endpoint = serve(gate, webhook_gap=0.0)
    fields: Json = {"image_url": f"{PHOTO}1", "fault": "webhook-older-attempt"}
    older = endpoint.run(fields, webhook=receiver.url)
    gate.wait()
    gate.open()
    while endpoint.is_known(older):
        pass
    endpoint.run({"image_url": "http://site.example/photos/2"})
    gate.wait()
    assert receiver.calls == []
    newer = endpoint.run({"image_url": f"{PHOTO}2"}, webhook=receiver.url)
    assert receiver.wait(1)[0]["body"]["id"] == older
    gate._open.release(2)
    assert receiver.wait(2)[1]["body"]["id"] == newer


# How the job ends


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("completed-without-output", {"status": "COMPLETED"}),
        ("completed-with-words", {"status": "COMPLETED", "output": "Your photo is ready."}),
        ("failed-with-sentence", {"status": "FAILED", "error": "No face was found in the photo."}),
        ("failed-by-overrun", {"status": "FAILED", "error": "executionTimeout exceeded"}),
        ("timed-out", {"status": "TIMED_OUT"}),
        ("cancelled", {"status": "CANCELLED"}),
    ],
)
def test_a_job_ends_as_it_was_asked_to(endpoint: Endpoint, fault: str, expected: Json) -> None:
    report = endpoint.reached(submit(endpoint, fault).json()["id"], expected["status"])
    common = {"id", "status", "delayTime", "executionTime", "workerId"}
    assert report.keys() == common | expected.keys()
    assert {key: report[key] for key in expected} == expected


def test_an_exception_looks_like_the_captured_one(endpoint: Endpoint) -> None:
    report = endpoint.ended(submit(endpoint, "failed-with-exception").json()["id"])
    captured = json.loads((FIXTURES / "webhook-exception.json").read_text())["body"]
    assert json.loads(report["error"]).keys() == json.loads(captured["error"]).keys()


def test_noise_has_the_shape_of_a_result(endpoint: Endpoint) -> None:
    report = endpoint.ended(submit(endpoint, "completed-with-noise").json()["id"])
    assert isinstance(report["output"]["image_base64"], str)


def test_a_private_address_is_given_for_a_picture(endpoint: Endpoint) -> None:
    report = endpoint.ended(submit(endpoint, "completed-with-private-url").json()["id"])
    assert report["output"]["image_url"].startswith("http://169.254.169.254/")


def test_an_address_of_the_endpoint_leads_to_a_private_one(endpoint: Endpoint) -> None:
    report = endpoint.ended(submit(endpoint, "completed-with-redirect").json()["id"])
    url = report["output"]["image_url"]
    assert url.startswith(f"http://127.0.0.1:{endpoint.address[1]}/")
    headers = {"Authorization": f"Bearer {KEY}"}
    answer = httpx2.get(url, headers=headers, timeout=DEADLINE, trust_env=False)
    assert answer.status_code == 307
    assert answer.headers["Location"].startswith("http://169.254.169.254/")


def test_a_job_stuck_in_the_queue_never_starts_and_holds_up_nobody(endpoint: Endpoint) -> None:
    stuck = submit(endpoint, "stuck-in-queue").json()["id"]
    endpoint.ended(endpoint.run())
    assert endpoint.status(stuck) == {"id": stuck, "status": "IN_QUEUE"}
    assert endpoint.http.post(f"/cancel/{stuck}").json()["status"] == "CANCELLED"


def test_a_job_stuck_in_progress_stands_still_beyond_its_time(endpoint: Endpoint) -> None:
    answer = submit(endpoint, "stuck-in-progress", policy={"executionTimeout": 5000})
    endpoint.ended(endpoint.run())
    report = endpoint.status(answer.json()["id"])
    endpoint.clock.now += 100
    assert endpoint.status(report["id"]) == report
    assert (report["status"], report["executionTime"]) == ("IN_PROGRESS", 0)
    assert endpoint.http.post(f"/cancel/{report['id']}").json()["status"] == "CANCELLED"


def test_an_expired_job_is_unknown(endpoint: Endpoint) -> None:
    expired = submit(endpoint, "expired").json()["id"]
    endpoint.ended(endpoint.run())
    assert not endpoint.is_known(expired)


# GET /status, POST /cancel


def test_a_status_behind_is_right_with_the_second_look(endpoint: Endpoint) -> None:
    behind = submit(endpoint, "status-behind").json()["id"]
    endpoint.ended(endpoint.run())
    looks = [endpoint.status(behind)["status"] for _ in range(3)]
    assert looks == ["IN_PROGRESS", "COMPLETED", "COMPLETED"]


def test_a_gateway_error_is_over_with_the_second_look(endpoint: Endpoint) -> None:
    job_id = submit(endpoint, "status-502-html").json()["id"]
    looks = [endpoint.http.get(f"/status/{job_id}").status_code for _ in range(3)]
    assert looks == [502, 200, 200]


@pytest.mark.parametrize("returns_first", [True, False])
def test_a_job_that_ignores_cancelling_ends_after_it_with_its_result(
    serve: Serve, receiver: Receiver, returns_first: bool
) -> None:
    gate = Gate(answer={"image": "x"})
    endpoint = serve(gate)
    job_id = submit(endpoint, "cancel-ignored", webhook=receiver.url).json()["id"]
    gate.wait()
    if returns_first:
        gate.open()
        following = endpoint.run()
        gate.wait()
        gate.open()
        endpoint.ended(following)
        assert endpoint.status(job_id)["status"] == "IN_PROGRESS"
    assert endpoint.http.post(f"/cancel/{job_id}").json() == {"id": job_id, "status": "CANCELLED"}
    if not returns_first:
        gate.open()
    assert receiver.wait(1)[0]["body"]["status"] == "COMPLETED"


def test_cancelling_works_with_the_second_try(serve: Serve) -> None:
    gate = Gate()
    endpoint = serve(gate)
    job_id = submit(endpoint, "cancel-502-html").json()["id"]
    gate.wait()
    answers = [endpoint.http.post(f"/cancel/{job_id}").status_code for _ in range(2)]
    assert answers == [502, 200]
    gate.open()
