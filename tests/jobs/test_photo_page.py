"""One photo's page: its results, its times, its downloads."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from PIL import Image

from jobs import intake, lifecycle, places
from jobs.models import Job, Restore
from tests import factories
from tests.jobs.test_pictures import SRGB

pytestmark = pytest.mark.django_db


def completed(job: Job, **output: Any) -> Restore:
    attempt, _ = factories.attempt(job)
    report = factories.report(id=f"done-{job.pk}", **output)
    lifecycle.apply_report(attempt=attempt, report=report)
    return Restore.objects.get(job=job)


def page(browser: Client, job: Job) -> str:
    return browser.get(f"/photos/{job.photo_id}/").content.decode()


def shown(html: str) -> str | None:
    found = re.search(r'data-testid="after" src="/api/v1/restores/(.*?)/preview"', html)
    return found[1] if found else None


def test_the_newest_result_is_shown_until_another_is_chosen(browser: Client, user: User) -> None:
    job = factories.job(user)
    first = completed(job)
    second = completed(intake.request_new_job(photo=job.photo, options={"scale": 2}))
    assert shown(page(browser, job)) == str(second.pk)
    browser.post(f"/restores/{first.pk}/choose/")
    html = page(browser, job)
    assert shown(html) == str(first.pk)
    assert f"/restores/{second.pk}/choose/" in html
    assert "Twice as large" in html.partition('class="earlier"')[2]
    assert "Twice as large" not in html.partition("<form")[0]
    assert f"/api/v1/restores/{first.pk}/thumbnails" in browser.get("/").content.decode()
    third = completed(intake.request_new_job(photo=job.photo, options={}))
    assert shown(page(browser, job)) == str(third.pk)


def test_a_result_stays_in_sight_while_the_next_is_made(browser: Client, user: User) -> None:
    job = factories.job(user)
    first = completed(job)
    intake.request_new_job(photo=job.photo, options={})
    html = page(browser, job)
    assert shown(html) == str(first.pk)
    assert 'data-status="pending"' in html


def test_the_timeline_has_each_moment_that_has_come(browser: Client, user: User) -> None:
    job = factories.job(user, options={})
    attempt, _ = factories.attempt(job)

    def moments() -> list[str]:
        return re.findall(r'<li data-moment="(\w+)">', page(browser, job))

    assert moments() == ["requested_at"]
    for word in ("IN_QUEUE", "IN_PROGRESS", "COMPLETED"):
        lifecycle.apply_report(attempt=attempt, report=factories.report(word))
    assert moments() == ["requested_at", "queued_at", "started_at", "finished_at"]


def test_who_waits_is_told_how_many_are_before(browser: Client, user: User) -> None:
    before = factories.job(factories.user("eve"), options={})
    job = factories.job(user, options={})
    factories.job(user, options={})
    assert "One photo is before it." in page(browser, job)
    lifecycle.fail(job=before, code="lost", message="Lost.", retryable=True)
    places.tell()
    html = page(browser, job).partition('id="words"')[0]
    assert "It is next." in html
    assert "before it" not in html


def test_trying_again_asks_for_the_same(browser: Client, user: User) -> None:
    job = factories.job(user, options={"scale": 4})
    lifecycle.fail(job=job, code="lost", message="Lost.", retryable=True)
    assert "Trying again may help." in page(browser, job)
    browser.post(f"/photos/{job.photo_id}/again/")
    assert Job.objects.newest().get().options == {"scale": 4}
    assert Job.objects.newest().get() != job


@pytest.mark.parametrize(
    ("source", "format", "encoder", "name"),
    [
        ("JPEG", "jpeg", "JPEG", "Gran-restored.jpg"),
        ("JPEG", "png", "PNG", "Gran-restored.png"),
        ("JPEG", "webp", "WEBP", "Gran-restored.webp"),
        ("TIFF", "tiff", "TIFF", "Gran-restored.tif"),
        ("HEIF", "heic", "HEIF", "Gran-restored.heic"),
        ("AVIF", "avif", "AVIF", "Gran-restored.avif"),
    ],
)
def test_a_result_is_downloaded_in_the_format_one_wants(
    browser: Client, user: User, source: str, format: str, encoder: str, name: str
) -> None:
    job = factories.job(user, file=factories.picture(source), title="Gran")
    restore = completed(job)
    path = f"/restores/{restore.pk}/{format}/"
    assert f'href="{path}"' in page(browser, job)
    answer: Any = browser.get(path)
    image = Image.open(io.BytesIO(b"".join(answer.streaming_content)))
    assert (image.format, image.size) == (encoder, (64, 48))
    assert f'filename="{name}"' in answer["Content-Disposition"]


@pytest.mark.parametrize(
    ("format", "name", "type"),
    [
        ("JPEG", "Gran.jpg", "image/jpeg"),
        ("TIFF", "Gran.tif", "image/tiff"),
        ("HEIF", "Gran.heic", "image/heic"),
        ("AVIF", "Gran.avif", "image/avif"),
    ],
)
def test_the_original_is_the_very_file_that_was_uploaded(
    browser: Client, user: User, format: str, name: str, type: str
) -> None:
    file = factories.picture(format)
    job = factories.job(user, file=file, title="Gran")
    path = f"/photos/{job.photo_id}/original/"
    assert f'href="{path}"' in page(browser, job)
    answer: Any = browser.get(path)
    assert b"".join(answer.streaming_content) == file
    assert answer["Content-Disposition"] == f'attachment; filename="{name}"'
    assert answer["Content-Type"] == type


def test_a_download_keeps_the_colours_and_is_white_where_it_was_clear(
    browser: Client, user: User
) -> None:
    import base64

    picture = factories.picture("PNG", mode="RGBA", icc_profile=SRGB)
    output = {"image_base64": base64.b64encode(picture).decode()}
    restore = completed(factories.job(user), output=output)
    answer: Any = browser.get(f"/restores/{restore.pk}/jpeg/")
    image = Image.open(io.BytesIO(b"".join(answer.streaming_content)))
    assert image.mode == "RGB"
    assert image.info["icc_profile"] == SRGB


@pytest.mark.parametrize("format", ["tiff", "gif", "JPEG", "x"])
def test_there_is_no_other_format(browser: Client, user: User, format: str) -> None:
    restore = completed(factories.job(user))
    assert browser.get(f"/restores/{restore.pk}/{format}/").status_code == 404


def test_what_is_not_mine_does_not_exist(browser: Client) -> None:
    restore = completed(factories.job(factories.user("eve")))
    chosen = restore.chosen_at
    for path in ("choose/", "png/"):
        assert browser.post(f"/restores/{restore.pk}/{path}").status_code in (404, 405)
    assert browser.get(f"/restores/{restore.pk}/png/").status_code == 404
    assert browser.get(f"/photos/{restore.job.photo_id}/original/").status_code == 404
    assert browser.post(f"/photos/{restore.job.photo_id}/again/").status_code == 404
    restore.refresh_from_db()
    assert restore.chosen_at == chosen


def test_queries_do_not_grow_with_the_results(
    browser: Client, user: User, django_assert_num_queries: Any
) -> None:
    job = factories.job(user)
    completed(job)
    intake.request_new_job(photo=job.photo, options={})
    with django_assert_num_queries(9) as few:
        assert 'id="earlier-template"' in page(browser, job)
    for _ in range(5):
        completed(Job.objects.newest().get())
        intake.request_new_job(photo=job.photo, options={})
    with django_assert_num_queries(len(few)):
        assert page(browser, job).count("/choose/") == 6


def test_a_photo_that_was_never_started_keeps_no_empty_place(browser: Client, user: User) -> None:
    html = page(browser, factories.job(user))
    for part in ("data-modes", "data-doing", "data-notify", "data-earlier"):
        assert re.search(rf"<\w+ [^>]*{part}[^>]* hidden|<\w+ [^>]* hidden[^>]*{part}", html), part


def test_what_is_to_be_deleted_is_seen_at_once(browser: Client, user: User) -> None:
    job = factories.job(user)
    assert 'loading="lazy"' not in browser.get(f"/photos/{job.photo_id}/delete/").content.decode()


@pytest.mark.parametrize(("size", "is_wide"), [((300, 100), True), ((200, 100), False)])
def test_a_panorama_is_shown_as_wide_as_the_page(
    browser: Client, user: User, size: tuple[int, int], is_wide: bool
) -> None:
    job = factories.job(user, file=factories.picture(size=size))
    assert ('class="compare wide"' in page(browser, job)) is is_wide


def test_each_result_says_what_was_asked_for(browser: Client, user: User, settings: Any) -> None:
    settings.RUNPOD_ENDPOINT_KIND = "comfyui"
    settings.RUNPOD_COMFYUI_WORKFLOWS = ["redraw"]
    job = factories.job(user)
    asked = {"workflow": "redraw", "strength": 0.4, "prompt": "Gran", "seed": 7}
    completed(intake.request_new_job(photo=job.photo, options=asked))
    facts = page(browser, job).partition("data-result")[2].partition("</dl>")[0]
    assert re.search(r"Redraw, Strength: 0.4, Megapixels: .*, What it shows: Gran, Seed: 7", facts)
    completed(intake.request_new_job(photo=job.photo, options={"workflow": "redraw"}))
    earlier = page(browser, job).partition('class="earlier"')[2]
    assert "What it shows: Gran" in earlier


def test_of_many_results_every_one_is_reached(browser: Client, user: User) -> None:
    job = factories.job(user)
    first = completed(job)
    for _ in range(60):
        completed(intake.request_new_job(photo=job.photo, options={}))
    browser.post(f"/restores/{first.pk}/choose/")
    html = page(browser, job)
    assert shown(html) == str(first.pk)
    older = re.search(r'rel="next" href="(.*?)#earlier"', html)
    assert older
    rest = browser.get(f"/photos/{job.photo_id}/{older[1].replace('&amp;', '&')}").content.decode()
    assert shown(rest) == str(first.pk)
    found = {id for each in (html, rest) for id in re.findall(r"/restores/([\w-]+)/choose/", each)}
    assert found == {
        str(id) for id in Restore.objects.exclude(pk=first.pk).values_list("pk", flat=True)
    }


def download(html: str) -> str | None:
    """Return where the page's great button leads, if it is shown."""
    button = re.search(r"<a [^>]*data-download[^>]*>", html)
    assert button
    found = re.search(r"/restores/([\w-]+)/image", button[0])
    return found[1] if found and " hidden" not in button[0] else None


def test_what_is_seen_is_what_is_downloaded(browser: Client, user: User) -> None:
    job = factories.job(user)
    assert download(page(browser, job)) is None
    first = completed(job)
    second = completed(intake.request_new_job(photo=job.photo, options={}))
    assert download(page(browser, job)) == str(second.pk)
    browser.post(f"/restores/{first.pk}/choose/")
    assert download(page(browser, job)) == str(first.pk)
    third = intake.request_new_job(photo=job.photo, options={})
    assert download(page(browser, job)) is None  # the bar is in its place
    lifecycle.fail(job=third, code="lost", message="Lost.", retryable=True)
    assert download(page(browser, job)) == str(first.pk)
