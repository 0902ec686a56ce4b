"""The worker's image, as far as it can be judged without an engine that builds it."""

from __future__ import annotations

import base64
import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.services import PATIENCE

from . import image
from .conftest import ROOT, Judges

PHOTO = (ROOT / "restorer" / "samples" / "rocket.jpg").read_bytes()


# What is run there leaves nothing that the image does not have.
_CLEAN = {"PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("worker")
    image.build(folder)
    return folder


def started(judges: Judges, built: Path, input: Any) -> subprocess.CompletedProcess[str]:
    """Run the image's command with one job, where its packages and files alone are."""
    python, *arguments = image.command()
    assert python == "python"
    test_input = json.dumps({"input": input})
    command = [str(judges.python), *arguments, "--test_input", test_input]
    return subprocess.run(
        command,
        cwd=built,
        env=_CLEAN,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def test_every_file_that_is_copied_exists() -> None:
    assert image.said("COPY")
    for line in image.said("COPY"):
        source, target = line.split()
        assert (ROOT / source).exists()
        assert target == source, "the working directory looks like the checkout"


def test_the_base_is_pinned_to_its_bytes() -> None:
    (base,) = image.said("FROM")
    assert re.fullmatch(r"python:3\.11\.\d+-slim-\w+@sha256:[0-9a-f]{64}", base)


def test_the_packages_are_those_of_the_judges_with_their_hashes() -> None:
    (run,) = [line for line in image.said("RUN") if line.startswith("pip ")]
    words = shlex.split(run)
    assert {"--require-hashes", "--only-binary", ":all:"} <= set(words)
    assert words[-2:] == ["-r", "requirements/worker.txt"]
    assert "requirements/worker.txt" in (ROOT / "Makefile").read_text()


def test_what_the_local_endpoint_needs_stays_outside(built: Path) -> None:
    names = {path.name for path in (built / "restorer").rglob("*")}
    assert {"handler.py", "pipeline.py", "damage.py"} <= names
    assert not [name for name in names if name.startswith("local") or name.endswith(".jpg")]
    assert "__pycache__" not in names


def test_it_does_not_work_as_root() -> None:
    assert image.said("USER") == ["worker"]


def test_a_job_is_done_by_its_command(judges: Judges, built: Path) -> None:
    answer = started(judges, built, {"image_base64": base64.b64encode(PHOTO).decode()})
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "completed successfully" in answer.stdout
    assert "'format': 'jpeg', 'width': 640" in answer.stdout


def test_a_job_that_cannot_be_done_ends_its_command_with_1(judges: Judges, built: Path) -> None:
    answer = started(judges, built, {"image_url": "ftp://x"})
    assert answer.returncode == 1
    assert "must start with http" in answer.stdout


def test_it_starts_as_a_module_too(judges: Judges) -> None:
    test_input = json.dumps({"input": {"scale": 3}})
    command = [str(judges.python), "-m", "restorer.handler", "--test_input", test_input]
    answer = subprocess.run(
        command, cwd=ROOT, env={}, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert "The scale must be 1, 2 or 4." in answer.stdout
