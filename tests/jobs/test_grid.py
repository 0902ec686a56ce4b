"""The grid of photos and what comes into it: pages, filters, uploads."""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from jobs import intake, lifecycle
from jobs.models import Job, Photo, Restore, Status
from tests import factories
from tests.together import together

pytestmark = pytest.mark.django_db


def text(response: Any) -> str:
    return str(response.content.decode())


def titles(response: Any) -> list[str]:
    return re.findall(r"<h3>(.*?)</h3>", text(response))


def file(number: int = 0, name: str = "a.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, factories.picture(size=(64 + number, 48)))


def completed(job: Job, id: str = "") -> Restore:
    attempt, _ = factories.attempt(job)
    lifecycle.apply_report(attempt=attempt, report=factories.report(id=id or f"done-{job.pk}"))
    return Restore.objects.get(job=job)


def link(response: Any, rel: str) -> str | None:
    found = re.search(rf'rel="{rel}" href="(.*?)"', text(response))
    return found[1].replace("&amp;", "&") if found else None


# Pages


def photos(user: User, count: int) -> None:
    made = Photo.objects.bulk_create(
        Photo(owner=user, title=f"{n:03}", format="JPEG", width=4, height=3, bytes=1)
        for n in range(count)
    )
    Job.objects.bulk_create(Job(photo=photo, owner=user) for photo in made)


def test_pages_lead_from_the_newest_to_the_oldest_and_back(browser: Client, user: User) -> None:
    photos(user, 100)
    pages = [browser.get("/")]
    while older := link(pages[-1], "next"):
        pages.append(browser.get(f"/{older}"))
    seen = [title for page in pages for title in titles(page)]
    assert [len(titles(page)) for page in pages] == [48, 48, 4]
    assert sorted(seen, reverse=True) == [f"{n:03}" for n in reversed(range(100))]
    assert titles(browser.get(f"/{link(pages[1], 'prev')}")) == titles(pages[0])


@pytest.mark.parametrize(
    "query", ["cursor=x", "cursor=cD14", "cursor=%00", "state=x", "cursor=bz0x"]
)
def test_a_page_that_is_none_does_not_exist_or_is_the_first(browser: Client, query: str) -> None:
    assert browser.get(f"/?{query}", follow=True).status_code in (200, 404)


@pytest.mark.parametrize("query", ["", "state=new"])
def test_a_page_whose_photos_are_gone_is_the_first(browser: Client, user: User, query: str) -> None:
    photos(user, 60)
    older = link(browser.get(f"/?{query}"), "next")
    Photo.objects.filter(title__lt="012").delete()
    assert browser.get(f"/{older}")["Location"] == f"/?{query}".rstrip("?")


def test_queries_do_not_grow_with_the_photos(
    browser: Client, user: User, django_assert_num_queries: Any
) -> None:
    completed(factories.job(user))
    with django_assert_num_queries(6) as few:
        browser.get("/")
    photos(user, 47)
    for _ in range(3):
        completed(factories.job(user))
    with django_assert_num_queries(len(few)):
        assert len(titles(browser.get("/"))) == 48


@pytest.mark.parametrize(
    ("state", "shows"),
    [
        ("running", {"pending", "queued", "processing"}),
        ("done", {"completed"}),
        ("failed", {"failed", "cancelled", "timed_out"}),
        ("new", {"created"}),
    ],
)
def test_photos_are_filtered_by_state(
    browser: Client, user: User, state: str, shows: set[str]
) -> None:
    words = {ours: theirs for theirs, ours in lifecycle.STATUSES.items()}
    for status in Status:
        job = factories.job(user, title=status.value)
        attempt, _ = factories.attempt(job)
        if status in words:
            report = factories.report(words[status], id=status.value)
            lifecycle.apply_report(attempt=attempt, report=report)
        else:
            Job.objects.filter(pk=job.pk).update(status=status)
    page = browser.get(f"/?state={state}")
    assert set(titles(page)) == shows
    assert page.content.count(b'aria-current="page"') >= 1


def test_a_photo_is_shown_once_with_its_newest_job(browser: Client, user: User) -> None:
    job = factories.job(user, title="Gran")
    restore = completed(job)
    intake.request_new_job(photo=job.photo, options={})
    page = text(browser.get("/"))
    assert page.count("data-photo=") == 1
    assert 'data-status="pending"' in page
    assert f"/api/v1/restores/{restore.pk}/thumbnails/480.jpg" in page


def test_pictures_say_how_large_they_are_and_come_in_three_sizes(
    browser: Client, user: User
) -> None:
    job = factories.job(user, file=factories.picture(size=(1200, 600)))
    page = text(browser.get("/"))
    base = f"/api/v1/photos/{job.photo_id}/thumbnails/"
    for extension in ("webp", "jpg"):
        sizes = ", ".join(f"{base}{side}.{extension} {side}w" for side in (240, 480, 960))
        assert f'srcset="{sizes}"' in page
    assert 'width="1200" height="600"' in page


# New ones


def test_several_come_in_one_form(browser: Client) -> None:
    files = [file(n, f"{n}.jpg") for n in range(3)]
    answer = browser.post("/", {"image": files, "preset": "enlarge-2"})
    assert answer.url == "/"  # type: ignore[attr-defined]
    page = browser.get("/")
    assert "3 photos are being restored." in text(page)
    assert titles(page) == ["2", "1", "0"]
    assert set(Job.objects.values_list("status", "options__scale")) == {("pending", 2)}


def test_of_several_the_good_ones_are_kept(browser: Client) -> None:
    files = [file(name="gran.jpg"), SimpleUploadedFile("diary.jpg", b"Dear diary")]
    answer = browser.post("/", {"image": files})
    assert answer.status_code == 400
    assert "diary.jpg: This is not a picture that we can read." in text(answer)
    assert "1 photo is being restored." in text(answer)
    assert titles(answer) == ["gran"]


def test_a_form_without_a_photo_says_so(browser: Client) -> None:
    assert "Choose at least one photo." in text(browser.post("/", {}, follow=True))
    assert browser.post("/photos/new/", {}).status_code == 400


def test_the_same_photo_is_offered_and_not_stored_twice(browser: Client) -> None:
    first = browser.post("/", {"image": file(name="gran.jpg")})
    again = browser.post("/", {"image": file(name="copy.jpg")}, follow=True)
    assert again.redirect_chain[0][0] == first.url  # type: ignore[attr-defined]
    assert "You have this photo already: gran" in text(again)
    assert Photo.objects.count() == 1


def test_twice_the_same_in_one_form_is_one(browser: Client) -> None:
    browser.post("/", {"image": [file(), file()]})
    assert Photo.objects.count() == 1


def test_what_somebody_else_has_is_new_to_me(browser: Client) -> None:
    factories.job(factories.user("eve"), file=factories.picture())
    browser.post("/", {"image": file()})
    assert Photo.objects.count() == 2


def test_a_script_sends_one_and_gets_its_card(browser: Client) -> None:
    answer = browser.post("/photos/new/", {"image": file(name="gran.jpg")})
    assert answer.status_code == 201
    assert titles(answer) == ["gran"]
    known = browser.post("/photos/new/", {"image": file()})
    assert (known.status_code, titles(known)) == (200, ["gran"])


def test_a_script_is_told_why_not(browser: Client) -> None:
    bad = browser.post("/photos/new/", {"image": SimpleUploadedFile("a.jpg", b"Dear diary")})
    assert bad.status_code == 400
    assert text(bad).startswith("This is not a picture that we can read.")
    odd = browser.post("/photos/new/", {"image": file(), "scale": "9"})
    assert "9 is not one of the available choices" in text(odd)


def test_a_script_asks_before_it_sends(browser: Client, user: User) -> None:
    data = factories.picture()
    path = f"/photos/kept/{hashlib.sha256(data).hexdigest()}/"
    assert browser.get(path).status_code == 204
    factories.job(factories.user("eve"), file=data)
    assert browser.get(path).status_code == 204
    factories.job(user, file=data, title="Gran")
    assert titles(browser.get(path)) == ["Gran"]


def presets(page: str) -> list[str]:
    return re.findall(r'type="radio" name="preset" value="(.*?)"', page)


def test_only_what_the_endpoint_can_do_is_offered(browser: Client, settings: Any) -> None:
    assert presets(text(browser.get("/"))) == ["repair", "enlarge-2", "enlarge-4"]
    settings.RUNPOD_ENDPOINT_KIND = "comfyui"
    settings.RUNPOD_COMFYUI_WORKFLOWS = ["faces", "redraw"]
    page = text(browser.get("/"))
    assert presets(page) == ["faces", "redraw"]
    assert 'name="strength"' in page
    assert 'name="colour"' not in page


def test_details_take_the_place_of_the_preset_s(browser: Client, settings: Any) -> None:
    settings.RUNPOD_ENDPOINT_KIND = "comfyui"
    settings.RUNPOD_COMFYUI_WORKFLOWS = ["faces", "redraw"]
    browser.post("/", {"image": file(), "preset": "redraw", "strength": "0.5", "prompt": ""})
    options = Job.objects.get().options
    assert (options["workflow"], options["strength"]) == ("redraw", 0.5)
    answer = browser.post("/", {"image": file(1), "preset": "redraw", "strength": "0.9"})
    assert "Ensure this value is less than or equal to 0.8" in text(answer)
    assert Photo.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite writes one at a time.")
def test_the_same_photo_at_the_same_time_is_stored_once(user: User) -> None:
    data = factories.picture()

    def upload() -> None:
        with suppress(intake.AlreadyKeptError):
            factories.job(user, file=data, once=True)

    together(*[upload] * 4)
    assert Photo.objects.count() == 1


def test_the_card_of_a_photo_is_its_owner_s(browser: Client, user: User) -> None:
    mine, theirs = factories.job(user, title="Gran"), factories.job(factories.user("eve"))
    answer = browser.get(f"/photos/{mine.photo_id}/card/")
    assert titles(answer) == ["Gran"]
    assert "no-store" in answer["Cache-Control"]
    assert browser.get(f"/photos/{theirs.photo_id}/card/").status_code == 404
