"""What people do at their browser."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.streams import eventually

from .browsers import opened
from .system import ROOT

SAMPLE = ROOT / "restorer" / "samples" / "portrait-1961.jpg"
PASSWORD = "a shoebox of photos"


def signed_up(browser: Browser, site: str, name: str, **options: bool) -> Page:
    """Return a page of somebody who has just made an account."""
    page = opened(browser, base_url=site, **options)
    page.goto("/accounts/sign-up/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password confirmation").fill(PASSWORD)
    page.locator("main [type=submit]").click()
    page.wait_for_url(f"{site}/")
    return page


def reload_until_completed(page: Page) -> None:
    """Load the page of a photo again and again until it is restored."""
    status = page.get_by_test_id("status")

    def is_completed() -> bool:
        page.reload()
        return status.get_attribute("data-status") == "completed"

    eventually(is_completed)


def upload(page: Page, photo: Path = SAMPLE) -> None:
    """Send the photo by the form."""
    page.locator("input[type=file]").set_input_files(photo)
    page.locator("main [type=submit]").first.click()
