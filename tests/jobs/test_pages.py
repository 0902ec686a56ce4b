"""The pages, as they are without a script."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from jobs import intake, lifecycle
from jobs.models import ApiToken, Job, Photo, Status
from tests import factories

pytestmark = pytest.mark.django_db
NOBODY_S = UUID(int=1)


def upload(browser: Client, data: bytes | None = None, **fields: str) -> Any:
    content = factories.picture() if data is None else data
    return browser.post("/", {"image": SimpleUploadedFile("a.jpg", content), **fields})


def text(response: Any) -> str:
    return str(response.content.decode())


def test_an_upload_leads_to_its_photo_which_is_being_restored(browser: Client) -> None:
    answer = upload(browser, title="Gran", scale="2")
    job = Job.objects.get()
    assert (answer.status_code, answer.url) == (302, f"/photos/{job.photo_id}/")
    assert (job.status, job.options, job.photo.title) == (Status.PENDING, {"scale": 2}, "Gran")


@pytest.mark.parametrize(
    ("data", "fields", "says"),
    [
        (b"", {}, "The file is empty."),
        (b"Dear diary", {}, "This is not a picture that we can read."),
        (None, {"scale": "9"}, "9 is not one of the available choices"),
        (None, {"title": "x" * 201}, "at most 200 characters"),
    ],
)
def test_a_bad_upload_says_so_beside_its_field_and_keeps_nothing(
    browser: Client, data: bytes | None, fields: dict[str, str], says: str
) -> None:
    answer = upload(browser, data, **fields)
    assert answer.status_code == 400
    assert says in text(answer)
    assert not Photo.objects.exists()


def test_the_limits_are_shown_before(browser: Client) -> None:
    assert "up to 50 MB and 100 megapixels" in text(browser.get("/"))


@pytest.mark.parametrize("status", list(Status))
def test_a_photo_s_page_shows_every_state(browser: Client, user: User, status: Status) -> None:
    job = factories.job(user)
    attempt, _ = factories.attempt(job)
    word = {ours: theirs for theirs, ours in lifecycle.STATUSES.items()}.get(status)
    if word:
        lifecycle.apply_report(attempt=attempt, report=factories.report(word))
    else:
        Job.objects.filter(pk=job.pk).update(status=status)
    page = text(browser.get(f"/photos/{job.photo_id}/"))
    assert f'data-status="{status}"' in page
    refreshes = status in (Status.PENDING, Status.QUEUED, Status.PROCESSING)
    assert ('http-equiv="refresh"' in page) == refreshes
    assert ("/api/v1/restores/" in page) == (status == Status.COMPLETED)


def test_a_page_that_is_live_goes_on_where_it_was_rendered(browser: Client, user: User) -> None:
    job = factories.job(user)
    attempt, _ = factories.attempt(job)
    lifecycle.apply_report(attempt=attempt, report=factories.report("IN_QUEUE"))
    page = text(browser.get(f"/photos/{job.photo_id}/"))
    assert f'data-job="{job.pk}" data-last-event-id="1"' in page
    assert 'data-photos data-last-event-id="1"' in text(browser.get("/"))


def test_without_a_script_one_is_asked_to_reload_only_while_something_runs(
    browser: Client, user: User
) -> None:
    job = factories.job(user)
    assert "Reload to see how far they are" not in text(browser.get("/"))
    intake.request_restore(job=job)
    assert "Reload to see how far they are" in text(browser.get("/"))
    lifecycle.fail(job=job, code="lost", message="Gone.", retryable=True)
    assert "Reload to see how far they are" not in text(browser.get("/"))


def test_a_created_job_is_started_from_its_page(browser: Client, user: User) -> None:
    job = factories.job(user)
    assert f"/jobs/{job.pk}/start/" in text(browser.get(f"/photos/{job.photo_id}/"))
    browser.post(f"/jobs/{job.pk}/start/")
    job.refresh_from_db()
    assert job.status == Status.PENDING


def test_a_failure_says_what_happened_and_can_be_tried_again(browser: Client, user: User) -> None:
    job = factories.job(user)
    lifecycle.fail(job=job, code="lost", message="RunPod lost this job.", retryable=True)
    page = text(browser.get(f"/photos/{job.photo_id}/"))
    assert "RunPod lost this job." in page
    assert "Try again" in page
    browser.post(f"/photos/{job.photo_id}/restore/", {"scale": "1"})
    assert list(Job.objects.values_list("status", flat=True)) == ["pending", "failed"]


def test_a_size_that_is_none_restores_nothing(browser: Client, user: User) -> None:
    job = factories.job(user)
    answer = browser.post(f"/photos/{job.photo_id}/restore/", {"scale": "3"}, follow=True)
    assert "Choose what shall be done." in text(answer)
    assert Job.objects.count() == 1


def test_the_grid_asks_as_much_for_many_photos_as_for_one(
    browser: Client, user: User, django_assert_max_num_queries: Any
) -> None:
    for _ in range(4):
        factories.job(user)
    with django_assert_max_num_queries(8):
        page = text(browser.get("/"))
    assert page.count("data-photo=") == 4


def test_what_is_not_mine_does_not_exist(browser: Client) -> None:
    theirs = factories.job(factories.user("eve"))
    photo = theirs.photo_id
    assert browser.get(f"/photos/{photo}/").status_code == 404
    missing = browser.get(f"/photos/{NOBODY_S}/")
    assert missing.status_code == 404
    assert missing["Content-Type"].startswith("text/html")
    assert browser.post(f"/photos/{photo}/restore/", {"scale": "1"}).status_code == 404
    assert browser.post(f"/jobs/{theirs.pk}/start/").status_code == 404
    assert "data-photo=" not in text(browser.get("/"))


@pytest.mark.parametrize("path", ["/", f"/photos/{NOBODY_S}/"])
def test_nobody_sees_anything_without_signing_in(client: Client, path: str) -> None:
    assert client.get(path).url == f"/accounts/sign-in/?next={path}"  # type: ignore[attr-defined]


def test_somebody_signs_up_in_and_out(client: Client) -> None:
    password = "a shoebox of photos"
    form = {"username": "ada", "password1": password, "password2": password}
    assert client.post("/accounts/sign-up/", form).url == "/"  # type: ignore[attr-defined]
    assert client.get("/").status_code == 200
    client.post("/accounts/sign-out/")
    assert client.get("/").status_code == 302
    client.post("/accounts/sign-in/", {"username": "ada", "password": password})
    assert client.get("/").status_code == 200


def test_a_weak_password_is_refused(client: Client) -> None:
    form = {"username": "ada", "password1": "12345", "password2": "12345"}
    answer = client.post("/accounts/sign-up/", form)
    assert answer.status_code == 400
    assert "too short" in text(answer)
    assert not User.objects.exists()


def test_signing_in_leads_nowhere_else(client: Client, user: User) -> None:
    form = {"username": "ada", "password": "secret", "next": "https://evil.example/"}
    assert client.post("/accounts/sign-in/", form).url == "/"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("path", "shows"),
    [
        ("jobs/photo", "Gran, 1961"),
        ("jobs/job", "Completed"),
        ("jobs/restore", "PNG"),
        ("events/event", "completed"),
        ("events/stream", "owner."),
    ],
)
def test_admin_lists_everything_and_adds_nothing(client: Client, path: str, shows: str) -> None:
    job = factories.job(title="Gran, 1961")
    attempt, _ = factories.attempt(job)
    lifecycle.apply_report(attempt=attempt, report=factories.report())
    client.force_login(factories.user("root", is_staff=True, is_superuser=True))
    listed = text(client.get(f"/admin/{path}/")).partition('id="result_list"')[2]
    assert shows in listed.partition("</table>")[0]
    assert client.get(f"/admin/{path}/add/").status_code == 403


def test_admin_shows_a_job_and_changes_nothing(client: Client) -> None:
    job = factories.job()
    attempt, _ = factories.attempt(job)
    lifecycle.apply_report(attempt=attempt, report=factories.report())
    client.force_login(factories.user("root", is_staff=True, is_superuser=True))
    page = client.get(f"/admin/jobs/job/{job.pk}/change/")
    assert "runpod-1" in text(page)
    assert 'name="status"' not in text(page)
    assert client.post(f"/admin/jobs/job/{job.pk}/change/", {"status": "failed"}).status_code == 403
    assert client.post(f"/admin/jobs/job/{job.pk}/delete/").status_code == 403
    assert Job.objects.get(pk=job.pk).status == Status.COMPLETED


def test_admin_revokes_an_api_token(client: Client, user: User) -> None:
    ApiToken.make(user=user)
    client.force_login(factories.user("root", is_staff=True, is_superuser=True))
    token = ApiToken.objects.get()
    client.post(f"/admin/jobs/apitoken/{token.pk}/delete/", {"post": "yes"})
    assert not ApiToken.objects.exists()


def test_admin_is_for_staff(browser: Client) -> None:
    assert browser.get("/admin/jobs/job/").status_code == 302
