"""Files whose rows are gone: they go, too, and nothing else does."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from jobs import conversions, deletion, leftovers, lifecycle, tasks, thumbnails
from jobs.models import Job, Photo, Restore
from tests import factories

LATER = timedelta(hours=1, minutes=1)


@pytest.fixture
def job(db: None) -> Job:
    """Return a job that has a result, with files of every kind."""
    made = factories.job()
    attempt, _ = factories.attempt(made)
    lifecycle.apply_report(attempt=attempt, report=factories.report())
    for kind, of in (("photo", made.photo), ("restore", Restore.objects.get())):
        thumbnails.make(kind=kind, id=str(of.pk))
        conversions.opened(of, "webp").close()
    return made


def stored(media: Path) -> set[str]:
    return {str(path.relative_to(media)) for path in media.rglob("*") if path.is_file()}


def put(media: Path, *names: str) -> None:
    for name in names:
        (media / name).parent.mkdir(parents=True, exist_ok=True)
        (media / name).touch()


def forget() -> int:
    return leftovers.forget(now=timezone.now() + LATER)


def test_every_folder_that_a_photo_fills_is_looked_through(job: Job, media: Path) -> None:
    assert {name.split("/")[0] for name in stored(media)} == set(leftovers.FOLDERS)


def test_what_a_deletion_leaves_that_dies_after_its_commit_is_deleted(
    job: Job, media: Path
) -> None:
    kept = factories.job(job.photo.owner, file=factories.picture("PNG")).photo
    # In a transaction of the test's own nothing happens after a commit, as where a process dies.
    deletion.delete(photo=job.photo)
    files = {file.name for file in (kept.original, kept.image, kept.preview)}
    before = stored(media)
    assert files < before
    assert forget() == len(before) - len(files)
    assert stored(media) == files


def test_what_has_a_row_stays(job: Job, media: Path) -> None:
    before = stored(media)
    assert forget() == 0
    assert stored(media) == before


def test_what_is_young_may_be_about_to_get_its_row(job: Job, media: Path) -> None:
    before = stored(media)
    Photo.objects.all().delete()
    assert leftovers.forget(now=timezone.now() + timedelta(minutes=59)) == 0
    tasks.forget_leftovers()
    assert stored(media) == before


@pytest.mark.django_db
def test_what_is_not_named_as_ours_stays(media: Path) -> None:
    names = {"images/README", f"other/{uuid4()}.jpg", "uploads/1"}
    put(media, *names)
    assert forget() == 0
    assert stored(media) == names


@pytest.mark.django_db
def test_where_nothing_was_ever_stored_there_is_nothing_to_do() -> None:
    assert forget() == 0


@pytest.mark.django_db
def test_one_run_deletes_so_many_and_the_next_goes_on(
    media: Path, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    monkeypatch.setattr(leftovers, "_MOST", 5)
    monkeypatch.setattr(leftovers, "_BATCH", 4)
    put(media, *(f"images/{uuid4()}.jpg" for _ in range(8)))
    with django_assert_num_queries(4):  # two for each batch
        assert forget() == 5
    assert [forget(), forget()] == [3, 0]
    assert stored(media) == set()
