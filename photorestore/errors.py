"""What is not found: a page for people, a problem document for programs."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.views import defaults

from events import problems


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404 in the language of the address (Django's handler404)."""
    if request.path_info.startswith("/api/"):
        return problems.response(Http404())
    return defaults.page_not_found(request, exception)
