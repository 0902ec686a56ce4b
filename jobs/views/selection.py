"""What is done with several photos at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from uuid import UUID

from django.contrib import messages
from django.core.files import File
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .. import deletion, endpoints, intake, names
from ..downloads import ArchiveResponse
from ..forms import OptionsForm
from ..models import Photo, Status
from .cards import Card, cards, newest_jobs
from .shared import form_only, say_started, user_of

_MOST = 200  # photos


@form_only
def selection(request: HttpRequest) -> HttpResponseBase:
    """Do with the chosen photos what the button says; of none, or too many, say so."""
    action = {"restore": _restore, "download": _download, "delete": _delete}.get(
        request.POST.get("action", "")
    )
    if action is None:
        raise Http404
    ids = request.POST.getlist("photo")
    chosen = _chosen(request, ids[:_MOST])
    if chosen and len(ids) <= _MOST:
        return action(request, chosen)
    too_many = _("Choose at most %(count)s photos at a time.") % {"count": _MOST}
    messages.error(request, too_many if chosen else _("Choose at least one photo."))
    return _back(request)


def _back(request: HttpRequest) -> HttpResponse:
    """Lead to the page of photos on which they were chosen."""
    return redirect(f"{reverse('jobs:photos')}?{_query(request)}".rstrip("?"))


def _query(request: HttpRequest) -> str:
    return QueryDict(request.POST.get("page", "")).urlencode()


def _chosen(request: HttpRequest, ids: list[str]) -> list[Card]:
    """Return the chosen photos; what is not mine, or no more, is not among them."""
    try:
        photos = [UUID(id) for id in ids]
    except ValueError as error:
        raise Http404 from error
    return cards(list(newest_jobs(user_of(request)).filter(photo__in=photos)))


def _restore(request: HttpRequest, chosen: list[Card]) -> HttpResponse:
    form = OptionsForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose what shall be done."))
        return _back(request)
    started = 0
    for card in chosen:
        try:
            started += _restore_one(card, form)
        except endpoints.OptionsError as error:
            messages.error(request, f"{card.title}: {error}")
    _tell(request, started)
    return _back(request)


def _tell(request: HttpRequest, started: int) -> None:
    """Say how many are being restored; of none, that there was nothing to do."""
    if not started:
        messages.info(request, _("None was started: what is being restored goes on."))
        return
    say_started(request, started)


def _restore_one(card: Card, form: OptionsForm) -> bool:
    """Ask for a new job; False where one is under way, or the photo is gone."""
    if not card.job.is_final and card.job.status != Status.CREATED:
        return False
    try:
        intake.request_new_job(photo=card.photo, options=form.options())
    except Photo.DoesNotExist:
        return False
    return True


def _download(request: HttpRequest, chosen: list[Card]) -> HttpResponseBase:
    day = timezone.localdate().isoformat()
    return ArchiveResponse(_files(chosen), name=f"photos-{day}.zip")


def _files(chosen: Iterable[Card]) -> Iterator[tuple[str, File]]:
    """Yield each photo's result under its name; where there is none, the photo."""
    for card in chosen:
        file = card.picture.image
        extension = str(file.name).rpartition(".")[2]
        called = names.restored if card.restore else names.original
        yield f"{called(card.photo)}.{extension}", file


def _delete(request: HttpRequest, chosen: list[Card]) -> HttpResponse:
    """Ask whether they shall be deleted; the answer comes with `sure`."""
    if not request.POST.get("sure"):
        context = {"cards": chosen, "page": _query(request)}
        return render(request, "jobs/delete.html", context)
    count = sum(deletion.delete(photo=card.photo) for card in chosen)
    text = ngettext("The photo was deleted.", "%(count)s photos were deleted.", count)
    messages.success(request, text % {"count": count})
    return _back(request)
