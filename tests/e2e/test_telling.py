"""How somebody learns of a result: on the page, by its title and icon, by the browser's notice."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.streams import eventually

from .stage import Stage
from .streams.server import Server

# Playwright's pages are always seen; what the browser shows of a notice, it does not tell.
AWAY_AND_RECORDED = """
Object.defineProperty(document, 'hidden', { get: () => window.away ?? false });
window.asked = 0;
window.notices = [];
if (window.Notification) {
  window.Notification = class extends Notification {
    static async requestPermission() {
      window.asked += 1;
      return super.requestPermission();
    }
    constructor(title, options) {
      super(title, options);
      if (options) window.notices.push([title, options.icon]);
    }
  };
}
"""
PAGES = pytest.mark.parametrize("name", ["photo-running", "photos"])


def opened(
    browser: Browser, server: Server, stage: Stage, name: str, *, allowed: bool = False
) -> Page:
    """Return the named page, once it is live."""
    permissions = ["notifications"] if allowed else []
    page = stage.visitor(browser, server.address, permissions=permissions)
    page.add_init_script(AWAY_AND_RECORDED)
    stage.follow(page, name)
    return page


@PAGES
def test_title_and_icon_tell_until_somebody_looks(
    browser: Browser, server: Server, stage: Stage, name: str
) -> None:
    page = opened(browser, server, stage, name)
    icon = page.locator("link[rel=icon]")
    page.evaluate("window.away = true")
    stage.report("running", "COMPLETED")
    ready = "My photos" if name == "photos" else "Restored · The harbour"
    expect(page).to_have_title(f"(1) {ready} · PhotoRestore")
    expect(icon).to_have_attribute("href", re.compile("favicon-done"))
    page.evaluate("window.away = false; dispatchEvent(new Event('visibilitychange'))")
    expect(page).to_have_title(f"{ready} · PhotoRestore")
    expect(icon).not_to_have_attribute("href", re.compile("favicon-done"))


@PAGES
def test_the_browser_tells_who_asked_for_it(
    browser: Browser, server: Server, stage: Stage, name: str
) -> None:
    page = opened(browser, server, stage, name, allowed=True)
    button = page.get_by_role("button", name=re.compile("Tell me when"))
    expect(button).to_have_attribute("aria-pressed", "false")
    assert page.evaluate("window.asked") == 0
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("window.asked") == 1
    page.evaluate("window.away = true")
    stage.report("running", "COMPLETED")
    eventually(lambda: page.evaluate("window.notices.length"))
    ((title, icon),) = page.evaluate("window.notices")
    assert title == "The harbour: Restored"
    assert "favicon-done" in icon


def test_the_wish_is_kept_and_can_be_taken_back(
    browser: Browser, server: Server, stage: Stage
) -> None:
    page = opened(browser, server, stage, "photos", allowed=True)
    button = page.get_by_role("button", name="Tell me when one is ready")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    assert page.evaluate("window.asked") == 0
    page.evaluate("window.away = true")
    stage.report("running", "COMPLETED")
    expect(page).to_have_title(re.compile(r"^\(1\)"))
    assert page.evaluate("window.notices") == []


def test_who_looks_at_the_page_needs_no_notice(
    browser: Browser, server: Server, stage: Stage
) -> None:
    page = opened(browser, server, stage, "photo-running", allowed=True)
    page.get_by_role("button", name="Tell me when it is ready").click()
    stage.report("running", "COMPLETED")
    expect(page.get_by_test_id("after")).to_be_visible()
    assert page.evaluate("window.notices") == []
    expect(page).to_have_title("Restored · The harbour · PhotoRestore")


ONLY_WORKERS = """
window.Notification = class {
  static permission = 'PERMISSION';
  static async requestPermission() { return 'granted'; }
  constructor() { throw new TypeError('Illegal constructor.'); }
};
"""


def test_a_phone_that_lets_only_workers_notify_is_not_offered_it(
    browser: Browser, server: Server, stage: Stage
) -> None:
    page = stage.visitor(browser, server.address)
    page.add_init_script(ONLY_WORKERS.replace("PERMISSION", "default"))
    with page.expect_response(re.compile("/api/v1/events")):
        page.goto(stage.path("photos"))
    expect(page.locator("[data-notify] button")).to_be_hidden()


def test_where_it_was_allowed_before_it_is_offered_once_at_most(
    browser: Browser, server: Server, stage: Stage
) -> None:
    page = stage.visitor(browser, server.address)
    page.add_init_script(AWAY_AND_RECORDED + ONLY_WORKERS.replace("PERMISSION", "granted"))
    with page.expect_response(re.compile("/api/v1/events")):
        page.goto(stage.path("photos"))
    page.locator("[data-notify] button").click()
    page.evaluate("window.away = true")
    stage.report("running", "COMPLETED")
    expect(page).to_have_title(re.compile(r"^\(1\)"))
    page.reload()
    expect(page.locator("[data-notify] button")).to_be_hidden()


def test_a_failure_is_told_in_the_reader_s_language(
    browser: Browser, server: Server, stage: Stage
) -> None:
    page = stage.visitor(browser, server.address, locale="de-DE")
    with page.expect_response(re.compile("/api/v1/events")):
        page.goto(stage.path("photo-running"))
    page.evaluate("window.sameDocument = true")
    stage.report("running", "TIMED_OUT")
    expect(page.get_by_role("alert")).to_have_text(
        "Die Restaurierung hat zu lange gedauert und wurde angehalten."
    )
    assert page.evaluate("window.sameDocument")


def test_a_browser_that_does_not_let_us_is_named(
    browser: Browser, server: Server, stage: Stage
) -> None:
    page = opened(browser, server, stage, "photos")
    page.get_by_role("button", name="Tell me when one is ready").click()
    expect(page.get_by_text("Your browser does not let this site tell you.")).to_be_visible()
    expect(page.get_by_role("button", name="Tell me when one is ready")).to_have_attribute(
        "aria-pressed", "false"
    )


def requests_of(page: Page, server: Server) -> list[str]:
    """Return a list to which the path is added of whatever the page will ask for."""
    found: list[str] = []
    # But the icon's, which may come as late as now.
    page.on(
        "request",
        lambda it: (
            None if "/static/" in it.url else found.append(it.url.removeprefix(server.address))
        ),
    )
    return found


def test_a_result_that_replaces_another_leaves_it_among_the_others(
    browser: Browser, server: Server, stage: Stage
) -> None:
    stage.ask_again("done")
    page = opened(browser, server, stage, "photo-done")
    shown = page.get_by_test_id("after")
    expect(shown).to_be_visible()
    listed = page.locator(".earlier li").count()
    old, requests = shown.get_attribute("src"), requests_of(page, server)
    stage.report("done", "COMPLETED")
    expect(page.locator(".earlier li")).to_have_count(listed + 1)
    eventually(lambda: shown.evaluate("image => image.naturalWidth > 0"))
    assert requests == [shown.get_attribute("src")] != [old]
    first = page.locator(".earlier li").first
    expect(first.locator("img")).to_have_attribute("src", str(old))
    expect(first).to_contain_text("Restored")
    first.get_by_role("button", name="Show this one").click()
    expect(shown).to_have_attribute("src", str(old))


def test_who_waits_sees_those_before_it_become_fewer_without_asking(
    browser: Browser, server: Server, stage: Stage
) -> None:
    stage.ask_again("done")
    page = opened(browser, server, stage, "photo-done")
    hint = page.locator("[data-ahead]")
    expect(hint).to_be_visible()
    before = hint.inner_text()
    requests = requests_of(page, server)
    stage.report("queued", "COMPLETED")
    stage.tell_places()
    expect(hint).not_to_have_text(before)
    expect(hint).to_have_text(re.compile("before it|is next"))
    stage.report("done", "IN_PROGRESS")
    expect(hint).to_be_hidden()
    assert requests == []
