"""Several photos at once: restored, downloaded as one archive, deleted."""

from __future__ import annotations

import io
from typing import Any
from zipfile import ZipFile

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.test import Client
from PIL import Image

from jobs import lifecycle
from jobs.models import Job, Photo, Status
from tests import factories

pytestmark = pytest.mark.django_db


def select(browser: Client, jobs: list[Job], action: str, **fields: str) -> Any:
    ids = [str(job.photo_id) for job in jobs]
    return browser.post("/photos/selection/", {"photo": ids, "action": action, **fields})


def completed(user: User, **upload: Any) -> Job:
    job = factories.job(user, **upload)
    attempt, _ = factories.attempt(job)
    lifecycle.apply_report(attempt=attempt, report=factories.report(id=f"done-{job.pk}"))
    return job


def test_an_archive_has_the_results_or_else_the_photos_under_their_names(
    browser: Client, user: User
) -> None:
    jobs = [completed(user, title="Gran"), completed(user, title="gran"), factories.job(user)]
    Photo.objects.filter(pk=jobs[2].photo_id).update(title="..\\a/b: c\u202egpj.\n")
    answer = select(browser, jobs, "download")
    archive = ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
    assert archive.testzip() is None
    assert set(archive.namelist()) == {
        "Gran-restored (2).png",
        "gran-restored.png",
        "a b c gpj.jpg",
    }
    with archive.open("gran-restored.png") as file:
        assert Image.open(file).size == (64, 48)
    assert answer["Content-Disposition"].startswith('attachment; filename="photos-')


def test_an_archive_takes_a_chunk_of_memory_whatever_it_holds(browser: Client, user: User) -> None:
    jobs = [completed(user, file=factories.picture("PNG", (1500, 1500))) for _ in range(3)]
    Job.objects.update(is_newest=True)
    chunks = [len(chunk) for chunk in select(browser, jobs, "download").streaming_content]
    assert min(chunks) > 0
    assert max(chunks) <= 2 * 256 * 1024


def test_a_file_that_is_gone_is_left_out_of_an_archive(browser: Client, user: User) -> None:
    jobs = [factories.job(user, title="Here"), factories.job(user, title="Gone")]
    default_storage.delete(str(jobs[1].photo.image.name))
    content = b"".join(select(browser, jobs, "download").streaming_content)
    assert ZipFile(io.BytesIO(content)).namelist() == ["Here.jpg"]


def test_several_are_restored_with_the_preset_but_for_those_that_run(
    browser: Client, user: User
) -> None:
    jobs = [completed(user), factories.job(user), factories.job(user, options={})]
    answer = select(browser, jobs, "restore", preset="enlarge-2")
    assert answer.url == "/"
    assert "2 photos are being restored." in browser.get("/").content.decode()
    asked = Job.objects.newest().filter(status="pending", options={"scale": 2})
    assert {job.photo_id for job in asked} == {jobs[0].photo_id, jobs[1].photo_id}
    assert Job.objects.filter(photo=jobs[2].photo).count() == 1


def test_where_all_run_already_none_is_said_to_begin(browser: Client, user: User) -> None:
    select(browser, [factories.job(user, options={})], "restore", preset="repair")
    page = browser.get("/").content.decode()
    assert "None was started: what is being restored goes on." in page
    assert "0 photos" not in page


def test_one_that_would_become_too_large_is_named(
    browser: Client, user: User, settings: Any
) -> None:
    job = factories.job(user, title="Vast")
    settings.PHOTOS_MAX_PIXELS = 64 * 48
    select(browser, [job], "restore", preset="enlarge-2")
    assert "Vast: Enlarged 2 times" in browser.get("/").content.decode()
    assert Job.objects.count() == 1


def test_several_are_deleted_once_that_is_sure(browser: Client, user: User) -> None:
    jobs = [factories.job(user) for _ in range(3)]
    page = select(browser, jobs[:2], "delete").content.decode()
    assert "Delete 2 photos?" in page
    assert Photo.objects.count() == 3
    select(browser, jobs[:2], "delete", sure="yes")
    assert Photo.objects.get() == jobs[2].photo


@pytest.mark.parametrize("action", ["restore", "download", "delete"])
def test_with_none_chosen_one_is_asked_to(browser: Client, action: str) -> None:
    assert select(browser, [], action, sure="yes").url == "/"
    assert "Choose at least one photo." in browser.get("/").content.decode()


@pytest.mark.parametrize("action", ["restore", "download", "delete"])
def test_of_too_many_nothing_happens(browser: Client, user: User, action: str) -> None:
    job = factories.job(user)
    assert select(browser, [job] * 201, action, sure="yes", preset="repair").url == "/"
    assert "Choose at most 200 photos at a time." in browser.get("/").content.decode()
    job.refresh_from_db()
    assert job.status == Status.CREATED


@pytest.mark.parametrize("fields", [{"action": "restore"}, {"action": "delete", "sure": "yes"}])
def test_one_comes_back_to_the_page_on_which_they_were_chosen(
    browser: Client, user: User, fields: dict[str, str]
) -> None:
    job = factories.job(user)
    asked = browser.get("/?state=new&cursor=").content.decode()
    assert 'name="page" value="state=new&amp;cursor="' in asked
    page = "state=new&cursor=cD0x"
    assert select(browser, [job], page=page, **fields).url == f"/?{page}"
    assert select(browser, [], page="\r\n//elsewhere.example", **fields).url.startswith("/?")


def test_who_is_asked_whether_several_shall_go_is_led_back_too(browser: Client, user: User) -> None:
    html = select(browser, [factories.job(user)], "delete", page="state=new").content.decode()
    assert 'name="page" value="state=new"' in html
    assert html.count('href="/?state=new"') == 2
    assert 'name="language"' not in html  # it would lead to a page that only a form opens


@pytest.mark.parametrize("action", ["restore", "download", "delete"])
def test_what_is_not_mine_is_not_among_them(browser: Client, action: str) -> None:
    theirs = completed(factories.user("eve"))
    assert select(browser, [theirs], action, sure="yes").url == "/"
    assert Job.objects.get() == theirs


@pytest.mark.parametrize("form", [{}, {"action": "nonsense"}, {"action": "delete", "photo": ["x"]}])
def test_nonsense_does_not_exist(browser: Client, form: dict[str, Any]) -> None:
    assert browser.post("/photos/selection/", form).status_code == 404
