"""`make lighthouse`: a photo's page and the grid of 200 photos, judged by Lighthouse."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.services import free_port

from .browsers import launched_for
from .stage import Stage
from .system import ROOT, clean_environment, running

_LIGHTHOUSE = ROOT / "var" / "judges" / "node_modules" / ".bin" / "lighthouse"
_CATEGORIES = "performance,accessibility,best-practices"
_AUDITS = ("largest-contentful-paint", "total-blocking-time", "cumulative-layout-shift")
_MORE = 195  # photos, which makes two hundred
PAGES = [(name, device) for name in ("photo-done", "photos") for device in ("mobile", "desktop")]


def main() -> None:
    """Print the scores and the times of each, on a phone and a desktop."""
    with tempfile.TemporaryDirectory() as folder:
        for name, device, found in reports(Path(folder)):
            sys.stdout.write(f"{name} on {device}: {_told(found)}\n")
            sys.stdout.flush()


def reports(folder: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield what Lighthouse says of each page on each device; the site is kept in the folder."""
    env = {
        "PORT": str(free_port()),
        "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
        "MEDIA_ROOT": str(folder / "media"),
    }
    with running("run", **env) as system:
        site = system.site()
        stage = Stage(clean_environment() | env, more=_MORE)
        yield from _judged_all(site, stage, folder)


def _judged_all(site: str, stage: Stage, folder: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    port = free_port()
    with sync_playwright() as playwright:
        context = launched_for(playwright, folder / "chromium", port)
        # A header would not go with the pictures' requests.
        context.add_cookies([{"name": "sessionid", "value": stage.session(), "url": site}])
        for name, device in PAGES:
            yield name, device, _judged(site + stage.path(name), port, device)
        context.close()


def _judged(url: str, port: int, device: str) -> dict[str, Any]:
    command = [str(_LIGHTHOUSE), url, f"--port={port}", "--output=json", "--quiet"]
    options = ["--disable-storage-reset", f"--only-categories={_CATEGORIES}"]
    preset = ["--preset=desktop"] if device == "desktop" else []
    answer = subprocess.run([*command, *options, *preset], capture_output=True, check=True)
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def _told(found: dict[str, Any]) -> str:
    scores = {name: round(each["score"] * 100) for name, each in found["categories"].items()}
    audits = {name: found["audits"][name]["displayValue"] for name in _AUDITS}
    return ", ".join(f"{name} {value}" for name, value in (scores | audits).items())


if __name__ == "__main__":
    main()
