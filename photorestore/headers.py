"""The headers that every response has, whoever made it."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase


class SecurityHeaders:
    """The outermost middleware: adds what SECURITY_HEADERS names and the response has not yet."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request."""
        return secured(self._get_response(request))


def secured(response: HttpResponseBase) -> HttpResponseBase:
    """Return the response with the headers. One that a view has set itself stays as it is."""
    for name, value in settings.SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    return response
