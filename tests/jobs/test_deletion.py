"""A photo that is deleted: nothing of it stays, everybody is told, nothing late brings it back."""

from __future__ import annotations

import json
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from events.models import Event, Stream
from jobs import deletion, intake, lifecycle, runpod, streams, submission, tasks
from jobs.models import Attempt, Job, Photo, Restore
from jobs.snapshots import snapshot
from tests import factories
from tests.cloud import Cloud
from tests.meanwhile import Meanwhile
from tests.together import together

pytestmark = pytest.mark.django_db


def files(media: Path) -> list[Path]:
    return [path for path in media.rglob("*") if path.is_file()]


def running(job: Job, id: str = "runpod-1") -> Attempt:
    attempt, _ = factories.attempt(job)
    lifecycle.apply_report(attempt=attempt, report=factories.report("IN_PROGRESS", id=id))
    return attempt


def completed(job: Job) -> Job:
    attempt, _ = factories.attempt(job)
    lifecycle.apply_report(attempt=attempt, report=factories.report(id=f"done-{job.pk}"))
    return job


def events(stream: str) -> list[tuple[int, str, str]]:
    found = Event.objects.filter(stream=stream)
    return list(found.values_list("seq", "type", "subject"))


def deleted(client: Any, job: Job) -> Any:
    return client.delete(f"/api/v1/photos/{job.photo_id}")


@pytest.fixture
def client() -> APIClient:
    return APIClient()


@pytest.mark.django_db(transaction=True)
def test_nothing_of_a_deleted_photo_stays(client: APIClient, media: Path) -> None:
    job = completed(factories.job())
    other = intake.request_new_job(photo=job.photo, options={})
    kept = completed(factories.job(job.photo.owner))
    client.force_login(job.photo.owner)
    assert deleted(client, job).status_code == 204
    assert list(Photo.objects.all()) == [kept.photo]
    assert list(Job.objects.all()) == [kept]
    assert Attempt.objects.get().job == kept
    assert Restore.objects.get().job == kept
    assert len(files(media)) == 3 + 2
    assert not Event.objects.filter(data__contains=str(job.photo_id)).exclude(type="deleted")
    for id in (job.pk, other.pk):
        assert client.get(f"/api/v1/jobs/{id}").status_code == 404
    assert deleted(client, job).status_code == 404


def test_both_streams_are_told_and_forget_what_was_before() -> None:
    job = factories.job()
    other = completed(factories.job(job.photo.owner))
    attempt = running(job)
    lifecycle.apply_progress(attempt=attempt, fraction=0.4, stage="noise")
    assert deletion.delete(photo=job.photo)
    assert events(streams.job_stream(job.pk)) == [(3, "deleted", str(job.pk))]
    assert events(streams.owner_stream(job.photo.owner_id)) == [
        (1, "completed", str(other.pk)),
        (4, "deleted", str(job.pk)),
    ]
    own = Stream.objects.get(name=streams.job_stream(job.pk))
    owners = Stream.objects.get(name=streams.owner_stream(job.photo.owner_id))
    assert (own.pruned_seq, own.ended) == (0, True)
    assert (owners.pruned_seq, owners.ended) == (0, False)


def test_the_last_event_has_the_shape_of_every_other() -> None:
    job = Job.objects.get(pk=completed(factories.job()).pk)
    before = snapshot(job)
    deletion.delete(photo=job.photo)
    own, owners = Event.objects.order_by("stream_id")
    gone = {"status": "deleted", "restore": None, "restore_id": None, "error": None}
    assert json.loads(own.data) == json.loads(owners.data) == {**before, **gone}
    assert (own.final, owners.final) == (True, False)


def test_all_jobs_of_a_photo_are_told() -> None:
    job = completed(factories.job())
    other = intake.request_new_job(photo=job.photo, options={})
    deletion.delete(photo=job.photo)
    told = events(streams.owner_stream(job.photo.owner_id))
    assert {subject for _, type, subject in told if type == "deleted"} == {
        str(job.pk),
        str(other.pk),
    }


def test_a_photo_is_deleted_once() -> None:
    photo = factories.job().photo
    assert [deletion.delete(photo=photo), deletion.delete(photo=photo)] == [True, False]


def test_what_is_not_mine_is_not_deleted(client: APIClient) -> None:
    theirs = factories.job()
    assert deleted(client, theirs).status_code == 401
    client.force_login(factories.user("eve"))
    assert deleted(client, theirs).status_code == 404
    assert client.post(f"/photos/{theirs.photo_id}/delete/").status_code == 404
    assert Photo.objects.exists()


def test_the_page_asks_first() -> None:
    job = factories.job(title="Gran")
    browser = Client()
    browser.force_login(job.photo.owner)
    path = f"/photos/{job.photo_id}/delete/"
    assert path in browser.get(f"/photos/{job.photo_id}/").content.decode()
    assert "Delete this photo?" in browser.get(path).content.decode()
    assert Photo.objects.exists()
    answer = browser.post(path, follow=True)
    assert answer.redirect_chain == [("/", 302)]
    assert "The photo was deleted." in answer.content.decode()
    assert not Photo.objects.exists()


def test_a_late_webhook_changes_nothing_and_leaves_no_file(media: Path) -> None:
    job = factories.job()
    _, token = factories.attempt(job)
    deletion.delete(photo=job.photo)
    before = files(media)
    for kind, body in (
        ("completion", {"id": "a", "status": "COMPLETED", "output": factories.report().output}),
        ("progress", {"progress": 0.5, "stage": "noise"}),
    ):
        path = f"/api/v1/webhooks/runpod-{kind}/{token}"
        answer = Client().post(path, json.dumps(body), content_type="application/json")
        assert answer.status_code == 404
    assert files(media) == before
    assert events(streams.job_stream(job.pk)) == [(1, "deleted", str(job.pk))]


@pytest.mark.django_db(transaction=True)
def test_runpod_is_asked_to_give_up_what_runs_and_nothing_else(cloud: Cloud, eager: None) -> None:
    job = factories.job()
    running(job, "still-running")
    Attempt.objects.filter(pk=running(job, "lost-1").pk).update(lost_at=job.created_at)
    factories.attempt(job)  # RunPod's id is not known
    completed(Job.objects.create(photo=job.photo, owner=job.owner))
    cloud.body = b'{"id": "still-running", "status": "CANCELLED"}'
    deletion.delete(photo=job.photo)
    assert [call[:2] for call in cloud.calls] == [("POST", "/v2/local/cancel/still-running")]


@pytest.mark.parametrize(("status", "asks"), [(200, 1), (404, 1), (401, 1), (429, 6), (502, 6)])
def test_what_runpod_did_not_cancel_is_asked_for_a_few_times(
    cloud: Cloud, caplog: pytest.LogCaptureFixture, status: int, asks: int
) -> None:
    cloud.status, cloud.body = status, b'{"id": "a", "status": "CANCELLED"}'
    tasks.cancel_runs.apply(kwargs={"runpod_job_ids": ["a"]})
    assert len(cloud.calls) == asks
    said = [record for record in caplog.records if record.name == "jobs.cancellation"]
    assert len(said) == (0 if status in (200, 404) else asks)
    assert not [record for record in said if record.exc_info]


@pytest.mark.django_db(transaction=True)
def test_without_a_broker_the_photo_is_deleted_all_the_same(
    media: Path, no_broker: None, caplog: pytest.LogCaptureFixture
) -> None:
    job = factories.job()
    running(job)
    assert deletion.delete(photo=job.photo)
    assert (Photo.objects.count(), files(media)) == (0, [])
    assert "Connection refused" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_file_that_cannot_be_deleted_keeps_none_of_the_others(
    media: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    job = factories.job()
    delete = default_storage.delete

    def refuse(name: str) -> None:
        if name.startswith("originals"):
            raise PermissionError(13, "Permission denied")
        delete(name)

    monkeypatch.setattr(Photo._meta.get_field("original").storage, "delete", refuse)
    assert deletion.delete(photo=job.photo)
    assert [path.parent.name for path in files(media)] == ["originals"]
    assert "could not be deleted" in caplog.text


def test_what_runpod_takes_while_the_photo_is_deleted_is_cancelled(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = factories.job(options={})
    run = runpod.run

    def deleted_meanwhile(**given: Any) -> runpod.Report:
        deletion.delete(photo=job.photo)
        return run(**given)

    monkeypatch.setattr(runpod, "run", deleted_meanwhile)
    submission.submit(job_id=str(job.pk))
    assert [path for _, path, *_ in cloud.calls] == [
        "/v2/local/run",
        "/v2/local/cancel/eaebd6e7-u1",
    ]


def test_who_asks_for_what_is_deleted_meanwhile_is_told_that_it_is_not_there() -> None:
    job = factories.job()
    photo = job.photo
    deletion.delete(photo=Photo.objects.get(pk=photo.pk))
    with pytest.raises(Photo.DoesNotExist):
        intake.request_new_job(photo=photo, options={})
    with pytest.raises(Job.DoesNotExist):
        intake.request_restore(job=job)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("method", "path", "form"),
    [
        ("get", "/api/v1/jobs/{job}", {}),
        ("post", "/api/v1/jobs/{job}/restore", {}),
        ("post", "/api/v1/jobs", {"photo_id": "{photo}"}),
        ("delete", "/api/v1/photos/{photo}", {}),
        ("get", "/photos/{photo}/", {}),
        ("post", "/photos/{photo}/restore/", {"scale": "1"}),
        ("post", "/photos/{photo}/delete/", {}),
        ("post", "/jobs/{job}/start/", {}),
    ],
)
def test_a_photo_that_is_deleted_in_the_middle_of_a_request_is_gone(
    user: User, method: str, path: str, form: dict[str, str]
) -> None:
    client: Any = APIClient() if path.startswith("/api") else Client()
    client.default_format = "json"
    client.force_login(user)
    for number in count(1):
        job = factories.job(user)
        ids = {"job": job.pk, "photo": job.photo_id}
        meanwhile = Meanwhile(
            number,
            lambda job=job: deletion.delete(photo=job.photo),  # type: ignore[misc]
            when=lambda: not connection.in_atomic_block,  # which would keep the deletion waiting
        )
        given = {name: value.format(**ids) for name, value in form.items()}
        with connection.execute_wrapper(meanwhile):
            answer = getattr(client, method)(path.format(**ids), given)
        if not meanwhile.happened:
            return
        assert answer.status_code in (200, 202, 204, 302, 404)
        assert not Photo.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("word", ["IN_PROGRESS", "COMPLETED", "FAILED"])
def test_a_photo_that_is_deleted_in_the_middle_of_a_webhook_is_gone(
    user: User, media: Path, word: str
) -> None:
    output = factories.report().output
    for number in count(1):
        job = factories.job(user)
        _, token = factories.attempt(job)
        meanwhile = Meanwhile(
            number,
            lambda job=job: deletion.delete(photo=job.photo),  # type: ignore[misc]
            when=lambda: not connection.in_atomic_block,
        )
        path = f"/api/v1/webhooks/runpod-completion/{token}"
        body = {"id": f"run-{number}", "status": word, "output": output}
        with connection.execute_wrapper(meanwhile):
            answer = Client().post(path, json.dumps(body), content_type="application/json")
        if not meanwhile.happened:
            return
        assert answer.status_code in (200, 404)
        assert (Photo.objects.count(), Restore.objects.count(), files(media)) == (0, 0, [])
        assert [type for _, type, _ in events(streams.job_stream(job.pk))] == ["deleted"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt_number", range(5))
def test_a_deletion_and_a_result_at_once_leave_nothing(media: Path, attempt_number: int) -> None:
    job = factories.job()
    attempt = running(job)
    together(
        lambda: lifecycle.apply_report(attempt=attempt, report=factories.report()),
        lambda: lifecycle.apply_progress(attempt=attempt, fraction=0.7, stage="noise"),
        lambda: deletion.delete(photo=job.photo),
    )
    assert (Photo.objects.count(), Restore.objects.count(), files(media)) == (0, 0, [])
    [(_, type, _)] = events(streams.job_stream(job.pk))
    assert type == "deleted"
    assert [type for _, type, _ in events(streams.owner_stream(job.photo.owner_id))] == ["deleted"]


@pytest.mark.django_db(transaction=True)
def test_a_deletion_and_new_jobs_at_once_leave_no_job(media: Path) -> None:
    photo = factories.job().photo
    asked: list[Job] = []

    def ask() -> None:
        with suppress(Photo.DoesNotExist):
            asked.append(intake.request_new_job(photo=photo, options={}))

    together(ask, ask, lambda: deletion.delete(photo=photo), ask, ask)
    assert (Photo.objects.count(), Job.objects.count()) == (0, 0)
    told = events(streams.owner_stream(photo.owner_id))
    assert [type for _, type, _ in told] == ["deleted"] * (1 + len(asked))
