"""Accounts in a browser: for everybody, by keyboard alone, and without JavaScript."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.services import STATE, free_port

from .axe import violations
from .browsers import opened
from .people import PASSWORD, signed_up, upload
from .system import ROOT, clean_environment, running

LETTERS = STATE / "letters"
ENV = {
    "PORT": str(free_port()),
    "DATABASE_URL": f"sqlite:///{STATE / 'accounts.sqlite3'}",
    "MEDIA_ROOT": str(STATE / "accounts"),
    "EMAIL_URL": f"filemail://{LETTERS}",
}
NEW_PASSWORD = "another shoebox of photos"


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """Run the system once for all of these; letters are kept as files."""
    with running("run", **ENV) as system:
        yield system.site()


@pytest.fixture
def stranger(browser: Browser, site: str) -> Page:
    return opened(browser, base_url=site)


def link(page: Page, kind: str, to: str) -> str:
    """Wait for the letter to that address, and return the path that it leads to."""
    pattern = re.compile(rf"^To: {to}$.*?^http://[^/\s]+(/{kind}/\S+)$", re.MULTILINE | re.DOTALL)
    for _ in range(600):
        texts = [path.read_text() for path in LETTERS.glob("*.log")] if LETTERS.exists() else []
        if found := [match[1] for text in texts if (match := pattern.search(text))]:
            return found[-1]
        page.wait_for_timeout(100)
    raise AssertionError(f"No letter came to {to}.")


def submit(page: Page) -> None:
    page.locator("main [type=submit]").click()


def test_everybody_can_use_the_pages_of_who_is_not_signed_in(stranger: Page) -> None:
    for path in (
        *("sign-in/", "sign-up/", "reset/", "reset/sent/", "reset/MQ/made-up/"),
        "../nowhere/",
    ):
        stranger.goto(f"/accounts/{path}")
        assert violations(stranger) == []


def test_everybody_can_use_forms_that_come_back(stranger: Page) -> None:
    stranger.goto("/accounts/sign-up/")
    stranger.get_by_label("Username").fill("no spaces please")
    stranger.get_by_label("Password", exact=True).fill("1")
    stranger.get_by_label("Password confirmation").fill("2")
    submit(stranger)
    expect(stranger.locator(".errorlist").first).to_be_visible()
    assert violations(stranger) == []


def test_everybody_can_use_the_pages_of_an_account(browser: Browser, site: str) -> None:
    page = signed_up(browser, site, "axel")
    for path in ("", "tokens/", "password/", "email/", "email/made-up/", "delete/"):
        page.goto(f"/account/{path}")
        assert violations(page) == []
    page.get_by_label("Your password").fill("wrong")
    submit(page)
    expect(page.get_by_text("This is not your password.")).to_be_visible()
    assert violations(page) == []


def test_nothing_is_wider_than_a_small_screen_in_any_language(browser: Browser, site: str) -> None:
    page = signed_up(browser, site, "a-rather-long-name-for-somebody-who-has-a-phone")
    page.set_viewport_size({"width": 320, "height": 640})
    for code, language in (("en", "English"), ("de", "Deutsch"), ("es", "Español")):
        page.get_by_role("button", name=language).click()
        expect(page.locator("html")).to_have_attribute("lang", code)
        for path in ("account/", "account/password/", "account/email/", "account/delete/", ""):
            page.goto(f"/{path}")
            assert page.evaluate("document.documentElement.scrollWidth") == 320, (language, path)


def test_without_javascript_one_comes_forgets_returns_takes_all_and_leaves(
    browser: Browser, site: str, tmp_path: Path
) -> None:
    page = opened(browser, base_url=site, java_script_enabled=False)
    page.goto("/accounts/sign-up/")
    page.get_by_label("Username").fill("nora")
    page.get_by_label("E-mail address").fill("nora@photos.example")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password confirmation").fill(PASSWORD)
    submit(page)
    upload(page)
    page.wait_for_url(re.compile("/photos/"))
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("link", name="Forgotten your password?").click()
    page.get_by_label("E-mail").fill("nora@photos.example")
    submit(page)
    page.goto(link(page, "accounts/reset", "nora@photos.example"))
    page.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    page.get_by_label("New password confirmation").fill(NEW_PASSWORD)
    submit(page)
    expect(page.get_by_text("You have a new password.")).to_be_visible()
    page.get_by_role("link", name="nora").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download my data").click()
    download.value.save_as(tmp_path / "data.zip")
    with ZipFile(tmp_path / "data.zip") as archive:
        document = json.loads(archive.read("photorestore.json"))
        assert document["photos"][0]["file"] in archive.namelist()
    page.get_by_role("link", name="Delete my account").click()
    page.get_by_label("Your password").fill(NEW_PASSWORD)
    submit(page)
    expect(
        page.get_by_text("Your account is closed. Everything in it is being deleted.")
    ).to_be_visible()
    page.get_by_label("Username").fill("nora")
    page.get_by_label("Password").fill(NEW_PASSWORD)
    submit(page)
    expect(page.get_by_role("alert")).to_be_visible()


def test_by_keyboard_one_comes_changes_the_address_and_leaves(stranger: Page) -> None:
    page, keys = stranger, stranger.keyboard
    page.goto("/accounts/sign-up/")
    # The form begins with its first field in focus, but only once it is drawn.
    expect(page.get_by_label("Username")).to_be_focused()
    for text in ("keys", "keys@photos.example", PASSWORD, PASSWORD):
        keys.type(text)
        keys.press("Tab")
    keys.press("Enter")
    page.wait_for_url(re.compile("//[^/]+/$"))
    tab_to(page, "keys")
    keys.press("Enter")
    page.wait_for_url(re.compile("/account/$"))
    tab_to(page, "Change the e-mail address")
    keys.press("Enter")
    page.wait_for_url(re.compile("/account/email/$"))
    tab_to(page, "", selector="#id_email")
    keys.press("Control+A")
    keys.type("new@photos.example")
    keys.press("Tab")
    keys.type(PASSWORD)
    keys.press("Enter")
    expect(page.get_by_text("Follow the link in the letter")).to_be_visible()
    page.goto(link(page, "account/email", "new@photos.example"))
    tab_to(page, "Use this address")
    keys.press("Enter")
    expect(page.locator("dl").get_by_text("new@photos.example")).to_be_visible()
    tab_to(page, "Delete my account")
    keys.press("Enter")
    page.wait_for_url(re.compile("/account/delete/$"))
    tab_to(page, "", selector="#id_password")
    keys.type(PASSWORD)
    keys.press("Enter")
    expect(
        page.get_by_text("Your account is closed. Everything in it is being deleted.")
    ).to_be_visible()


def tab_to(page: Page, text: str, *, selector: str = "a, button") -> None:
    """Press Tab until that has the focus, which must be visible there."""
    for _ in range(60):
        page.keyboard.press("Tab")
        focus = page.locator(":focus")
        if focus.count() and focus.evaluate(
            "(found, [selector, text]) =>"
            " found.matches(selector) && found.textContent.trim().endsWith(text)",
            [selector, text],
        ):
            assert focus.evaluate("found => getComputedStyle(found).outlineStyle") != "none"
            return
    raise AssertionError(f"{text or selector} was not reached by Tab.")


def test_no_page_does_what_the_policy_forbids(browser: Browser, site: str) -> None:
    page = signed_up(browser, site, "policy")
    problems = complaints(page)
    page.goto("/accounts/sign-in/")
    upload_and_wait(page)
    with page.expect_download():
        page.get_by_role("link", name=re.compile("Download")).first.click()
    page.get_by_role("link", name="Delete this photo").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("The photo was deleted.")).to_be_visible()
    page.get_by_role("link", name="policy").click()
    page.wait_for_url(re.compile("/account/$"))
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(re.compile("/accounts/sign-in/"))
    assert problems == []


def upload_and_wait(page: Page) -> None:
    page.goto("/")
    upload(page)
    page.wait_for_url(re.compile("/photos/"))
    expect(page.get_by_test_id("after")).to_be_visible()


def test_the_admin_keeps_to_the_policy_too(site: str, stranger: Page) -> None:
    make_superuser("root")
    problems = complaints(stranger)
    stranger.goto("/admin/")
    stranger.get_by_label("Username").fill("root")
    stranger.get_by_label("Password").fill(PASSWORD)
    submit(stranger)
    expect(stranger.get_by_role("button", name="Log out")).to_be_visible()
    for path in ("", "jobs/job/", "jobs/photo/", "auth/user/", "auth/user/add/", "events/event/"):
        stranger.goto(f"/admin/{path}")
        expect(stranger.locator("#site-name")).to_be_visible()
    stranger.goto("/admin/jobs/job/")
    stranger.locator("#result_list tbody th a").first.click()
    stranger.wait_for_url(re.compile("/change/$"))
    stranger.goto("/admin/auth/user/")
    stranger.locator("#result_list tbody th a").first.click()
    stranger.wait_for_url(re.compile("/change/$"))
    stranger.get_by_text("Permissions", exact=True).first.click()
    assert problems == []


def complaints(page: Page) -> list[str]:
    """Return a list that what the console complains of will be added to."""
    found: list[str] = []
    page.on(
        "console",
        lambda message: (
            found.append(f"{message.text} {message.location}")
            if message.type in ("error", "warning")
            else None
        ),
    )
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


def make_superuser(name: str) -> None:
    command = [sys.executable, "manage.py", "createsuperuser", "--noinput", "--username", name]
    more = {"DJANGO_SUPERUSER_PASSWORD": PASSWORD, "DJANGO_SUPERUSER_EMAIL": ""}
    env = clean_environment() | ENV | more
    subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True)
