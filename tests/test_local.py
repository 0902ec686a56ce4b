"""What `make run` and `make demo` say before anything is started."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from photorestore import local

from .services import free_port

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _own_environment() -> Iterator[None]:
    """Have the environment afterwards as it was: starting completes it for all processes."""
    before = dict(os.environ)
    os.environ["PORT"] = str(free_port())
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.parametrize("command", ["run", "demo"])
def test_a_folder_that_cannot_be_made_is_one_line(
    command: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(local, "VAR_DIR", tmp_path / "file" / "var")
    monkeypatch.setenv("PHOTO", str(local.SAMPLE))
    assert local.main([command]) == 1
    assert capsys.readouterr().err == f"{tmp_path / 'file' / 'var'}: Not a directory.\n"


def test_a_dollar_sign_in_a_photo_s_path_is_no_variable() -> None:
    show = "show: ; @printenv PHOTO"
    for make in (["make", "PHOTO=a $HOME $(x).jpg"], ["env", "PHOTO=a $HOME $(x).jpg", "make"]):
        command = [*make, "--silent", "--eval", show, "show"]
        told = subprocess.check_output(command, cwd=ROOT, text=True)
        assert told == "a $HOME $(x).jpg\n"
