"""A photo shared by link: what its owner sets, what others see."""

from __future__ import annotations

from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from .. import names, sharing
from ..downloads import PictureResponse
from ..models import Photo, Restore, Share
from .cards import shown
from .shared import View, form_only, user_of


@form_only
def share(request: HttpRequest, photo_id: UUID) -> HttpResponse:
    """Share the photo by a new link, with the password if there is one."""
    found = get_object_or_404(Photo, pk=photo_id, owner=user_of(request))
    try:
        sharing.share(photo=found, password=request.POST.get("password", "")[:200])
    except Photo.DoesNotExist as error:
        raise Http404 from error
    return redirect(f"{reverse('jobs:photo', args=[found.pk])}#share")


@form_only
def stop(request: HttpRequest, photo_id: UUID) -> HttpResponse:
    """Take the link back."""
    found = get_object_or_404(Photo, pk=photo_id, owner=user_of(request))
    sharing.stop(photo=found)
    messages.success(request, _("The link leads nowhere any more."))
    return redirect("jobs:photo", found.pk)


def _private(view: View) -> View:
    """Keep what the link shows out of search engines and caches.

    Out of other sites' logs, too, by the policy of all pages: same-origin. By no-referrer the form
    for the password would come without an Origin, and be refused.
    """

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        response["X-Robots-Tag"] = "noindex, nofollow"
        response["Cache-Control"] = "private, no-store"
        return response

    return answer


@_private
@require_http_methods(["GET", "HEAD", "POST"])
def shared(request: HttpRequest, token: str) -> HttpResponse:
    """Show the photo before and after to whoever has the link, and the password if there is one."""
    found = _found(token)
    if request.method == "POST":
        return _unlock(request, found, token)
    if not _is_open(request, found):
        return render(request, "jobs/shared_locked.html", {})
    restore = shown([found.photo_id]).get(found.photo_id)
    context = {"photo": found.photo, "restore": restore, "share": found, "token": token}
    return render(request, "jobs/shared.html", context)


def _found(token: str) -> Share:
    share = sharing.find(token)
    if share is None:
        raise Http404
    return share


def _unlock(request: HttpRequest, share: Share, token: str) -> HttpResponse:
    context = {}
    try:
        if sharing.opens(share=share, password=request.POST.get("password", "")[:200]):
            answer = redirect("jobs:shared", token)
            _open(answer, share, request)
            return answer
        context["error"] = _("This is not the password.")
        status = 403
    except sharing.TooManyTriesError:
        context["error"] = _("Too many wrong passwords. Try again in a quarter of an hour.")
        status = 429
    return render(request, "jobs/shared_locked.html", context, status=status)


def _open(answer: HttpResponse, share: Share, request: HttpRequest) -> None:
    """Let this browser in until it is closed; a new link or password asks anew."""
    answer.set_cookie(
        _cookie(share), _proof(share), secure=request.is_secure(), httponly=True, samesite="Lax"
    )


def _cookie(share: Share) -> str:
    return f"share-{share.pk.hex[:8]}"


def _proof(share: Share) -> str:
    return salted_hmac("jobs.sharing.open", f"{share.pk}{share.password}").hexdigest()


def _is_open(request: HttpRequest, share: Share) -> bool:
    if not share.password:
        return True
    return constant_time_compare(request.COOKIES.get(_cookie(share), ""), _proof(share))


@_private
@require_safe
def picture(request: HttpRequest, token: str, which: str) -> HttpResponseBase:
    """Return one of its pictures: before, after, or the result to keep."""
    found = _found(token)
    if not _is_open(request, found):
        raise Http404
    photo = found.photo
    restore: Restore | None = shown([photo.pk]).get(photo.pk)
    if which == "before":
        return PictureResponse(photo.preview, name="before")
    if restore is None or which not in ("after", "restored"):
        raise Http404
    if which == "after":
        return PictureResponse(restore.preview, name="after")
    return PictureResponse(restore.image, name=names.restored(photo))
