"""What one page does while its reader filters, comes back, or goes on elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from .axe import violations
from .browsers import WITHIN
from .people import signed_up
from .stage import Stage
from .streams.server import Server
from .test_uploads import saying, send

STALE = "This page is not up to date any more."


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Return three photos that are unlike each other."""
    paths = [tmp_path / f"photo-{number}.png" for number in range(3)]
    for number, path in enumerate(paths):
        Image.linear_gradient("L").resize((64 + number, 48)).save(path)
    return paths


def come_back(page: Page) -> None:
    """Have the page shown again after another tab."""
    page.evaluate("dispatchEvent(new Event('visibilitychange'))")


def test_what_arrives_under_a_filter_is_shown_where_it_belongs(
    browser: Browser, server: Server, files: list[Path]
) -> None:
    page = signed_up(browser, server.address, "filters")
    page.goto("/?state=done")
    lines = send(page, *files[:2])
    expect(saying(lines, "arrived")).to_have_count(2, timeout=WITHIN)
    expect(page.locator(".card")).to_have_count(0)
    expect(page.get_by_text("There are none of these.")).to_be_visible()
    assert violations(page) == []
    expect(saying(send(page, files[0]), "known")).to_have_count(1, timeout=WITHIN)
    lines.first.get_by_role("link", name="Look at it").click()
    expect(page).to_have_url(re.compile("/photos/[0-9a-f-]+/$"))
    page.goto("/?state=running")
    expect(page.locator(".card")).to_have_count(2)
    send(page, files[1], files[2])
    expect(page.locator(".card")).to_have_count(3, timeout=WITHIN)


def test_whoever_removes_or_retries_a_line_by_keyboard_keeps_their_place(
    browser: Browser, server: Server, files: list[Path]
) -> None:
    page = signed_up(browser, server.address, "places")
    page.route("**/photos/new/", lambda route: route.abort())
    lines = send(page, *files)
    expect(saying(lines, "unsent")).to_have_count(3, timeout=WITHIN)
    for line in lines.all():
        expect(line.get_by_role("status")).to_contain_text(re.compile(r"photo-\d\.png"))
    assert violations(page) == []
    page.route("**/photos/new/", lambda route: None)
    lines.first.get_by_role("button", name="Try again").press("Enter")
    expect(lines.first.get_by_role("button", name="Remove")).to_be_focused()
    for left in (2, 1):
        page.keyboard.press("Enter")
        expect(lines).to_have_count(left)
        expect(lines.first.get_by_role("button", name="Remove")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("input[type=file]")).to_be_focused()


def test_who_leaves_what_waits_for_the_connection_is_asked(
    browser: Browser, server: Server, files: list[Path]
) -> None:
    page = signed_up(browser, server.address, "leaving")
    page.route("**/photos/new/", lambda route: route.abort())
    expect(saying(send(page, *files), "unsent")).to_have_count(3, timeout=WITHIN)
    page.on("dialog", lambda dialog: dialog.accept())
    with page.expect_event("dialog") as asked:
        page.get_by_role("link", name="API tokens").click()
    assert asked.value.type == "beforeunload"
    expect(page).to_have_url(re.compile("/account/tokens/"))


def test_a_photo_that_another_page_changed_is_said_to_be_old(
    browser: Browser, server: Server, stage: Stage
) -> None:
    page = stage.visitor(browser, server.address)
    page.goto(stage.path("photo-done"))
    other = page.context.new_page()
    other.goto(stage.path("photo-done"))
    with page.expect_response(f"**{stage.path('photo-done')}"):
        come_back(page)
    expect(page.get_by_text(STALE)).to_be_hidden()
    other.get_by_role("button", name="Show this one").click()
    come_back(page)
    expect(page.get_by_text(STALE)).to_be_visible(timeout=WITHIN)
    assert violations(page) == []
    page.get_by_role("link", name="Reload it").click()
    expect(page.get_by_text(STALE)).to_be_hidden()
    other.goto(f"{stage.path('photo-done')}delete/")
    other.get_by_role("button", name="Delete for good").click()
    come_back(page)
    expect(page.get_by_text(STALE)).to_be_visible(timeout=WITHIN)


def test_the_way_back_does_not_lead_to_a_photo_that_is_gone(
    browser: Browser, server: Server, stage: Stage
) -> None:
    page = stage.visitor(browser, server.address)
    page.goto(stage.path("photo-done"))
    page.get_by_role("link", name="Delete this photo").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page).to_have_url(f"{server.address}/")
    page.evaluate("history.go(-2)")
    expect(page).to_have_title(re.compile("Page not found"), timeout=WITHIN)
    expect(page).to_have_url(re.compile(stage.path("photo-done")))


def test_a_photo_that_was_finished_before_one_s_eyes_is_not_shown_again_once_it_is_gone(
    browser: Browser, server: Server, stage: Stage
) -> None:
    page = stage.visitor(browser, server.address)
    stage.follow(page, "photo-running")
    stage.report("running", "COMPLETED")
    state = page.locator(".status")
    expect(state).to_have_attribute("data-status", "completed", timeout=WITHIN)
    with page.expect_response(f"**{stage.path('photo-running')}"):
        come_back(page)
    expect(page.get_by_text(STALE)).to_be_hidden()
    other = page.context.new_page()
    other.goto(f"{stage.path('photo-running')}delete/")
    other.get_by_role("button", name="Delete for good").click()
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect(state).to_have_count(0, timeout=WITHIN)
