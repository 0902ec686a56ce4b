"""The pages as everybody can use them, and what they cost: Chromium, photos in every state."""

from __future__ import annotations

import gzip
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Response, Route, expect

from tests.services import STATE, free_port

from . import scenes
from .axe import violations
from .people import SAMPLE, reload_until_completed, signed_up
from .scenes import SCENES
from .stage import Stage
from .system import clean_environment, running

ENV = {
    "PORT": str(free_port()),
    "DATABASE_URL": f"sqlite:///{STATE / 'pages.sqlite3'}",
    "MEDIA_ROOT": str(STATE / "pages"),
}


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with running("run", **ENV) as system:
        yield system.site()


@pytest.fixture(scope="module")
def stage(site: str) -> Stage:
    return Stage(clean_environment() | ENV)


@pytest.fixture
def problems() -> list[str]:
    return []


def watched(page: Page, problems: list[str]) -> Page:
    """Note what the page says in its console: scripts that fail, what the policy blocks."""
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    return page


def sideways(page: Page) -> int:
    script = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    return int(page.evaluate(script))


def pictures(folder: Path, count: int) -> list[Path]:
    """Return small pictures, no two the same."""
    paths = [folder / f"photo-{number:02}.png" for number in range(count)]
    for number, path in enumerate(paths):
        Image.linear_gradient("L").resize((64 + number, 48)).save(path)
    return paths


# A desktop; and 1280 pixels at a zoom of four hundred per cent, which is a phone's width and lower.
SIZES = ((1280, 800), (320, 256))


@pytest.mark.parametrize("name", SCENES)
def test_everybody_can_use_every_page_in_every_state(
    browser: Browser, site: str, stage: Stage, name: str
) -> None:
    page = stage.show(browser, site, name)
    scenes.opened(page)
    # Swagger UI's headings are its own.
    also = () if name.startswith("docs") else ("best-practice",)
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        assert violations(page, also=also) == []
        assert sideways(page) == 0
    page.context.close()


@pytest.mark.parametrize("name", SCENES)
def test_no_page_scrolls_sideways_in_any_language(
    browser: Browser, site: str, stage: Stage, name: str
) -> None:
    viewport = {"width": 320, "height": 640}
    for locale in ("de", "es"):
        page = stage.show(browser, site, name, viewport=viewport, locale=locale)
        scenes.opened(page)
        assert sideways(page) == 0
        page.context.close()


@pytest.mark.parametrize("name", ["photo-running", "photo-done", "photos"])
def test_scripts_and_styles_are_small(browser: Browser, site: str, stage: Stage, name: str) -> None:
    page = stage.visitor(browser, site)
    sizes = {"script": 0, "stylesheet": 0}
    bodies: list[Response] = []
    page.on("response", lambda response: bodies.append(response))
    page.goto(stage.path(name), wait_until="load")
    for response in bodies:
        if response.request.resource_type in sizes:
            sizes[response.request.resource_type] += len(gzip.compress(response.body()))
    assert 0 < sizes["stylesheet"] <= 10_000
    assert 0 < sizes["script"] <= (10_000 if name.startswith("photo-") else 12_000)


# Waits until the page was painted as it is now, and what has moved was told.
_SEEN = "new Promise((done) => requestAnimationFrame(() => setTimeout(done, 100)))"


@pytest.mark.parametrize("size", [(1280, 800), (412, 823), (320, 640)])
@pytest.mark.parametrize("name", ["photos", "photo-done", "photo-running", "shared"])
def test_nothing_jumps(
    browser: Browser, site: str, stage: Stage, name: str, size: tuple[int, int]
) -> None:
    page = stage.visitor(browser, site, viewport={"width": size[0], "height": size[1]})
    page.add_init_script(
        "window.shift = 0; new PerformanceObserver((list) => {"
        "  for (const entry of list.getEntries()) window.shift += entry.value;"
        "}).observe({ type: 'layout-shift', buffered: true });"
    )
    pictures = re.compile("/(preview|before|after|thumbnails)")
    held: list[Route] = []
    page.route(pictures, lambda route: held.append(route))
    with page.expect_request(pictures):
        page.goto(stage.path(name), wait_until="domcontentloaded")
    # Seen without its pictures first, whatever the machine is at.
    page.evaluate(_SEEN)
    page.unroute(pictures)  # which lets those go on that were held
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.evaluate(
        "Promise.all([...document.images].map((image) =>"
        "  image.complete || new Promise((done) => { image.onload = image.onerror = done; })))"
    )
    page.evaluate(_SEEN)
    assert held
    assert page.evaluate("window.shift") == 0
    page.context.close()


def test_thirty_photos_come_at_once_over_one_stream(
    browser: Browser, site: str, tmp_path: Path, problems: list[str]
) -> None:
    page = watched(signed_up(browser, site, "thirty"), problems)
    page.goto("about:blank")  # the first page's stream may be asked for as late as now
    streams: list[str] = []
    page.on(
        "request",
        lambda request: streams.append(request.url) if "/api/v1/events" in request.url else None,
    )
    page.goto("/")
    page.locator("input[type=file]").set_input_files(pictures(tmp_path, 30))
    page.locator("main [type=submit]").first.click()
    expect(page.locator(".card")).to_have_count(30)
    # While they run, another page of the site loads: HTTP/1.1 has connections left.
    other = page.context.new_page()
    other.goto("/")
    expect(other.locator(".card")).to_have_count(30)
    other.close()
    done = page.locator('.card .status[data-status="completed"]')
    expect(done).to_have_count(30)
    expect(page.locator("[data-uploads] li")).to_have_count(0)
    assert len(streams) == 1
    assert problems == []


def test_each_upload_tells_its_own_fate(browser: Browser, site: str, tmp_path: Path) -> None:
    page = signed_up(browser, site, "fates")
    diary = tmp_path / "diary.jpg"
    diary.write_text("Dear diary")
    good, again, lost = pictures(tmp_path, 3)
    shutil.copy(good, tmp_path / "copy.png")
    page.locator("input[type=file]").set_input_files([good, again])
    page.locator("main [type=submit]").first.click()
    expect(page.locator(".card")).to_have_count(2)
    page.context.set_offline(True)
    page.locator("input[type=file]").set_input_files([lost, tmp_path / "copy.png", diary])
    page.locator("main [type=submit]").first.click()
    lines = page.locator("[data-uploads] li")
    unsent = lines.locator("[data-says=unsent]:not([hidden])")
    expect(unsent).to_have_count(3)
    expect(unsent.first).to_contain_text("It did not arrive.")
    page.context.set_offline(False)
    expect(page.locator(".card")).to_have_count(3)
    expect(lines.locator("[data-says=refused]:not([hidden])")).to_contain_text("not a picture")
    expect(lines.locator("[data-says=known]:not([hidden])")).to_have_count(1)
    lines.first.get_by_role("button", name="Remove").click()
    expect(lines).to_have_count(1)


def drop(page: Page, type: str, selector: str) -> None:
    """Drop or paste a file, as a person would."""
    content = list(SAMPLE.read_bytes())
    page.evaluate(
        """([type, selector, content]) => {
          const transfer = new DataTransfer();
          const bytes = new Uint8Array(content);
          transfer.items.add(new File([bytes], 'gran.jpg', { type: 'image/jpeg' }));
          const init = { bubbles: true, cancelable: true };
          const event = type === 'paste'
            ? new ClipboardEvent(type, { ...init, clipboardData: transfer })
            : new DragEvent(type, { ...init, dataTransfer: transfer });
          document.querySelector(selector).dispatchEvent(event);
        }""",
        [type, selector, content],
    )


@pytest.mark.parametrize("type", ["drop", "paste"])
def test_photos_are_dropped_and_pasted(browser: Browser, site: str, type: str) -> None:
    page = signed_up(browser, site, type)
    drop(page, type, "[data-upload]")
    expect(page.locator(".card")).to_have_count(1)
    expect(page.get_by_role("heading", name="gran")).to_be_visible()


def test_by_keyboard_alone_one_compares_and_chooses(
    browser: Browser, site: str, stage: Stage
) -> None:
    page = stage.visitor(browser, site)
    page.goto(stage.path("photo-done"))
    slider = page.get_by_role("slider")
    until_focused(page, "input[type=range]")
    for key, value in (("ArrowRight", "51"), ("End", "100"), ("Home", "0"), ("PageUp", "10")):
        page.keyboard.press(key)
        expect(slider).to_have_value(value)
        expect(slider).to_have_attribute("aria-valuetext", f"{value} %")
    split = page.locator(".compare").evaluate(
        "element => element.style.getPropertyValue('--split')"
    )
    assert split == "10%"
    page.get_by_role("button", name="Hold to see the original").focus()
    page.keyboard.down("Space")
    expect(page.get_by_test_id("after")).to_be_hidden()
    page.keyboard.up("Space")
    expect(page.get_by_test_id("after")).to_be_visible()
    page.get_by_role("button", name="Side by side").press("Enter")
    before, after = page.locator(".before").bounding_box(), page.locator(".after").bounding_box()
    assert before
    assert after
    assert before["x"] + before["width"] <= after["x"]
    expect(slider).to_be_hidden()
    page.get_by_role("button", name="Show this one").press("Enter")
    expect(page.get_by_role("button", name="Show this one")).to_have_count(1)


def until_focused(page: Page, selector: str) -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab never reaches {selector}.")


def test_by_keyboard_alone_one_uploads_selects_and_deletes(
    browser: Browser, site: str, tmp_path: Path
) -> None:
    page = signed_up(browser, site, "keys")
    page.locator("input[type=file]").set_input_files(pictures(tmp_path, 2))
    until_focused(page, "main [type=submit]")
    page.keyboard.press("Enter")
    expect(page.locator(".card")).to_have_count(2)
    until_focused(page, ".card [type=checkbox]")
    page.keyboard.press("Space")
    page.get_by_role("button", name="Delete").press("Enter")
    expect(page.get_by_role("heading", name="Delete this photo?")).to_be_visible()
    page.get_by_role("button", name="Delete for good").press("Enter")
    expect(page.locator(".card")).to_have_count(1)


def test_without_javascript_everything_is_a_form(
    browser: Browser, site: str, tmp_path: Path
) -> None:
    page = signed_up(browser, site, "forms", java_script_enabled=False)
    page.locator("input[type=file]").set_input_files(pictures(tmp_path, 2))
    page.locator("main [type=submit]").first.click()
    expect(page.get_by_text("2 photos are being restored.")).to_be_visible()
    page.locator(".card a").first.click()
    page.wait_for_url(re.compile("/photos/[0-9a-f-]{36}/$"))
    reload_until_completed(page)
    expect(page.locator(".compare figure")).to_have_count(2)
    expect(page.get_by_role("slider")).to_have_count(0)
    page.get_by_role("button", name="Share by link").click()
    link = page.locator("#share-url").input_value()
    page.goto(link)
    expect(page.get_by_text("Shared with you until")).to_be_visible()
    page.go_back()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as WebP").click()
    assert download.value.suggested_filename == "photo-01-restored.webp"
    page.goto("/?state=done")
    page.locator(".card [type=checkbox]").first.check()
    with page.expect_download() as archive:
        page.get_by_role("button", name="Download as ZIP").click()
    assert re.fullmatch(r"photos-\d{4}-\d\d-\d\d\.zip", archive.value.suggested_filename)
    page.locator(".card [type=checkbox]").first.check()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("The photo was deleted.")).to_be_visible()


def test_who_looks_elsewhere_sees_it_by_title_and_icon(
    browser: Browser, site: str, tmp_path: Path
) -> None:
    page = signed_up(browser, site, "elsewhere")
    page.add_init_script(
        "Object.defineProperty(document, 'hidden', { get: () => window.away ?? false });"
    )
    page.reload()
    page.evaluate("window.away = true")
    page.locator("input[type=file]").set_input_files(pictures(tmp_path, 2))
    page.locator("main [type=submit]").first.click()
    expect(page).to_have_title(re.compile(r"^\(2\) My photos"))
    icon = page.locator("link[rel=icon]")
    expect(icon).to_have_attribute("href", re.compile("favicon-done"))
    page.evaluate("window.away = false; dispatchEvent(new Event('visibilitychange'))")
    expect(page).to_have_title(re.compile("^My photos"))
    expect(icon).not_to_have_attribute("href", re.compile("favicon-done"))


def test_a_job_is_cancelled_and_tried_again(browser: Browser, site: str, stage: Stage) -> None:
    page = stage.visitor(browser, site)
    page.goto(stage.path("photo-queued"))
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_test_id("status")).to_have_attribute("data-status", "cancelled")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_test_id("status")).to_have_attribute("data-status", "completed")


def test_a_shared_photo_opens_by_its_password(browser: Browser, site: str, stage: Stage) -> None:
    page = stage.show(browser, site, "shared-wrong-password")
    expect(page.get_by_role("alert")).to_have_text("This is not the password.")
    page.context.close()
    page = stage.show(browser, site, "shared-unlocked")
    expect(page.get_by_text("Shared with you until")).to_be_visible()
    page.context.close()
