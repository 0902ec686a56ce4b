"""What the pages' views share."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

View = Callable[..., HttpResponseBase]


def user_of(request: HttpRequest) -> User:
    """Return who is signed in; for views that ask for that."""
    assert request.user.is_authenticated
    return request.user


def status_of(form: BaseForm) -> int:
    """Return the answer's status: 400 where the form has errors."""
    return 400 if form.errors else 200


def form_only(view: View) -> View:
    """Let the view answer forms of who is signed in.

    Who was signed out meanwhile comes back, once signed in, to the page that has the form; who
    comes without one, by the address alone, is told so.
    """

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _sign_in_again(request)
        if request.method != "POST":
            answer = render(request, "405.html", status=405)
            answer["Allow"] = "POST"
            return answer
        return view(request, *args, **kwargs)

    return inner


def _sign_in_again(request: HttpRequest) -> HttpResponseBase:
    if request.method != "POST":
        return redirect_to_login(request.get_full_path())
    messages.error(request, _("You were signed out meanwhile: nothing was changed."))
    form = urlsplit(request.headers.get("Referer", ""))
    return redirect_to_login(f"{form.path}?{form.query}" if form.query else form.path or "/")


def errors_of(form: BaseForm) -> str:
    """Return what is wrong with the form, each field by its name."""
    return " ".join(
        f"{form[name].label}: {' '.join(map(str, errors))}" for name, errors in form.errors.items()
    )


def say_started(request: HttpRequest, count: int) -> None:
    """Say how many photos are being restored."""
    text = ngettext(
        "%(count)s photo is being restored.", "%(count)s photos are being restored.", count
    )
    messages.success(request, text % {"count": count})
