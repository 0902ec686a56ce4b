"""One photo: before and after, live, and what its owner does with it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.files import File
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from .. import (
    conversions,
    deletion,
    endpoints,
    intake,
    names,
    pictures,
    places,
    presets,
    sharing,
    streams,
    withdrawal,
)
from ..downloads import PictureResponse
from ..forms import OptionsForm, described
from ..models import FINAL, Job, Photo, Restore, Share, Status
from ..snapshots import snapshot
from .cards import cards, newest_jobs, shown
from .paging import page_of
from .shared import errors_of, form_only, user_of


def _mine(request: HttpRequest, photo_id: UUID) -> Photo:
    return get_object_or_404(Photo, pk=photo_id, owner=user_of(request))


@dataclass(frozen=True)
class _Asked:
    """A job, and what was asked for."""

    job: Job

    @property
    def asked(self) -> list[str]:
        return described(self.job.options)


@login_required
@require_safe
def photo(request: HttpRequest, photo_id: UUID) -> HttpResponse:
    """Show one photo before and after, with its newest job live, and its other results."""
    found = _mine(request, photo_id)
    newest = found.jobs.first()
    # Before the results: of a job that has ended the page has what came of it.
    live = _live(newest) if newest else {}
    job = live.get("job")
    restore = shown([found.pk]).get(found.pk)
    page = page_of(_others(found, job, restore), request)
    context = {
        "photo": found,
        **live,
        "restore": restore,
        "shown": _Asked(restore.job) if restore else None,
        "running": _Asked(job) if job else None,
        "others": [_Asked(old) for old in page.rows],
        "page": page,
        "form": OptionsForm(),
        "presets": presets.offered(),
        "formats": _formats(found),
        "no_id": UUID(int=0),
        **_sharing(request, found),
    }
    return render(request, "jobs/photo.html", context)


def _others(photo: Photo, job: Job | None, restore: Restore | None) -> QuerySet[Job]:
    """Return the jobs that the page has to list beside those that it shows anyway."""
    ended = photo.jobs.filter(status__in=FINAL).select_related("restore")
    if restore:
        ended = ended.exclude(pk=restore.job_id)
    if job and job.status != Status.COMPLETED:
        ended = ended.exclude(pk=job.pk)
    return ended


def _formats(photo: Photo) -> list[str]:
    """Return the formats of downloads: the original's first, then those that all can open."""
    return list(dict.fromkeys([photo.format, "JPEG", "PNG", "WebP"]))


def _sharing(request: HttpRequest, photo: Photo) -> dict[str, Any]:
    share = Share.objects.filter(photo=photo, expires_at__gt=timezone.now()).first()
    if share is None:
        return {}
    path = reverse("jobs:shared", args=[sharing.token_of(share)])
    return {"share": share, "share_url": request.build_absolute_uri(path)}


def _live(job: Job) -> dict[str, Any]:
    """Return the job as it is now, and where its stream stood before that."""
    read = streams.read([job])
    if not read:
        raise Http404
    [(found, last)] = read
    return {
        "job": found,
        "last_event_id": last,
        "snapshot": snapshot(found),
        "steps": [*places.STEPS, None],
        "most_ahead": places.MOST,
    }


@form_only
def start(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Start a job that was created with its photo."""
    job = get_object_or_404(Job.objects.of(user_of(request)), pk=job_id)
    # Of a job that is deleted meanwhile the photo's page says so.
    with suppress(intake.AlreadyFinishedError, Job.DoesNotExist):
        intake.request_restore(job=job)
    return redirect("jobs:photo", job.photo_id)


@form_only
def cancel(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Cancel a job; where that is too late, the photo's page shows how it ended."""
    job = get_object_or_404(Job.objects.of(user_of(request)), pk=job_id)
    with suppress(withdrawal.TooLateError, Job.DoesNotExist):
        withdrawal.cancel(job=job)
    return redirect("jobs:photo", job.photo_id)


@form_only
def restore_again(request: HttpRequest, photo_id: UUID) -> HttpResponse:
    """Restore the photo once more, as a new job."""
    found, form = _mine(request, photo_id), OptionsForm(request.POST)
    if form.is_valid():
        return _restore(request, found, form.options())
    message = _("Choose what shall be done.")
    messages.error(request, f"{message} {errors_of(form)}")
    return redirect("jobs:photo", found.pk)


@form_only
def again(request: HttpRequest, photo_id: UUID) -> HttpResponse:
    """Try once more what did not succeed: a new job with the same options."""
    found = _mine(request, photo_id)
    newest = found.jobs.newest().first()
    return _restore(request, found, newest.options if newest else {})


def _restore(request: HttpRequest, photo: Photo, options: dict[str, Any]) -> HttpResponse:
    try:
        intake.request_new_job(photo=photo, options=options)
    except endpoints.OptionsError as error:
        messages.error(request, str(error))
    except Photo.DoesNotExist as error:
        raise Http404 from error
    return redirect("jobs:photo", photo.pk)


def _restore_of(request: HttpRequest, restore_id: UUID) -> Restore:
    mine = Restore.objects.filter(job__owner=user_of(request)).select_related("job__photo")
    return get_object_or_404(mine, pk=restore_id)


@form_only
def choose(request: HttpRequest, restore_id: UUID) -> HttpResponse:
    """Make the result the one that its photo is shown with."""
    restore = _restore_of(request, restore_id)
    Restore.objects.filter(pk=restore.pk).update(chosen_at=timezone.now())
    return redirect("jobs:photo", restore.job.photo_id)


@login_required
@require_safe
def download(request: HttpRequest, restore_id: UUID, format: str) -> HttpResponseBase:
    """Return the result in the format, under the photo's name."""
    restore = _restore_of(request, restore_id)
    photo = restore.job.photo
    if format not in map(str.lower, _formats(photo)):
        raise Http404
    try:
        return _download(conversions.opened(restore, format), names.restored(photo))
    except pictures.PictureError as error:
        messages.error(request, error.message)
        return redirect("jobs:photo", photo.pk)


@login_required
@require_safe
def original(request: HttpRequest, photo_id: UUID) -> HttpResponseBase:
    """Return the very file that was uploaded, to who uploaded it."""
    found = _mine(request, photo_id)
    return _download(found.original, names.original(found))


def _download(file: File, name: str) -> PictureResponse:
    answer = PictureResponse(file, name=name)
    disposition = content_disposition_header(as_attachment=True, filename=answer.filename)
    answer["Content-Disposition"] = str(disposition)
    return answer


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, photo_id: UUID) -> HttpResponse:
    """Ask whether the photo shall be deleted; then do so."""
    found = _mine(request, photo_id)
    if request.method != "POST":
        shown = cards(list(newest_jobs(user_of(request)).filter(photo=found)))
        return render(request, "jobs/delete.html", {"photo": found, "cards": shown})
    deletion.delete(photo=found)
    messages.success(request, _("The photo was deleted."))
    return redirect("jobs:photos")
