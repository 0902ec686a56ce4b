"""Pages that were asleep, offline, or whose server was restarted: live again by themselves."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from .stage import Stage
from .streams.server import Server

LOST = "The connection was lost. Reconnecting…"
PAGES = pytest.mark.parametrize("name", ["photo-running", "photos"])


def opened(browser: Browser, server: Server, stage: Stage, name: str) -> Page:
    """Return the named page, once it is live."""
    page = stage.visitor(browser, server.address)
    stage.follow(page, name)
    page.evaluate("window.sameDocument = true")
    return page


def status(page: Page) -> str:
    """Return the selector of the state of the photo that is being restored."""
    return ".status" if "/photos/" in page.url else '.card:has-text("The harbour") .status'


def expect_completed(page: Page) -> None:
    """See that the page has the result, says nothing of a lost connection, and is the same."""
    state = page.locator(status(page))
    expect(state).to_have_attribute("data-status", "completed")
    expect(page.get_by_text(LOST)).to_be_hidden()
    assert page.evaluate("window.sameDocument"), "the page was loaded again"


@PAGES
def test_offline(browser: Browser, server: Server, stage: Stage, name: str) -> None:
    page = opened(browser, server, stage, name)
    page.context.set_offline(True)
    expect(page.get_by_text(LOST)).to_be_visible()
    stage.report("running", "COMPLETED")
    expect(page.locator(status(page))).to_have_attribute("data-status", "processing")
    page.context.set_offline(False)
    expect_completed(page)


@PAGES
def test_a_restart_of_the_server(browser: Browser, server: Server, stage: Stage, name: str) -> None:
    page = opened(browser, server, stage, name)
    server.stop()
    expect(page.get_by_text(LOST)).to_be_visible()
    stage.report("running", "COMPLETED")
    server.start()
    expect_completed(page)


@PAGES
def test_sleep(browser: Browser, server: Server, stage: Stage, name: str) -> None:
    page = opened(browser, server, stage, name)
    devtools = page.context.new_cdp_session(page)
    devtools.send("Page.setWebLifecycleState", {"state": "frozen"})
    server.stop()
    stage.report("running", "COMPLETED")
    server.start()
    devtools.send("Page.setWebLifecycleState", {"state": "active"})
    expect_completed(page)


@PAGES
def test_a_rest_in_the_back_forward_cache(
    browser: Browser, server: Server, stage: Stage, name: str
) -> None:
    page = opened(browser, server, stage, name)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    stage.report("running", "COMPLETED")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    state = page.locator(status(page))
    expect(state).to_have_attribute("data-status", "completed")


@PAGES
def test_who_is_signed_out_is_told_that_the_page_is_not_live(
    browser: Browser, server: Server, stage: Stage, name: str
) -> None:
    page = opened(browser, server, stage, name)
    other = page.context.new_page()
    other.goto("/")
    other.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("This page is not up to date any more.")).to_be_visible()
    page.get_by_role("link", name="Reload it").click()
    expect(page).to_have_url(re.compile("/accounts/sign-in/"))


def test_what_was_left_finished_is_loaded_again_when_it_is_shown_again(
    browser: Browser, server: Server, stage: Stage
) -> None:
    page = stage.visitor(browser, server.address)
    page.goto(stage.path("photo-done"))
    with page.expect_navigation():
        page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect(page.get_by_role("heading", level=1)).to_have_text("Gran, 1961")


def test_when_the_last_of_a_state_is_deleted_only_of_these_there_are_none(
    browser: Browser, server: Server, stage: Stage
) -> None:
    page = stage.visitor(browser, server.address)
    with page.expect_response(re.compile("/api/v1/events")):
        page.goto("/?state=failed")
    expect(page.locator(".card")).to_have_count(1)
    page.get_by_label("Select all").check()
    other = page.context.new_page()
    other.goto(f"{stage.path('photo-failed')}delete/")
    other.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("There are none of these.")).to_be_visible()
    expect(page.get_by_text("No photos yet")).to_be_hidden()
    expect(page.get_by_label("Select all")).not_to_be_checked()


def test_what_is_asked_for_elsewhere_comes_into_the_grid(
    browser: Browser, server: Server, stage: Stage
) -> None:
    page = opened(browser, server, stage, "photos")
    other = page.context.new_page()
    other.goto("/?state=failed")
    before = page.locator(".card").count()
    for title in ("Gran, 1961", "The harbour"):
        page.locator(".card", has_text=title).evaluate("card => card.remove()")
    stage.report("running", "COMPLETED")  # older than the newest: on another page
    stage.ask_again("done")
    stage.report("done", "COMPLETED")
    card = page.locator(".card").first
    expect(card).to_contain_text("Gran, 1961")
    expect(card.locator(".status")).to_have_attribute("data-status", "completed")
    expect(page.locator(".card")).to_have_count(before - 1)
    assert page.evaluate("window.sameDocument")
    # Only among the newest of all: elsewhere its place is another.
    expect(other.locator(".card")).to_have_count(1)
