"""The pages: each shows the true state when it is loaded; scripts only keep it live."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import OuterRef, Prefetch, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from events import log

from . import deletion, endpoints, intake, pictures, streams
from .forms import AgainForm, SignUpForm, UploadForm
from .models import FINAL, Job, Photo
from .snapshots import snapshot

_PAGE = 24  # photos


@require_http_methods(["GET", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    """Make an account and sign in to it."""
    form = SignUpForm(request.POST or None)
    if form.is_valid():
        login(request, form.save())
        return redirect("jobs:photos")
    return render(request, "registration/sign_up.html", {"form": form}, status=_status(form.errors))


def _status(errors: object) -> int:
    return 400 if errors else 200


@login_required
@require_http_methods(["GET", "POST"])
def photos(request: HttpRequest) -> HttpResponse:
    """Show my photos and the form for a new one, which is restored at once."""
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            job = intake.upload(
                owner=request.user,
                file=form.cleaned_data["image"],
                title=form.cleaned_data["title"],
                options=form.options(),
            )
            return redirect("jobs:photo", job.photo_id)
        except pictures.PictureError as error:
            form.add_error("image", error.message)
        except endpoints.OptionsError as error:
            form.add_error("scale", str(error))
    return _photos_page(request, form)


def _photos_page(request: HttpRequest, form: UploadForm) -> HttpResponse:
    # Before the photos: what happens in between is then sent again, not missed.
    last = log.last_seq(streams.owner_stream(_user(request).pk))
    page = Paginator(_photos_of(_user(request)), _PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "limits": pictures.limits(),
        "last_event_id": last,
        "events_url": reverse("events:mine"),
        "page": page,
        "is_running": Job.objects.of(_user(request)).exclude(status__in=FINAL).exists(),
    }
    return render(request, "jobs/photos.html", context, status=_status(form.errors))


def _user(request: HttpRequest) -> User:
    assert request.user.is_authenticated
    return request.user


def _photos_of(user: User) -> QuerySet[Photo]:
    """Return the user's photos, each with its newest job as `latest` (a list of one)."""
    newest = Job.objects.filter(photo=OuterRef("photo")).order_by("-created_at", "-id")
    latest = Job.objects.filter(pk=Subquery(newest.values("pk")[:1])).select_related("restore")
    return Photo.objects.filter(owner=user).prefetch_related(
        Prefetch("jobs", queryset=latest, to_attr="latest")
    )


@login_required
@require_GET
def photo(request: HttpRequest, photo_id: UUID) -> HttpResponse:
    """Show one photo before and after, with its newest job live, and its earlier results."""
    found = get_object_or_404(Photo, pk=photo_id, owner=_user(request))
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
    job = get_object_or_404(Job.objects.of(_user(request)), pk=job_id)
    # Of a job that is deleted meanwhile the photo's page says so.
    with suppress(intake.AlreadyFinishedError, Job.DoesNotExist):
        intake.request_restore(job=job)
    return redirect("jobs:photo", job.photo_id)


@login_required
@require_POST
def restore_again(request: HttpRequest, photo_id: UUID) -> HttpResponse:
    """Restore the photo once more, as a new job."""
    found = get_object_or_404(Photo, pk=photo_id, owner=_user(request))
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
    found = get_object_or_404(Photo, pk=photo_id, owner=_user(request))
    if request.method == "GET":
        return render(request, "jobs/delete.html", {"photo": found})
    deletion.delete(photo=found)
    messages.success(request, _("The photo was deleted."))
    return redirect("jobs:photos")
