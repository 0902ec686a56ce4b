"""Each fault of RunPod's, played to the whole system: the job ends right, and its stream says so.

Web, Celery, PostgreSQL, Valkey and the local endpoint are real processes, and one system serves all
jobs, which are under way at once: each photo has a fault of its own. A stream that says nothing for
SECONDS has failed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from restorer.local_faults import Fault
from tests import factories
from tests.services import PATIENCE, free_port, start_postgresql, start_valkey
from tests.streams import eventually

from .system import System, create_token, running

SETTINGS = {
    "RUNPOD_SILENCE": "5",
    "RUNPOD_FROZEN": "8",
    "RUNPOD_EXECUTION_TIMEOUT": "20",
    "RUNPOD_TTL": "600",
    "RESTORER_WEBHOOK_GAP": "1",
    "RESTORER_WORKERS": "2",
    "EVENTS_HEARTBEAT": "600",
}

# What a job ends as that meets the fault, by its code where it fails, and in how many attempts.
ENDS: dict[str, tuple[str, str | None, int]] = {
    "run-400": ("failed", "runpod_refused", 0),
    "run-200-html": ("completed", None, 1),
    "run-answer-lost": ("completed", None, 1),
    "webhook-early": ("completed", None, 1),
    "webhook-twice": ("completed", None, 1),
    "webhook-late": ("completed", None, 1),
    "webhook-lost-once": ("completed", None, 1),
    "webhook-never": ("completed", None, 1),
    "webhook-malformed": ("completed", None, 1),
    "webhook-unknown-words": ("completed", None, 1),
    "completed-without-output": ("failed", "no_output", 1),
    "completed-with-words": ("failed", "unknown_output", 1),
    "completed-with-noise": ("failed", "unknown_output", 1),
    "completed-with-private-url": ("failed", "bad_url", 1),
    "completed-with-redirect": ("failed", "bad_url", 1),
    "failed-with-sentence": ("failed", "worker_failed", 1),
    "failed-with-exception": ("failed", "worker_failed", 1),
    "failed-by-overrun": ("failed", "timeout", 1),
    "timed-out": ("timed_out", "worker_timed_out", 1),
    "cancelled": ("cancelled", "worker_cancelled", 1),
    "status-behind+webhook-never": ("completed", None, 1),
    "status-502-html+webhook-never": ("completed", None, 1),
    # These have the job submitted again.
    "run-429": ("completed", None, 1),
    "run-answer-lost+webhook-never": ("completed", None, 2),
    "run-500": ("completed", None, 2),
    "run-502-html": ("completed", None, 2),
    "run-no-answer": ("completed", None, 2),
    "expired": ("completed", None, 2),
    "webhook-older-attempt": ("completed", None, 2),
    "webhook-older-attempt+failed-with-sentence": ("completed", None, 2),
    "stuck-in-progress": ("completed", None, 2),
}
# These stop all submitting.
CLOSING = ["run-401", "run-402", "run-404", "run-409-paused"]
SECONDS = PATIENCE


@dataclass
class Site:
    """The running system, as its user and its operator have it."""

    system: System
    api: httpx2.Client
    fault_file: Path
    database: str

    def restore(self, fault: str) -> dict[str, Any]:
        """Have a photo restored by a job that meets the fault, and return it once it has."""
        photo = self.upload()
        written = self.fault_file.with_suffix(".new")
        written.write_text(f"{fault} {photo}")
        written.rename(self.fault_file)
        job = self.ask(photo)
        eventually(lambda: not self.fault_file.exists())
        return job

    def upload(self) -> str:
        """Return the id of a photo that nobody has asked to restore yet."""
        form = {"files": {"image": ("a.jpg", factories.picture())}}
        answer = self.api.post("/api/v1/photos", **form)  # type: ignore[arg-type]
        assert answer.status_code == 201, answer.text
        return str(answer.json()["photo"]["id"])

    def ask(self, photo: str) -> dict[str, Any]:
        """Ask for the photo to be restored, and return the job."""
        answer = self.api.post("/api/v1/jobs", json={"photo_id": photo})
        assert answer.status_code == 202, answer.text
        return dict(answer.json())

    def end_of(self, job: dict[str, Any]) -> tuple[str, str | None, int]:
        """Return how the job ended, by its stream, and in how many attempts."""
        with self.api.stream("GET", job["events_url"], timeout=SECONDS) as stream:
            *_, last = events = [event for event in httpx2.EventSource(stream) if event.data]
        assert [event.id for event in events] == [str(n) for n in range(1, len(events) + 1)]
        snapshots: list[Any] = [event.json() for event in events]
        snapshot = snapshots[-1]
        assert [each["status"] for each in snapshots if each["finished_at"]] == [last.event]
        error = snapshot["error"]
        assert snapshot["status"] == last.event
        return last.event, error and error["code"], self.attempts_of(job)

    def age(self, job: dict[str, Any], seconds: int) -> None:
        """Let the job's attempts be so much older."""
        with psycopg.connect(self.database) as connection:
            query = """
                UPDATE jobs_attempt
                SET look_at = now(), created_at = created_at - %s * interval '1 s'
                WHERE job_id = %s
            """
            connection.execute(query, [seconds, job["job_id"]])

    def age_circuit(self) -> None:
        """Let the minute be over that the circuit waits before it lets a job through."""
        with psycopg.connect(self.database) as connection:
            connection.execute("UPDATE jobs_circuit SET probe_at = now()")

    def stands(self, job: dict[str, Any]) -> tuple[str, str | None]:
        """Return the job's status and stage."""
        now = self.api.get(job["url"]).json()
        return now["status"], now["stage"]

    def attempts_of(self, job: dict[str, Any]) -> int:
        """Return how many attempts RunPod took, or may have taken."""
        with psycopg.connect(self.database) as connection:
            query = "SELECT count(*) FROM jobs_attempt WHERE job_id = %s"
            row = connection.execute(query, [job["job_id"]]).fetchone()
        assert row
        return int(row[0])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("faults")
    database = new_database("faults")
    env = SETTINGS | {
        "PORT": str(free_port()),
        "DATABASE_URL": database,
        "REDIS_URL": start_valkey(),
        "MEDIA_ROOT": str(folder / "media"),
        "LOCAL_ENDPOINT_FAULT_FILE": str(folder / "fault"),
        "API_RATE_RESTORE": "10000",
    }
    with running(**env) as system:
        address = system.site()
        headers = {"Authorization": f"Bearer {create_token(env)}"}
        with httpx2.Client(
            base_url=address, headers=headers, trust_env=False, timeout=PATIENCE
        ) as api:
            yield Site(system, api, folder / "fault", database)


def new_database(name: str) -> str:
    """Return the address of a new database of the session's PostgreSQL."""
    server = start_postgresql()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}")
        connection.execute(f"CREATE DATABASE {name}")
    return server.removesuffix("/postgres") + f"/{name}"


def test_every_fault_is_met_here() -> None:
    here = {name for names in (*ENDS, *CLOSING) for name in names.split("+")}
    assert here | {"stuck-in-queue", "cancel-ignored", "cancel-502-html"} == set(Fault)


@pytest.fixture(scope="module")
def jobs(site: Site) -> dict[str, dict[str, Any]]:
    """Have all of them run at once."""
    return {fault: site.restore(fault) for fault in ENDS}


@pytest.mark.parametrize("fault", ENDS)
def test_a_job_that_meets_a_fault_ends_right(
    site: Site, jobs: dict[str, dict[str, Any]], fault: str
) -> None:
    assert site.end_of(jobs[fault]) == ENDS[fault]


def test_a_job_that_runpod_never_begins_ends_when_its_time_is_over(
    site: Site, jobs: dict[str, dict[str, Any]]
) -> None:
    job = site.restore("stuck-in-queue")
    eventually(lambda: site.stands(job)[0] == "queued")
    site.age(job, 661)
    assert site.end_of(job) == ("timed_out", "timed_out", 1)


def test_a_result_that_comes_after_the_cancelling_is_kept_out(
    site: Site, jobs: dict[str, dict[str, Any]]
) -> None:
    job = site.restore("cancel-ignored")
    assert site.api.post(f"{job['url']}/cancel").status_code == 202
    assert site.end_of(job) == ("cancelled", "cancelled", 1)
    site.system.wait_for(f"A result came after job {job['job_id']} was cancelled; kept out")
    assert site.stands(job)[0] == "cancelled"
    assert site.api.get(job["url"]).json()["restore"] is None


def test_a_job_is_cancelled_whatever_runpod_answers(
    site: Site, jobs: dict[str, dict[str, Any]]
) -> None:
    job = site.restore("cancel-502-html+stuck-in-progress")
    assert site.api.post(f"{job['url']}/cancel").status_code == 202
    assert site.end_of(job) == ("cancelled", "cancelled", 1)


@pytest.fixture
def calm(site: Site, jobs: dict[str, dict[str, Any]]) -> None:
    """Let all jobs end that would otherwise be kept waiting."""
    for job in jobs.values():
        site.end_of(job)


@pytest.mark.parametrize("fault", CLOSING)
@pytest.mark.usefixtures("calm")
def test_jobs_wait_for_a_runpod_that_takes_none_and_all_follow_once_it_does(
    site: Site, fault: str
) -> None:
    refused = site.restore(fault)
    eventually(lambda: site.stands(refused) == ("pending", "on hold"))
    behind_it = site.ask(site.upload())
    eventually(lambda: site.stands(behind_it) == ("pending", "on hold"))
    site.age_circuit()
    assert site.end_of(refused) == site.end_of(behind_it) == ("completed", None, 1)
