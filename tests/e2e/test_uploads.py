"""Photos on their way: many, bad ones, by camera and drop, and a server that goes away."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from tests.streams import eventually

from .axe import violations
from .people import SAMPLE, signed_up, upload
from .streams.server import Server


@pytest.fixture
def batch(tmp_path: Path) -> list[Path]:
    """Return thirty files of which three are bad, and two the same."""
    paths = [tmp_path / f"photo-{number:02}.png" for number in range(27)]
    for number, path in enumerate(paths):
        Image.linear_gradient("L").resize((64 + number, 48)).save(path)
    shutil.copy(paths[0], paths[1])
    bad = [tmp_path / name for name in ("empty.jpg", "diary.jpg", "cut.jpg")]
    for path, content in zip(bad, (b"", b"Dear diary", SAMPLE.read_bytes()[:5000]), strict=True):
        path.write_bytes(content)
    return [*paths[:9], bad[0], *paths[9:18], bad[1], *paths[18:], bad[2]]


def send(page: Page, *files: Path) -> Locator:
    """Send the files by the form; return the lines that tell of them."""
    page.locator("input[type=file]").set_input_files(files)
    page.locator("main [type=submit]").first.click()
    return page.locator("[data-uploads] li")


def saying(lines: Locator, name: str) -> Locator:
    return lines.locator(f"[data-says={name}]:not([hidden])")


def test_of_thirty_the_good_are_kept_and_the_bad_say_why(
    browser: Browser, server: Server, batch: list[Path]
) -> None:
    page = signed_up(browser, server.address, "batch")
    lines = send(page, *batch)
    expect(page.locator(".card")).to_have_count(26)
    expect(saying(lines, "refused")).to_have_count(3)
    expect(saying(lines, "known")).to_have_count(1)
    for name, words in (
        ("empty.jpg", "The file is empty."),
        ("diary.jpg", "This is not a picture that we can read."),
        ("cut.jpg", "The picture is damaged or cut off"),
    ):
        expect(lines.filter(has_text=name)).to_contain_text(words)
    for _ in range(4):
        lines.first.get_by_role("button", name="Remove").click()
    expect(page.locator("[data-uploads]")).to_be_hidden()


def test_without_javascript_they_are_told_apart_too(
    browser: Browser, server: Server, batch: list[Path]
) -> None:
    page = signed_up(browser, server.address, "plain", java_script_enabled=False)
    send(page, *batch)
    expect(page.get_by_text("26 photos are being restored.")).to_be_visible()
    expect(page.get_by_text("You have this photo already")).to_have_count(1)
    refused = page.locator("#image_error li")
    expect(refused).to_have_count(3)
    for name in ("empty.jpg", "diary.jpg", "cut.jpg"):
        expect(refused.filter(has_text=name)).to_have_count(1)
    expect(page.locator(".card")).to_have_count(26)


def test_however_many_are_on_their_way_photos_are_below_them_within_a_screen(
    browser: Browser, server: Server, batch: list[Path]
) -> None:
    page = signed_up(browser, server.address, "heap")
    page.set_viewport_size({"width": 390, "height": 844})
    page.route("**/photos/new/", lambda route: route.abort())
    lines = send(page, *batch)
    expect(saying(lines, "unsent")).to_have_count(30)
    # They came into sight by themselves.
    expect(lines.first).to_be_in_viewport()
    box = page.locator("[data-uploads]").bounding_box()
    assert box
    assert box["height"] < 844 / 2
    name, button = lines.first.locator(".name"), lines.first.get_by_role("button", name="Remove")
    line, beside = name.bounding_box(), button.bounding_box()
    assert line
    assert beside
    assert line["x"] + line["width"] <= beside["x"]
    assert violations(page) == []


def test_names_that_have_no_end_widen_nothing(browser: Browser, server: Server) -> None:
    page = signed_up(browser, server.address, "w" * 150)
    page.set_viewport_size({"width": 320, "height": 640})
    page.locator("summary").click()
    page.locator("[name=title]").fill("M" * 200)
    upload(page)
    page.wait_for_url(re.compile("/photos/"))
    for path in (page.url, f"{page.url}delete/", "/account/", "/"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") == 320, path
    page.locator(".card [type=checkbox]").check()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("button", name="Delete for good")).to_be_visible()
    # What was sent by a form has no address to come back to, where its language could be changed.
    expect(page.get_by_role("button", name="Deutsch")).to_have_count(0)


def test_a_file_beyond_the_limit_is_not_sent_at_all(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    page = signed_up(browser, server.address, "large")
    large = tmp_path / "large.jpg"
    with large.open("wb") as file:
        file.truncate(50 * 1024 * 1024 + 1)
    posts: list[str] = []
    # The icon's request may come as late as now.
    page.on("request", lambda it: posts.append(it.url) if it.method == "POST" else None)
    lines = send(page, large)
    expect(saying(lines, "large")).to_contain_text("The file is too large. Allowed: JPEG")
    expect(lines.get_by_role("button", name="Try again")).to_be_hidden()
    assert posts == []


def test_a_photo_is_taken_by_the_phone_s_camera(browser: Browser, server: Server) -> None:
    page = signed_up(browser, server.address, "phone", has_touch=True, is_mobile=True)
    with page.expect_file_chooser() as choosing:
        page.get_by_role("button", name="Take a picture").tap()
    input = choosing.value.element
    assert (input.get_attribute("capture"), input.get_attribute("accept")) == (
        "environment",
        "image/*",
    )
    choosing.value.set_files(SAMPLE)
    expect(page.locator(".card")).to_have_count(1)
    # The same again, as who takes it anew may find.
    with page.expect_file_chooser() as again:
        page.get_by_role("button", name="Take a picture").tap()
    again.value.set_files(SAMPLE)
    expect(saying(page.locator("[data-uploads] li"), "known")).to_have_count(1)


def test_who_has_no_camera_is_not_offered_one(browser: Browser, server: Server) -> None:
    page = signed_up(browser, server.address, "desk")
    expect(page.locator("[data-camera]")).to_be_hidden()


def test_a_photo_dropped_beside_the_form_is_taken_in(browser: Browser, server: Server) -> None:
    page = signed_up(browser, server.address, "beside")
    form = page.locator("[data-upload]")
    dragged = page.evaluate_handle(
        """content => {
          const transfer = new DataTransfer();
          const bytes = new Uint8Array(content);
          transfer.items.add(new File([bytes], 'gran.jpg', { type: 'image/jpeg' }));
          return transfer;
        }""",
        list(SAMPLE.read_bytes()),
    )
    page.dispatch_event("h1", "dragover", {"dataTransfer": dragged})
    expect(form).to_have_class(re.compile(r"\bover\b"))
    page.dispatch_event("h1", "drop", {"dataTransfer": dragged})
    expect(form).not_to_have_class(re.compile(r"\bover\b"))
    expect(page.get_by_role("heading", name="gran")).to_be_visible()


def test_a_text_dropped_is_none_of_ours(browser: Browser, server: Server) -> None:
    page = signed_up(browser, server.address, "words")
    taken = page.evaluate(
        """() => ['dragover', 'drop'].map((type) => {
          const dataTransfer = new DataTransfer();
          dataTransfer.setData('text/plain', 'gran');
          const event = new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer });
          document.querySelector('h1').dispatchEvent(event);
          return event.defaultPrevented;
        })"""
    )
    assert taken == [False, False]


def test_a_file_that_is_gone_is_not_taken_for_a_lost_connection(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    page = signed_up(browser, server.address, "moved")
    photo = tmp_path / "moved.jpg"
    shutil.copy(SAMPLE, photo)
    page.locator("input[type=file]").set_input_files(photo)
    photo.unlink()
    page.locator("main [type=submit]").first.click()
    lines = page.locator("[data-uploads] li")
    expect(saying(lines, "unreadable")).to_contain_text("a file that was moved")
    expect(lines.get_by_role("button", name="Try again")).to_be_hidden()


def test_what_a_proxy_finds_too_large_is_called_so(browser: Browser, server: Server) -> None:
    page = signed_up(browser, server.address, "proxy")
    page.route("**/photos/new/", lambda route: route.fulfill(status=413))
    upload(page)
    lines = page.locator("[data-uploads] li")
    expect(saying(lines, "large")).to_contain_text("The file is too large.")


def test_a_picture_of_this_page_that_is_dragged_about_is_no_new_photo(
    browser: Browser, server: Server
) -> None:
    page = signed_up(browser, server.address, "dragger")
    taken = page.evaluate(
        """() => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File(['x'], 'thumbnail.jpg', { type: 'image/jpeg' }));
          const init = { bubbles: true, cancelable: true, dataTransfer };
          return ['dragstart', 'dragover', 'drop', 'dragend', 'dragover'].map((type) => {
            const event = new DragEvent(type, init);
            document.querySelector('h1').dispatchEvent(event);
            return event.defaultPrevented;
          });
        }"""
    )
    assert taken == [False, False, False, False, True]
    expect(page.locator("[data-uploads] li")).to_have_count(0)


@pytest.mark.parametrize(("selector", "taken"), [("[name=title]", False), ("h1", True)])
def test_a_text_that_is_pasted_into_a_field_stays_one(
    browser: Browser, server: Server, selector: str, taken: bool
) -> None:
    page = signed_up(browser, server.address, f"paster-{taken}")
    was_taken = page.evaluate(
        """(selector) => {
          const clipboardData = new DataTransfer();
          clipboardData.setData('text/plain', 'Gran');
          clipboardData.items.add(new File(['x'], 'image.png', { type: 'image/png' }));
          const event = new ClipboardEvent('paste', {
            bubbles: true, cancelable: true, clipboardData,
          });
          document.querySelector(selector).dispatchEvent(event);
          return event.defaultPrevented;
        }""",
        selector,
    )
    assert was_taken is taken


def test_what_a_dying_server_did_not_get_is_sent_once_it_is_back(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    page = signed_up(browser, server.address, "dying")
    slow(page, bytes_a_second=20_000)
    # So large that neither is there when the server dies.
    photos = [tmp_path / name for name in ("noise.png", "more.png")]
    for photo in photos:
        Image.effect_noise((600, 600), 90).save(photo)
    lines = send(page, *photos)
    bar = lines.first.locator("progress")
    eventually(lambda: bar.evaluate("bar => bar.value > 0"))
    server.kill()
    expect(saying(lines, "unsent")).to_have_count(2)
    expect(bar).to_be_hidden()
    slow(page, bytes_a_second=-1)
    server.start()
    expect(page.locator(".card")).to_have_count(2)
    expect(lines).to_have_count(0)


def slow(page: Page, *, bytes_a_second: int) -> None:
    """Let the page send no faster than that."""
    devtools = page.context.new_cdp_session(page)
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1}
    devtools.send(
        "Network.emulateNetworkConditions", {**limits, "uploadThroughput": bytes_a_second}
    )


def test_a_fault_of_the_server_is_said_to_be_its_own(browser: Browser, server: Server) -> None:
    page = signed_up(browser, server.address, "fault")
    page.route("**/photos/new/", lambda route: route.fulfill(status=503))
    upload(page)
    lines = page.locator("[data-uploads] li")
    expect(saying(lines, "trouble")).to_contain_text("The fault is ours.")
    page.unroute("**/photos/new/")
    lines.get_by_role("button", name="Try again").click()
    expect(page).to_have_url(re.compile("/photos/"))


def test_who_was_signed_out_meanwhile_is_told_so(browser: Browser, server: Server) -> None:
    page = signed_up(browser, server.address, "gone")
    page.context.clear_cookies()
    upload(page)
    lines = page.locator("[data-uploads] li")
    expect(saying(lines, "expired")).to_contain_text("You were signed out")
    lines.get_by_role("link", name="Reload the page").click()
    expect(page).to_have_url(re.compile("/accounts/sign-in/"))
