"""`make screenshots`: every page, light and dark, on a phone and a desktop.

Runs the whole system on a database of its own, with photos in every state.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.services import free_port

from .browsers import launched
from .scenes import SCENES
from .stage import Stage
from .system import ROOT, clean_environment, running

FOLDER = ROOT / "docs" / "screenshots"
DEVICES = {"phone": (390, 844), "desktop": (1280, 800)}
_HEIGHT = 1800  # pixels
SCHEMES = ("light", "dark")
# They look like another one, but for a line.
_ALIKE = {
    *("photos-options", "no-failed-photos", "running-photos", "done-photos", "photo-options"),
    *("shared-unlocked", "delete-account-refused", "tokens-refused", "email-link-old"),
    *("docs-call", "not-found-signed-in", "webhook-silent", "reset-link-old", "no-webhooks"),
}


def main() -> None:
    """Make them all, or those whose page's name was given."""
    parser = argparse.ArgumentParser()
    parser.add_argument("pages", nargs="*")
    wanted = parser.parse_args().pages
    FOLDER.mkdir(exist_ok=True)
    with _site() as (site, stage), sync_playwright() as playwright:
        browser = launched(playwright)
        assert browser
        for name in wanted or [name for name in SCENES if name not in _ALIKE]:
            _shoot(browser, site, stage, name)
        browser.close()


@contextmanager
def _site() -> Iterator[tuple[str, Stage]]:
    with tempfile.TemporaryDirectory() as folder:
        env = {
            "PORT": str(free_port()),
            "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
            "MEDIA_ROOT": f"{folder}/media",
        }
        with running("run", **env) as system:
            site = system.site()
            yield site, Stage(clean_environment() | env)


def _shoot(browser: Browser, site: str, stage: Stage, name: str) -> None:
    for device, (width, height) in DEVICES.items():
        for scheme in SCHEMES:
            viewport = {"width": width, "height": height}
            page = stage.show(browser, site, name, viewport=viewport, color_scheme=scheme)
            _save(page, FOLDER / f"{name}-{device}-{scheme}.webp")
            page.context.close()


def _save(page: Page, path: Path) -> None:
    """Save the page's upper part, small."""
    with Image.open(io.BytesIO(page.screenshot(full_page=True))) as image:
        upper = image.crop((0, 0, image.width, min(image.height, _HEIGHT)))
        upper.convert("RGB").save(path, "WEBP", quality=60, method=6)


if __name__ == "__main__":
    main()
