"""restorer/Dockerfile carried out by hand: its files, its packages, its command."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from .conftest import ROOT

DOCKERFILE = (ROOT / "restorer" / "Dockerfile").read_text()
# Lines that a backslash joins are one instruction.
INSTRUCTIONS = [
    line.split(maxsplit=1)
    for line in DOCKERFILE.replace("\\\n", " ").splitlines()
    if line and not line.startswith("#")
]


def said(name: str) -> list[str]:
    """Return what follows that instruction, each time it comes."""
    return [rest for instruction, rest in INSTRUCTIONS if instruction == name]


def command() -> list[str]:
    """Return the command line that the image starts."""
    (text,) = said("CMD")
    return list(json.loads(text))


def build(folder: Path) -> None:
    """Put into the folder what the image has in its working directory."""
    for line in said("COPY"):
        source, target = line.split()
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, folder / target, ignore=_ignored)
        else:
            (folder / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, folder / target)


def _ignored(folder: str, names: list[str]) -> set[str]:
    """Leave out what the .dockerignore does, which knows `**/` and `*` and `!`, and last wins."""
    return {name for name in names if not _is_sent(Path(folder, name).relative_to(ROOT))}


def _is_sent(path: Path) -> bool:
    lines = (ROOT / "restorer" / "Dockerfile.dockerignore").read_text().splitlines()
    sent = True
    for line in lines:
        pattern = line.removeprefix("!")
        if line and not line.startswith("#") and _matches(path, pattern):
            sent = line.startswith("!")
    return sent


def _matches(path: Path, pattern: str) -> bool:
    """Tell whether the pattern names the path or a folder above it."""
    glob = re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
    return re.fullmatch(f"{glob}(?:/.*)?", path.as_posix()) is not None
