"""What people may take back: a photo, and with it everything that came of it."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from django.core.files.storage import Storage, default_storage
from django.db import transaction

from . import conversions, streams, tasks, thumbnails, uploads
from .models import Attempt, Job, Photo, Restore

logger = logging.getLogger(__name__)


def delete(*, photo: Photo) -> bool:
    """Delete the photo, its jobs and results, all files and events; False if it is gone already.

    Whoever follows its jobs is told, and RunPod is asked to give up what it is still at.
    """
    with transaction.atomic():
        # First the photo, so that no job is added; then its jobs, so that no report moves one.
        locked = Photo.objects.select_for_update().filter(pk=photo.pk).first()
        if locked is None:
            return False
        jobs = _locked_jobs(locked)
        files, runs = _files(locked), _runs(locked)
        streams.tell_deleted(jobs)
        locked.delete()
        transaction.on_commit(lambda: _delete_files(files))
        # robust: with the broker down the photo is gone all the same; RunPod then goes on in vain.
        transaction.on_commit(lambda: _cancel(runs), robust=True)
    return True


def _locked_jobs(photo: Photo) -> list[Job]:
    return list(Job.objects.select_for_update().filter(photo=photo).order_by("pk"))


def _files(photo: Photo) -> list[tuple[Storage, str]]:
    """Return what is stored for the photo: where, and under which name."""
    # Not with the jobs: a query that has waited for their locks sees other tables as before.
    results = Restore.objects.filter(job__photo=photo)
    fields = [file for result in results for file in (result.image, result.preview)]
    fields += [photo.original, photo.image, photo.preview]
    files = [(file.storage, file.name) for file in fields if file.name]
    ids = [row.pk for row in (photo, *results)]
    made = [name for id in ids for name in (*thumbnails.names(id), *conversions.names(id))]
    attempts = Attempt.objects.filter(job__photo=photo).values_list("pk", flat=True)
    made += [uploads.name(pk) for pk in attempts]
    return files + [(default_storage, name) for name in made]


def _runs(photo: Photo) -> list[str]:
    """Return RunPod's ids of what it may still be at."""
    # Of jobs that have ended, too: one that was cancelled may still run.
    taken = Attempt.objects.taken().filter(job__photo=photo)
    return [attempt.runpod_job_id for attempt in taken if attempt.runpod_job_id]


def _delete_files(files: Sequence[tuple[Storage, str]]) -> None:
    for storage, name in files:
        try:
            storage.delete(name)
        except Exception:  # whatever a storage raises; the other files go all the same
            logger.exception("%s of a deleted photo could not be deleted", name)


def _cancel(runs: list[str]) -> None:
    if runs:
        tasks.cancel_runs.delay(runpod_job_ids=runs)
