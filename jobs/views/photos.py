"""My photos in a grid, and new ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from events import log

from .. import endpoints, intake, pictures, presets, streams
from ..forms import UploadForm
from ..models import Job, Photo, Status
from .cards import cards, newest_jobs
from .paging import page_of
from .shared import errors_of, say_started, status_of, user_of

_ACCEPT = "image/*,.heic,.heif,.avif,.tif,.tiff"
_RUNNING = [Status.PENDING, Status.QUEUED, Status.PROCESSING]
# What the grid can be filtered by: a word for addresses, one for people, the jobs' statuses.
FILTERS = [
    ("", gettext_lazy("All"), list(Status)),
    ("running", gettext_lazy("Running"), _RUNNING),
    ("done", pgettext_lazy("photos", "Restored"), [Status.COMPLETED]),
    (
        "failed",
        pgettext_lazy("photos", "Failed"),
        [Status.FAILED, Status.CANCELLED, Status.TIMED_OUT],
    ),
    ("new", gettext_lazy("Not started"), [Status.CREATED]),
]


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def photos(request: HttpRequest) -> HttpResponse:
    """Show my photos and the form for new ones, which are restored at once."""
    if request.method != "POST":
        return _page(request, UploadForm())
    form = UploadForm(request.POST)
    uploads = _Uploads(one=len(request.FILES.getlist("image")) == 1)
    if form.is_valid():
        for file in request.FILES.getlist("image"):
            uploads.take(request, file, form)
    if not uploads.refused and not form.errors:
        return uploads.answer(request)
    return _page(request, form, uploads)


@dataclass
class _Uploads:
    """What became of the files of one form."""

    one: bool
    jobs: list[Job] = field(default_factory=list)
    known: list[Photo] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def take(self, request: HttpRequest, file: object, form: UploadForm) -> None:
        """Keep one file, or note why not."""
        try:
            self.jobs.append(_upload(request, file, form, titled=self.one))
        except intake.AlreadyKeptError as error:
            self.known.append(error.photo)
        except (pictures.PictureError, endpoints.OptionsError) as error:
            self.refused.append(f"{getattr(file, 'name', '')}: {error}")

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Lead to the one photo, else to all."""
        photos = [job.photo for job in self.jobs] + self.known
        if not photos:
            messages.error(request, _("Choose at least one photo."))
        self.tell(request)
        return redirect("jobs:photo", photos[0].pk) if len(photos) == 1 else redirect("jobs:photos")

    def tell(self, request: HttpRequest) -> None:
        """Say how many are being restored, where it is not only one, and which were known."""
        count = len(self.jobs)
        if count > 1 or (count and self.refused):
            say_started(request, count)
        for photo in self.known:
            messages.info(request, _("You have this photo already: %(photo)s") % {"photo": photo})


def _upload(request: HttpRequest, file: object, form: UploadForm, *, titled: bool) -> Job:
    return intake.upload(
        owner=user_of(request),
        file=file,  # type: ignore[arg-type]
        title=form.cleaned_data["title"] if titled else "",
        options=form.options(),
        once=True,
    )


@login_required
@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """Keep one photo for the page's script: 201 with its card; 200 with that of one I have."""
    form, file = UploadForm(request.POST), request.FILES.get("image")
    if file is None or not form.is_valid():
        return _refusal(errors_of(form) or _("Choose at least one photo."))
    try:
        return _card(request, _upload(request, file, form, titled=True).photo, status=201)
    except intake.AlreadyKeptError as error:
        return _card(request, error.photo, status=200)
    except (pictures.PictureError, endpoints.OptionsError) as error:
        return _refusal(str(error))


def _refusal(message: str) -> HttpResponse:
    return HttpResponse(message, content_type="text/plain; charset=utf-8", status=400)


@login_required
@require_safe
@never_cache
def kept(request: HttpRequest, sha256: str) -> HttpResponse:
    """Show the card of my photo whose file has that hash; 204 if there is none."""
    found = intake.kept(owner=user_of(request), sha256=sha256)
    return _card(request, found, status=200) if found else HttpResponse(status=204)


@login_required
@require_safe
@never_cache
def card(request: HttpRequest, photo_id: UUID) -> HttpResponse:
    """Show the card of my photo that came from elsewhere, for the page's script."""
    found = get_object_or_404(Photo, pk=photo_id, owner=user_of(request))
    return _card(request, found, status=200)


def _card(request: HttpRequest, photo: Photo, *, status: int) -> HttpResponse:
    found = cards(list(newest_jobs(user_of(request)).filter(photo=photo)))
    if not found:
        raise Http404  # deleted meanwhile
    return render(request, "jobs/_card.html", {"card": found[0]}, status=status)


def _page(request: HttpRequest, form: UploadForm, uploads: _Uploads | None = None) -> HttpResponse:
    # Before the photos: what happens in between is then sent again, not missed.
    last = log.last_seq(streams.owner_stream(user_of(request).pk))
    context = {"last_event_id": last, **_grid(request), **_beside(form)}
    if "cursor" in request.GET and not context["cards"]:
        return _newest(context["chosen"])  # all that was here is gone
    if uploads:
        uploads.tell(request)
        context["refused"] = uploads.refused
    bad = bool(uploads and uploads.refused)
    return render(request, "jobs/photos.html", context, status=400 if bad else status_of(form))


def _newest(chosen: str) -> HttpResponse:
    path = reverse("jobs:photos")
    return redirect(f"{path}?state={chosen}" if chosen else path)


def _grid(request: HttpRequest) -> dict[str, Any]:
    """Return the page of photos that is asked for. Raises Http404 for a state that there is not."""
    chosen = request.GET.get("state", "")
    statuses = {name: statuses for name, _, statuses in FILTERS}.get(chosen)
    if statuses is None:
        raise Http404
    jobs = newest_jobs(user_of(request))
    page = page_of(jobs.filter(status__in=statuses) if chosen else jobs, request)
    return {
        "cards": cards(page.rows),
        "page": page,
        "filters": FILTERS,
        "chosen": chosen,
        # Of what comes in meanwhile: all is newer than what an older page has.
        "shows": [] if page.newer else statuses,
        "is_running": jobs.filter(status__in=_RUNNING).exists(),
        "no_id": UUID(int=0),
    }


def _beside(form: UploadForm) -> dict[str, Any]:
    """Return the form with what it has to say."""
    return {
        "form": form,
        "limits": pictures.limits(),
        "accept": _ACCEPT,
        "presets": presets.offered(),
        "most_bytes": settings.PHOTOS_MAX_BYTES,
        "together": settings.MAX_BODY // 1024**2,
        "kept_url": reverse("jobs:kept", args=["0" * 64]),
    }
