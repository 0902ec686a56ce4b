"""What all views of the API have in common."""

from __future__ import annotations

from typing import Any

from django.http.request import MediaType
from rest_framework.negotiation import BaseContentNegotiation, DefaultContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from .. import downloads
from ..throttling import UserThrottle

_JSON = "application/json"


class JsonIfTaken(DefaultContentNegotiation):
    """Answers with JSON where Accept allows it; an empty one says no more than none."""

    def get_accept_list(self, request: Request) -> list[str]:
        """Return what the client takes: nothing where it says that JSON is worth nothing (q=0).

        DRF knows no qualities. The most specific range that has JSON in it decides.
        """
        ranges = [MediaType(each) for each in super().get_accept_list(request) if each]
        ours = [each for each in ranges if each.match(_JSON)]
        if ours and not min(ours, key=_width).quality:
            return []
        return [str(each) for each in ranges] or ["*/*"]


def _width(range: MediaType) -> int:
    return [range.main_type, range.sub_type].count("*")


class ApiView(APIView):
    """A view of the API: counts its callers' calls, and tells them what is left."""

    content_negotiation_class: type[BaseContentNegotiation] = JsonIfTaken
    throttle_classes = (UserThrottle,)

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Response:
        """Add the quota's headers."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        if quota := getattr(request, "quota", None):
            for name, value in quota.headers().items():
                answer[name] = value
        return answer


class OneKind(BaseContentNegotiation):
    """Answers with what there is: a picture's client accepts pictures, not JSON."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """Return the first."""
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        """Return the first, which renders problems alone."""
        return renderers[0], renderers[0].media_type


class PictureView(ApiView):
    """A view of a picture: whole, in part, or not at all where the client has it already."""

    content_negotiation_class = OneKind
    rate = "pictures"

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Response:
        """Answer as the request's conditions and Range want it."""
        if isinstance(response, downloads.PictureResponse):
            response = downloads.as_asked(request, response)
        return super().finalize_response(request, response, *args, **kwargs)
