"""The Chromium that drives the pages."""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import Browser, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = ["--disable-gpu", "--disable-quic", "--disable-background-networking", "--no-sandbox"]


def launched(playwright: Playwright) -> Browser | None:
    """Start the system's Chromium, or Playwright's own; None where there is neither."""
    path = next((found for found in map(shutil.which, NAMES) if found), None)
    if path is None and not Path(playwright.chromium.executable_path).exists():
        return None
    return playwright.chromium.launch(executable_path=path, args=QUIET)
