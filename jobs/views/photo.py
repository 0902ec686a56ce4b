"""One photo: before and after, live, and what its owner does with it."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from .. import deletion, endpoints, intake, streams, withdrawal
from ..forms import AgainForm
from ..models import Job, Photo
from ..snapshots import snapshot
from .shared import user_of


@login_required
@require_GET
def photo(request: HttpRequest, photo_id: UUID) -> HttpResponse:
    """Show one photo before and after, with its newest job live, and its earlier results."""
    found = get_object_or_404(Photo, pk=photo_id, owner=user_of(request))
    jobs = list(found.jobs.select_related("restore"))
    job = jobs[0] if jobs else None
    context = {
        "photo": found,
        "job": job,
        **(_live(job) if job else {}),
        "earlier": [old for old in jobs[1:] if old.is_final],
        "again": AgainForm(initial={"scale": 1}),
    }
    return render(request, "jobs/photo.html", context)


def _live(job: Job) -> dict[str, object]:
    """Return the job as it is now, and where its stream stood before that."""
    read = streams.read([job])
    if not read:
        raise Http404
    [(found, last)] = read
    return {"job": found, "last_event_id": last, "snapshot": snapshot(found)}


@login_required
@require_POST
def start(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Start a job that was created with its photo."""
    job = get_object_or_404(Job.objects.of(user_of(request)), pk=job_id)
    # Of a job that is deleted meanwhile the photo's page says so.
    with suppress(intake.AlreadyFinishedError, Job.DoesNotExist):
        intake.request_restore(job=job)
    return redirect("jobs:photo", job.photo_id)


@login_required
@require_POST
def cancel(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Cancel a job; where that is too late, the photo's page shows how it ended."""
    job = get_object_or_404(Job.objects.of(user_of(request)), pk=job_id)
    with suppress(withdrawal.TooLateError, Job.DoesNotExist):
        withdrawal.cancel(job=job)
    return redirect("jobs:photo", job.photo_id)


@login_required
@require_POST
def restore_again(request: HttpRequest, photo_id: UUID) -> HttpResponse:
    """Restore the photo once more, as a new job."""
    found = get_object_or_404(Photo, pk=photo_id, owner=user_of(request))
    form = AgainForm(request.POST)
    try:
        if form.is_valid():
            intake.request_new_job(photo=found, options=form.options())
        else:
            messages.error(request, _("Choose one of the sizes."))
    except endpoints.OptionsError as error:
        messages.error(request, str(error))
    except Photo.DoesNotExist as error:
        raise Http404 from error
    return redirect("jobs:photo", found.pk)


@login_required
@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, photo_id: UUID) -> HttpResponse:
    """Ask whether the photo shall be deleted; then do so."""
    found = get_object_or_404(Photo, pk=photo_id, owner=user_of(request))
    if request.method == "GET":
        return render(request, "jobs/delete.html", {"photo": found})
    deletion.delete(photo=found)
    messages.success(request, _("The photo was deleted."))
    return redirect("jobs:photos")
