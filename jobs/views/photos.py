"""My photos, and new ones."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import OuterRef, Prefetch, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from events import log

from .. import endpoints, intake, pictures, streams
from ..forms import UploadForm
from ..models import FINAL, Job, Photo
from .shared import status_of, user_of

_PAGE = 24  # photos


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
    last = log.last_seq(streams.owner_stream(user_of(request).pk))
    page = Paginator(_photos_of(user_of(request)), _PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "limits": pictures.limits(),
        "last_event_id": last,
        "events_url": reverse("events:mine"),
        "page": page,
        "is_running": Job.objects.of(user_of(request)).exclude(status__in=FINAL).exists(),
    }
    return render(request, "jobs/photos.html", context, status=status_of(form))


def _photos_of(user: User) -> QuerySet[Photo]:
    """Return the user's photos, each with its newest job as `latest` (a list of one)."""
    newest = Job.objects.filter(photo=OuterRef("photo")).order_by("-created_at", "-id")
    latest = Job.objects.filter(pk=Subquery(newest.values("pk")[:1])).select_related("restore")
    return Photo.objects.filter(owner=user).prefetch_related(
        Prefetch("jobs", queryset=latest, to_attr="latest")
    )
