"""RunPod's own code, which judges ours, in environments of its own."""

from __future__ import annotations

import faulthandler
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.restorer.endpoint import Receiver

ROOT = Path(__file__).parents[2]
JUDGES = ROOT / "var" / "judges"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder: each runs a process of somebody else's."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@dataclass(frozen=True)
class Judges:
    """Where RunPod's packages are: PyPI's `runpod`, by its Python, and npm's `runpod-sdk`."""

    python: Path = JUDGES / "venv" / "bin" / "python"
    sdk: Path = JUDGES / "node_modules" / "runpod-sdk" / "dist" / "src" / "index.js"


@pytest.fixture(scope="session")
def judges() -> Judges:
    """Have them installed, unless they are; that may take longer than pytest lets a test take."""
    faulthandler.cancel_dump_traceback_later()
    subprocess.run(["make", "--silent", "judges"], cwd=ROOT, check=True, timeout=900)
    return Judges()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Receive what the local endpoint or a worker posts."""
    receiver = Receiver()
    yield receiver
    receiver.close()
