"""The headers that every response has, whoever made it."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.deprecation import MiddlewareMixin


class SecurityHeaders(MiddlewareMixin):
    """The outermost middleware: adds what SECURITY_HEADERS names and the response has not yet."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Return the response with them."""
        return secured(response)


def secured(response: HttpResponseBase) -> HttpResponseBase:
    """Return the response with the headers. One that a view has set itself stays as it is."""
    for name, value in settings.SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    return response
