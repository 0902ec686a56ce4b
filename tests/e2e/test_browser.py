"""People at their browser: Chromium against the whole system."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from tests.services import STATE, free_port
from tests.streams import eventually

from .people import SAMPLE, reload_until_completed, signed_up, upload
from .system import System, running

PHOTO = re.compile("/photos/[0-9a-f-]{36}/$")
BEFORE = ["/api/v1/photos/…/preview"]


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    """Run the system once for all of these; each test makes an account of its own."""
    env = {
        "PORT": str(free_port()),
        "DATABASE_URL": f"sqlite:///{STATE / 'browser.sqlite3'}",
        "MEDIA_ROOT": str(STATE / "browser"),
    }
    with running("run", **env) as system:
        yield system


@pytest.fixture(scope="module")
def site(system: System) -> str:
    return system.site()


def upload_and_follow(page: Page, system: System) -> None:
    """Send a photo, of which nothing is told before its page follows it: the endpoint waits."""
    endpoint = system.part(r"restorer\.local")
    endpoint.suspend()
    try:
        with page.expect_response(re.compile("/api/v1/events/")):
            upload(page)
        page.wait_for_url(PHOTO)
    finally:
        endpoint.resume()


def test_the_result_appears_through_the_stream_alone(
    browser: Browser, system: System, site: str
) -> None:
    page = signed_up(browser, site, "ada")
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    upload_and_follow(page, system)
    requests: list[Request] = []
    page.on("request", lambda request: requests.append(request))
    page.evaluate("window.sameDocument = true")
    after = page.get_by_test_id("after")
    expect(after).to_be_visible()
    expect(page.get_by_test_id("status")).to_have_attribute("data-status", "completed")
    # Not wait_for_function: whatever is not so at once it asks by eval, which our policy forbids.
    eventually(lambda: after.evaluate("image => image.naturalWidth > 0"))
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.sameDocument"), "the page was loaded again"
    paths = [re.sub(r"[0-9a-f-]{36}", "…", request.url.removeprefix(site)) for request in requests]
    # The page's own style, scripts and icon may still be on their way when we begin to listen.
    later = [path for path in paths if not path.startswith(("/static/", "/api/v1/events/"))]
    assert later in (["/api/v1/restores/…/preview"], [*BEFORE, "/api/v1/restores/…/preview"])
    assert problems == []


def test_no_request_follows_completed_but_the_picture_s(
    browser: Browser, system: System, site: str
) -> None:
    page = signed_up(browser, site, "bob")
    order: list[str] = []
    page.on("request", lambda request: order.append(request.url.removeprefix(site)))
    page.expose_function("heard", lambda: order.append("completed"))
    page.add_init_script(
        "const { parse } = JSON;"
        "JSON.parse = (text) => {"
        "  const data = parse(text);"
        "  if (data.status === 'completed') window.heard();"
        "  return data;"
        "};"
    )
    upload_and_follow(page, system)
    expect(page.get_by_test_id("after")).to_be_visible()
    page.wait_for_load_state("networkidle")
    # But the icon's, which may come as late as now.
    after = [path for path in order[order.index("completed") + 1 :] if "favicon" not in path]
    assert len(after) <= 1
    assert all(re.fullmatch(r"/api/v1/restores/[0-9a-f-]{36}/preview", path) for path in after)


def test_without_javascript_the_page_shows_the_true_state_after_a_reload(
    browser: Browser, site: str
) -> None:
    page = signed_up(browser, site, "eve", java_script_enabled=False)
    upload(page)
    page.wait_for_url(PHOTO)
    reload_until_completed(page)
    expect(page.get_by_test_id("after")).to_be_visible()


def test_a_file_that_is_no_picture_is_refused_beside_its_field(
    browser: Browser, site: str, tmp_path: Path
) -> None:
    page = signed_up(browser, site, "dan")
    diary = tmp_path / "diary.jpg"
    diary.write_text("Dear diary")
    upload(page, diary)
    expect(page.get_by_text("This is not a picture that we can read.").first).to_be_visible()
    expect(page.get_by_text("Allowed: JPEG, PNG, WebP").first).to_be_visible()


def test_the_grid_is_live_over_one_stream(browser: Browser, site: str) -> None:
    page = signed_up(browser, site, "kim")
    second = page.context.new_page()
    upload(page)
    page.wait_for_url(re.compile("/photos/"))
    expect(page.get_by_test_id("after")).to_be_visible()
    streams: list[str] = []
    second.on(
        "request",
        lambda request: streams.append(request.url) if "/events" in request.url else None,
    )
    second.goto("/")
    expect(second.locator(".status").first).to_have_attribute("data-status", "completed")
    second.evaluate(
        """() => {
          const status = document.querySelector('.status');
          window.seen = [];
          const note = () => seen.push(status.dataset.status);
          new MutationObserver(note).observe(status, { attributes: true });
        }"""
    )
    page.locator("[data-again] [type=submit]").click()
    # Also gone if the page was loaded again.
    eventually(lambda: second.evaluate("seen.at(-1) === 'completed'"))
    assert second.evaluate("seen[0]") != "completed"
    assert len(streams) == 1


def test_the_old_client_s_page_works_unchanged(browser: Browser, site: str) -> None:
    page = signed_up(browser, site, "old")
    upload(page)
    page.wait_for_url(re.compile("/photos/"))
    data = page.evaluate(
        """async () => {
          const photo = location.pathname.split('/')[2];
          const answer = await fetch('/api/v1/photos/' + photo);
          const id = (await answer.json()).jobs[0].job_id;
          const source = new EventSource('/api/v1/events/' + id);
          return new Promise((resolve) => source.addEventListener('completed', (event) => {
            source.close();
            resolve(JSON.parse(event.data));
          }));
        }"""
    )
    assert data["status"] == "completed"
    assert {"job_id", "restore_id"} <= set(data)


def test_an_event_source_is_told_to_stop_by_204(browser: Browser, site: str) -> None:
    page = signed_up(browser, site, "stop")
    upload(page)
    expect(page.get_by_test_id("after")).to_be_visible()
    statuses: list[int] = []
    page.on(
        "response",
        lambda answer: statuses.append(answer.status) if "/events/" in answer.url else None,
    )
    with page.expect_response(lambda answer: answer.status == 204):
        state = page.evaluate(
            """async () => {
          const photo = location.pathname.split('/')[2];
          const job = (await (await fetch('/api/v1/photos/' + photo)).json()).jobs[0];
          const source = new EventSource(job.events_url);
          let errors = 0;
          return new Promise((resolve) => source.addEventListener('error', () => {
            errors += 1;
            if (source.readyState === EventSource.CLOSED) resolve(errors);
          }));
        }"""
        )
    assert state >= 1
    assert statuses == [200, 204]


def test_a_photo_that_is_deleted_leaves_every_open_page(browser: Browser, site: str) -> None:
    page = signed_up(browser, site, "del")
    page.locator("input[type=file]").set_input_files(SAMPLE)
    # By the API, which is not asked to restore it: so nothing ends before we delete it.
    photo = page.evaluate(
        """async () => {
          const form = new FormData(document.querySelector('[data-upload]'));
          const headers = { 'X-CSRFToken': form.get('csrfmiddlewaretoken') };
          const answer = await fetch('/api/v1/photos', { method: 'POST', body: form, headers });
          return (await answer.json()).photo.id;
        }"""
    )
    grid, other = page.context.new_page(), page.context.new_page()
    for open_page, path in ((grid, "/"), (other, f"/photos/{photo}/"), (page, f"/photos/{photo}/")):
        open_page.goto(path)
    expect(grid.locator(".card")).to_have_count(1)
    page.get_by_role("link", name="Delete this photo").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("The photo was deleted.")).to_be_visible()
    expect(other.get_by_role("heading", name="This photo was deleted")).to_be_visible()
    expect(other.get_by_role("link", name="See all photos")).to_have_attribute("href", "/")
    expect(grid.locator(".card")).to_have_count(0)
    expect(grid.get_by_role("heading", name="No photos yet")).to_be_visible()


def test_pages_of_others_do_not_exist(browser: Browser, site: str) -> None:
    mine = signed_up(browser, site, "mine")
    upload(mine)
    mine.wait_for_url(re.compile("/photos/"))
    theirs = signed_up(browser, site, "theirs")
    answer = theirs.goto(mine.url)
    assert answer
    assert answer.status == 404
