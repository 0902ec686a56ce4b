"""A worker that is killed while it fetches a result, and what becomes of that."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests import factories
from tests.services import PATIENCE
from tests.store import Store, serving
from tests.streams import eventually

from .system import ROOT, clean_environment

# A job of which RunPod has just said where its result is.
REPORT = """
import django; django.setup()
from django.core.management import call_command; call_command("migrate", verbosity=0)
from jobs import lifecycle; from jobs.models import Status; from tests import factories
from tests.services import PATIENCE
attempt, _ = factories.attempt(factories.job(status=Status.PROCESSING, options={}))
lifecycle.apply_report(attempt=attempt, report=factories.report(output={"image_url": "%s"}))
"""


@pytest.fixture
def store() -> Iterator[Store]:
    with serving(Store()) as server:
        yield server


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "db.sqlite3"


@pytest.fixture
def env(tmp_path: Path, database: Path, store: Store) -> dict[str, str]:
    return clean_environment() | {
        "DJANGO_SETTINGS_MODULE": "photorestore.settings",
        "DATABASE_URL": f"sqlite:///{database}",
        "MEDIA_ROOT": str(tmp_path / "media"),
        "REDIS_URL": os.environ["REDIS_URL"].replace("/0", "/7"),
        "RUNPOD_RESULT_HOSTS": store.origin,
        "RUNPOD_RESULT_TIMEOUT": "120",
    }


@contextmanager
def working(env: dict[str, str], folder: Path) -> Iterator[None]:
    """Run a Celery worker, with beat within, that is killed when the context ends."""
    options = [
        "--pool",
        "solo",
        "--beat",
        "--schedule",
        str(folder / "beat"),
        "--loglevel",
        "error",
    ]
    command = [sys.executable, "-m", "celery", "-A", "photorestore", "-q", "worker", *options]
    with subprocess.Popen(command, cwd=ROOT, env=env, start_new_session=True) as process:
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # beat is a process of its own


def ask(database: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(database, timeout=PATIENCE)) as connection, connection:
        return connection.execute(query).fetchall()


def test_a_worker_killed_while_it_fetches_loses_nothing(
    env: dict[str, str], database: Path, store: Store, tmp_path: Path
) -> None:
    code = REPORT % f"{store.origin}/trickle"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, check=True)
    with working(env, tmp_path):
        eventually(lambda: store.calls)
    store.answers["/trickle"] = (200, {}, factories.picture("PNG"))
    # As if so much time had passed that whoever fetched is taken for dead.
    ask(database, "UPDATE jobs_fetch SET due_at = '2026-01-01 00:00:00'")
    with working(env, tmp_path):
        eventually(lambda: ask(database, "SELECT id FROM jobs_restore"))
    assert ask(database, "SELECT status FROM jobs_job") == [("completed",)]
    assert [path for _, path, _, _ in store.calls] == ["/trickle"] * 2
