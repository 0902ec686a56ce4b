"""`make lighthouse`: a photo's page and the grid of 200 photos, judged by Lighthouse (npm)."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.services import free_port

from .browsers import launched_for
from .stage import Stage
from .system import clean_environment, running

_LIGHTHOUSE = "lighthouse@12.8.2"
_CATEGORIES = "performance,accessibility,best-practices"
_AUDITS = ("largest-contentful-paint", "total-blocking-time", "cumulative-layout-shift")
_MORE = 195  # photos, which makes two hundred


def main() -> None:
    """Print the scores and the times of each, on a phone and a desktop."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        env = {
            "PORT": str(free_port()),
            "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
            "MEDIA_ROOT": str(folder / "media"),
        }
        with running("run", **env) as system:
            site = system.site()
            stage = Stage(clean_environment() | env, more=_MORE)
            _judge_all(site, stage, folder)


def _judge_all(site: str, stage: Stage, folder: Path) -> None:
    port = free_port()
    with sync_playwright() as playwright:
        context = launched_for(playwright, folder / "chromium", port)
        # A header would not go with the pictures' requests.
        context.add_cookies([{"name": "sessionid", "value": stage.session(), "url": site}])
        for name in ("photo-done", "photos"):
            for device in ("mobile", "desktop"):
                found = _judged(site + stage.path(name), port, device)
                sys.stdout.write(f"{name} on {device}: {_told(found)}\n")
                sys.stdout.flush()
        context.close()


def _judged(url: str, port: int, device: str) -> dict[str, Any]:
    command = ["npx", "--yes", _LIGHTHOUSE, url, f"--port={port}", "--output=json", "--quiet"]
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
