"""`make demo PHOTO=…`: one photo, once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

from .system import ROOT, running

SAMPLE = ROOT / "restorer" / "samples" / "rocket.jpg"


def test_the_restored_photo_is_written_and_its_path_is_the_last_line(tmp_path: Path) -> None:
    photo = tmp_path / "grand dad's, 1950.jpg"
    shutil.copy(SAMPLE, photo)
    with running("demo", PHOTO=str(photo)) as system:
        assert system.finish() == 0
    path = Path(system.lines[-1])
    try:
        assert path == ROOT / "var" / "demo" / "grand dad's, 1950-restored.jpg"
        with Image.open(path) as restored, Image.open(SAMPLE) as original:
            assert restored.size == original.size
            assert restored.tobytes() != original.tobytes()
    finally:
        path.unlink(missing_ok=True)
    assert "Traceback" not in "\n".join(system.lines)


@pytest.mark.parametrize("name", ["übergroß ñ.jpg", "-dash.jpg", "a$HOME;'\"b.jpg"])
def test_a_photo_may_be_called_anything(tmp_path: Path, name: str) -> None:
    shutil.copy(SAMPLE, tmp_path / name)
    with running("demo", PHOTO=str(tmp_path / name)) as system:
        assert system.finish() == 0
    path = Path(system.lines[-1])
    assert path.name == f"{Path(name).stem}-restored.jpg"
    path.unlink()


def test_two_at_once_do_not_meet(tmp_path: Path) -> None:
    photos = [tmp_path / name for name in ("one.jpg", "two.jpg")]
    for photo in photos:
        shutil.copy(SAMPLE, photo)
    with (
        running("demo", PHOTO=str(photos[0])) as one,
        running("demo", PHOTO=str(photos[1])) as two,
    ):
        assert [one.finish(), two.finish()] == [0, 0]
    for system in (one, two):
        Path(system.lines[-1]).unlink()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        (None, None, "Which photo? Say: make demo PHOTO=path/to.jpg"),
        ("missing.jpg", None, "missing.jpg: No such file or directory."),
        ("diary.jpg", b"Dear diary", "diary.jpg: This is not a picture that we can read. Allowed:"),
        ("empty.jpg", b"", "empty.jpg: The file is empty. Allowed:"),
        ("cut.jpg", SAMPLE.read_bytes()[:9000], "cut.jpg: The picture is damaged or cut off"),
        ("large.jpg", SAMPLE.read_bytes() + bytes(50 * 1024**2), "large.jpg: The file has 50.0 MB"),
        ("", None, "This is not a file."),
    ],
)
def test_a_photo_that_will_not_do_is_one_line_and_exit_2(
    tmp_path: Path, name: str | None, content: bytes | None, says: str
) -> None:
    photo = tmp_path / (name or "")
    if content is not None:
        photo.write_bytes(content)
    env = {} if name is None else {"PHOTO": str(photo)}
    with running("demo", **env) as system:
        assert system.finish() == 2
    assert len(system.lines) == 1
    assert says in system.lines[0]
