"""A burst of webhooks, each sent twice, a quarter with a wrong token: every job right, once."""

from __future__ import annotations

import base64
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import quantiles
from typing import Any

import httpx2
import psycopg
import pytest

from tests import factories
from tests.services import PATIENCE, start_valkey

from .system import manage, running
from .test_faults import new_database

JOBS = 500
AT_ONCE = 32
PICTURE = base64.b64encode(factories.picture("PNG")).decode()


def is_wrong(number: int) -> bool:
    return number % 4 == 0


def call(client: httpx2.Client, number: int, job: dict[str, str]) -> tuple[int, float]:
    """Call the job's webhook, and return the answer's status and how long it took."""
    token = "wrong" if is_wrong(number) else job["completion_token"]
    body = {"id": job["runpod_job_id"], "status": "COMPLETED", "output": {"image_base64": PICTURE}}
    began = time.perf_counter()
    answer = client.post(f"/api/v1/webhooks/runpod-completion/{token}", json=body)
    return answer.status_code, time.perf_counter() - began


def counted(database: str, query: str) -> Any:
    with psycopg.connect(database) as connection:
        return connection.execute(query).fetchall()


def test_a_burst_of_webhooks(
    own: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = new_database("burst")
    env = own | {
        "DATABASE_URL": database,
        "REDIS_URL": start_valkey(),
        "RUNPOD_BASE_URL": "http://127.0.0.1:9/v2",  # nobody: only webhooks tell
        "RUNPOD_API_KEY": "k",
        "RUNPOD_ENDPOINT_ID": "e",
    }
    made = tmp_path / "jobs.json"
    with running("run", **env) as system:
        site = system.site()
        manage(env, "shell", "-v0", "-c", f"from bench import rows; rows.make({JOBS}, '{made}')")
        jobs = list(enumerate(json.loads(made.read_text())))
        with (
            httpx2.Client(base_url=site, timeout=PATIENCE, trust_env=False) as client,
            ThreadPoolExecutor(AT_ONCE) as pool,
        ):
            began = time.perf_counter()
            answers = list(pool.map(lambda job: call(client, *job), [*jobs, *jobs]))
            took = time.perf_counter() - began
    statuses = [status for status, _ in answers]
    assert statuses == [404 if is_wrong(number) else 200 for number, _ in [*jobs, *jobs]]
    right = sum(not is_wrong(number) for number, _ in jobs)
    states = "SELECT status, count(*) FROM jobs_job GROUP BY status ORDER BY status"
    assert counted(database, states) == [("completed", right), ("processing", JOBS - right)]
    assert counted(database, "SELECT count(*) FROM jobs_restore") == [(right,)]
    events = """
        SELECT count(*), count(DISTINCT stream_id) FROM events_event
        WHERE type = 'completed' AND final AND stream_id LIKE 'job.%'
    """
    assert counted(database, events) == [(right, right)]
    written = "SELECT answer, count(*) FROM webhooks_delivery GROUP BY answer ORDER BY answer"
    assert counted(database, written) == [(200, 2 * right), (404, 2 * (JOBS - right))]
    with capsys.disabled():
        _tell([seconds for _, seconds in answers], took)


def _tell(times: list[float], took: float) -> None:
    cuts = quantiles(times, n=100)
    print(  # noqa: T201 - the figures are asked for
        f"\n{len(times)} webhooks, {AT_ONCE} at a time: {len(times) / took:.0f} a second; "
        f"answered in {cuts[49] * 1000:.0f} ms, 99 of 100 in {cuts[98] * 1000:.0f} ms, "
        f"each in {max(times) * 1000:.0f} ms"
    )
