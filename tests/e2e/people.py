"""What people do at their browser."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, Page

from .system import ROOT

SAMPLE = ROOT / "restorer" / "samples" / "portrait-1961.jpg"
PASSWORD = "a shoebox of photos"


def signed_up(browser: Browser, site: str, name: str, **options: bool) -> Page:
    """Return a page of somebody who has just made an account."""
    page = browser.new_context(base_url=site, **options).new_page()  # type: ignore[arg-type]
    page.goto("/accounts/sign-up/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password confirmation").fill(PASSWORD)
    page.locator("main [type=submit]").click()
    page.wait_for_url(f"{site}/")
    return page


def upload(page: Page, photo: Path = SAMPLE) -> None:
    """Send the photo by the form."""
    page.locator("input[type=file]").set_input_files(photo)
    page.locator("main [type=submit]").first.click()
