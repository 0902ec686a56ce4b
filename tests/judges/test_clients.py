"""RunPod's own clients take every answer of the local endpoint for one of RunPod's."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.restorer.endpoint import KEY, Endpoint, Json, Progress
from tests.services import PATIENCE

from .conftest import Judges

HERE = Path(__file__).parent
JOBS = {"completed": 2, "failed": 1, "inProgress": 1, "inQueue": 1, "retried": 0}
WORKERS = {"idle": 0, "initializing": 0, "ready": 0, "running": 1, "throttled": 0, "unhealthy": 0}


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """An endpoint with one worker, which a job may hold up until the test is over."""
    over = threading.Event()

    def answer(job: Json, on_progress: Progress) -> Any:
        if job["input"].get("hold"):
            over.wait()
        return job["input"].get("answer")

    endpoint = Endpoint(answer)
    yield endpoint
    over.set()
    endpoint.close()


def said(*command: str | Path, **environment: str) -> Json:
    answer = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert answer.returncode == 0, answer.stderr
    return dict(json.loads(answer.stdout))


def base(endpoint: Endpoint) -> str:
    return f"http://127.0.0.1:{endpoint.address[1]}/v2"


def test_the_python_client(judges: Judges, endpoint: Endpoint) -> None:
    environment = {"RUNPOD_ENDPOINT_BASE_URL": base(endpoint), "RUNPOD_API_KEY": KEY}
    found = said(judges.python, HERE / "client.py", **environment)
    assert found["run"] == found["run_sync"] == {"image": "x"}
    assert found["status"] == "COMPLETED"
    assert found["stream"] == []
    assert found["failed"] == [None, "FAILED"]
    assert found["unknown_job"].startswith("HTTPError: 404 ")
    assert found["unknown_endpoint"].startswith("HTTPError: 404 ")
    assert found["wrong_key"].startswith("RuntimeError: 401 Unauthorized")
    assert found["bad_request"].startswith("HTTPError: 400 ")
    assert found["health"] == {"jobs": JOBS, "workers": WORKERS}
    assert found["purged"] == [{"removed": 1, "status": "completed"}, "CANCELLED"]
    cancelled, *after = found["cancelled"]
    assert cancelled.keys() == {"id", "status"}
    assert after == ["CANCELLED", None]


def test_the_javascript_client(judges: Judges, endpoint: Endpoint) -> None:
    found = said(
        "node", HERE / "client.mjs", judges.sdk, base(endpoint), KEY, PATH=os.environ["PATH"]
    )
    ran, ended = found["run"], found["statusSync"]
    assert (ran["status"], ended["id"]) == ("IN_QUEUE", ran["id"])
    assert (ended["completed"], ended["succeeded"]) == (True, True)
    assert ended == found["status"]
    assert ended["output"] == found["runSync"]["output"] == {"image": "x"}
    assert found["stream"] == []
    failed = found["failed"]
    assert (failed["completed"], failed["succeeded"]) == (True, False)
    assert failed["error"] == "no face found"
    refusals = [found[name] for name in ("unknownJob", "unknownEndpoint", "wrongKey", "badRequest")]
    assert refusals == [404, 404, 401, 400]
    assert found["health"] == {"jobs": JOBS, "workers": WORKERS}
    purged, waiting = found["purged"]
    assert purged == {"removed": 1, "status": "completed"}
    assert (waiting["status"], waiting["completed"]) == ("CANCELLED", True)
    cancelled, after = found["cancelled"]
    assert cancelled["status"] == after["status"] == "CANCELLED"
