"""The Chromium that drives the pages."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, Playwright

from tests.services import PATIENCE

NAMES = ("chromium", "chromium-browser", "google-chrome")
WITHIN = 1000 * PATIENCE  # milliseconds, as Playwright counts
QUIET = ["--disable-gpu", "--disable-quic", "--disable-background-networking", "--no-sandbox"]


def launched(playwright: Playwright) -> Browser | None:
    """Start the system's Chromium, or Playwright's own; None where there is neither."""
    path = _path()
    if path is None and not Path(playwright.chromium.executable_path).exists():
        return None
    return playwright.chromium.launch(executable_path=path, args=QUIET, timeout=WITHIN)


def launched_for(playwright: Playwright, folder: Path, port: int) -> BrowserContext:
    """Start it with a profile in the folder, for another program to drive by the port."""
    args = [*QUIET, f"--remote-debugging-port={port}"]
    return playwright.chromium.launch_persistent_context(
        folder, executable_path=_path(), args=args, timeout=WITHIN
    )


def opened(browser: Browser, **options: Any) -> Page:
    """Return an empty page of a visitor of its own, who waits for what is slow to come."""
    context = browser.new_context(**options)
    context.set_default_timeout(WITHIN)
    return context.new_page()


def _path() -> str | None:
    return next((found for found in map(shutil.which, NAMES) if found), None)
