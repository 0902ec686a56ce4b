"""The API's description, for programs and for people."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache, wraps

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.generators import SchemaGenerator
from rest_framework.exceptions import MethodNotAllowed

from events import problems

# It is nobody's own, and changes with a release only.
_CACHED = {"Cache-Control": "public, max-age=3600", "Cross-Origin-Resource-Policy": "cross-origin"}


View = Callable[[HttpRequest], HttpResponse]


def _only_read(view: View) -> View:
    """Let the view be read, and refuse all else as the rest of the API does."""

    @csrf_exempt  # nothing is changed
    @wraps(view)
    def checked(request: HttpRequest) -> HttpResponse:
        if request.method in ("GET", "HEAD"):
            return view(request)
        refusal = problems.response(MethodNotAllowed(request.method or ""))
        refusal["Allow"] = "GET, HEAD"
        return refusal

    return checked


@_only_read
def schema(request: HttpRequest) -> HttpResponse:
    """Return the API's description: OpenAPI 3.1 in JSON."""
    return HttpResponse(_document(), content_type="application/json", headers=_CACHED)


@lru_cache(maxsize=1)
def _document() -> bytes:
    made = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return json.dumps(made, ensure_ascii=False).encode()


@_only_read
def docs(request: HttpRequest) -> HttpResponse:
    """Show the description as a page on which calls can be tried."""
    response = render(request, "jobs/docs.html", {"csrf_cookie": settings.CSRF_COOKIE_NAME})
    # Its pictures are within its style sheet; all the rest is as everywhere.
    policy = settings.SECURITY_HEADERS["Content-Security-Policy"]
    response["Content-Security-Policy"] = policy.replace("img-src ", "img-src data: ")
    return response
