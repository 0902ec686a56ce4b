"""What shall be done, by keyboard alone and without JavaScript: an endpoint that can do it all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from .people import SAMPLE, signed_up
from .streams.server import Server, serving_alone

ALL = json.dumps({"image": "$photo_url", "upscale": "$scale", "colorize": "$colour"})
NAMES = ["Restore", "Colour", "Enlarge 2×", "Enlarge 4×", "Everything"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run the site for such an endpoint, without workers."""
    kind = {"RUNPOD_ENDPOINT_KIND": "generic", "RUNPOD_GENERIC_INPUT": ALL}
    with serving_alone(tmp_path_factory.mktemp("choosing"), **kind) as server:
        yield server


def offered(page: Page) -> list[str]:
    names = page.locator(".preset span").all_inner_texts()
    return [name.partition("\n")[0] for name in names]


def options(page: Page) -> list[dict[str, Any]]:
    """Return what was asked for, the newest first."""
    jobs = page.request.get("/api/v1/jobs").json()["results"]
    return [job["options"] for job in jobs]


def tab_to(page: Page, selector: str) -> None:
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab never reaches {selector}.")


def test_by_keyboard_alone(browser: Browser, server: Server) -> None:
    page = signed_up(browser, server.address, "keys")
    assert offered(page) == NAMES
    page.locator("input[type=file]").set_input_files(SAMPLE)
    tab_to(page, "[name=preset]")
    for _ in range(4):
        page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Everything")).to_be_checked()
    tab_to(page, "summary")
    size = page.get_by_label("Size")
    expect(size).to_be_hidden()
    page.keyboard.press("Enter")
    expect(size).to_be_visible()
    tab_to(page, "[name=scale]")
    page.keyboard.press("F")  # of four; on a slow machine a second letter would begin a new word
    expect(size).to_have_value("4")
    tab_to(page, "main form.upload > [type=submit]")
    page.keyboard.press("Enter")
    page.wait_for_url("**/photos/*/")
    assert options(page) == [{"scale": 4, "colour": True}]


def test_without_javascript(browser: Browser, server: Server) -> None:
    page = signed_up(browser, server.address, "forms", java_script_enabled=False)
    assert offered(page) == NAMES
    page.locator("input[type=file]").set_input_files(SAMPLE)
    page.get_by_text("Colours for a black-and-white photo").click()
    page.get_by_text("More", exact=True).click()
    page.get_by_label("Size").select_option("Twice as large")
    page.get_by_role("button", name="Restore", exact=True).click()
    page.wait_for_url("**/photos/*/")
    assert options(page) == [{"scale": 2, "colour": True}]
