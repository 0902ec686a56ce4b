"""The manager of `make run`, with processes that do nothing: it comes to its end, whatever dies."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from tests.services import PATIENCE
from tests.streams import eventually

from .system import ROOT, clean_environment, left

# Locked, the queue is as a process leaves it that is killed while it tells something.
PROGRAM = """
import sys
from photorestore.console import Console
from photorestore.manager import Manager

manager = Manager(Console(sys.stdout))
for name in ("one", "other"):
    manager.add_process(name, "trap '' TERM; sleep 600" if "deaf" in sys.argv else "exec sleep 600")
if "locked" in sys.argv:
    manager.events._wlock.acquire()
manager.loop()
print(manager.returncode)
"""


@pytest.fixture(params=["", "locked", "deaf"])
def manager(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """Run it with two processes."""
    command = [sys.executable, "-c", PROGRAM, request.param]
    env = clean_environment()
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


def commands(manager: subprocess.Popen[str]) -> list[psutil.Process]:
    """Return what it runs, once all of it is there."""
    found = psutil.Process(manager.pid).children(recursive=True)
    names = [process.cmdline() for process in found]
    return found if names.count(["sleep", "600"]) == 2 else []


def beside(started: list[psutil.Process]) -> psutil.Process:
    """Return one of honcho's own processes."""
    return next(process for process in started if process.cmdline() != ["sleep", "600"])


def test_if_one_that_watches_is_killed_all_end(manager: subprocess.Popen[str]) -> None:
    started = eventually(lambda: commands(manager))
    beside(started).kill()
    output, _ = manager.communicate(timeout=PATIENCE)
    assert output.splitlines()[-1] == "-9"
    assert left(started) == []


def test_a_stop_is_heard(manager: subprocess.Popen[str]) -> None:
    started = eventually(lambda: commands(manager))
    manager.terminate()
    output, _ = manager.communicate(timeout=PATIENCE)
    assert output.splitlines()[-1] == "143"
    assert left(started) == []
