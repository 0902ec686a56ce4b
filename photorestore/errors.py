"""What goes wrong: a page for people, a problem document for programs."""

from __future__ import annotations

import sys

from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.template import loader
from django.utils import translation
from django.views import defaults
from kombu.exceptions import OperationalError as BrokerError

from events import problems
from events.problems import Problem

_RETRY_AFTER = 5  # seconds
# The database, or the broker where a request cannot do without it.
_AWAY = (OperationalError, InterfaceError, BrokerError)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400 in the language of the address (Django's handler400)."""
    if _is_a_program_s(request):
        return problems.response(Problem(400, "bad_request", "This request cannot be understood."))
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403, likewise."""
    if _is_a_program_s(request):
        return problems.response(PermissionDenied())
    return defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404, likewise."""
    if _is_a_program_s(request):
        return problems.response(Http404())
    return defaults.page_not_found(request, exception)


def too_large(request: HttpRequest, *, megabytes: int) -> HttpResponse:
    """Answer 413 to a request that no middleware has met; by a page where one is to be shown."""
    if _is_a_program_s(request) or "text/html" not in request.headers.get("Accept", ""):
        detail = f"A request may have up to {megabytes} MB."
        return problems.response(Problem(413, "too_large", detail))
    with translation.override(translation.get_language_from_request(request)):
        page = loader.get_template("413.html").render({"megabytes": megabytes})
    return HttpResponse(page, status=413)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500, or 503 while the database or the broker is away. Asks neither of them."""
    # Django calls this while it handles the exception, and does not hand it over.
    if isinstance(sys.exc_info()[1], _AWAY):
        return _unavailable(request)
    if _is_a_program_s(request):
        return problems.response(Problem(500, "server_error", "The fault is ours. Try again."))
    return defaults.server_error(request)


def _unavailable(request: HttpRequest) -> HttpResponse:
    if _is_a_program_s(request):
        detail = "A part of this site does not answer just now. Come back in a moment."
        return problems.response(Problem(503, "unavailable", detail, wait=_RETRY_AFTER))
    page = loader.get_template("503.html").render()
    return HttpResponse(page, status=503, headers={"Retry-After": str(_RETRY_AFTER)})


def _is_a_program_s(request: HttpRequest) -> bool:
    return f"{request.path_info}/".startswith("/api/")
