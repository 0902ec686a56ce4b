"""What operators' programs ask the process that answers."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from events.metrics import registry

from .addresses import is_local


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer with this process's metrics as Prometheus reads them; 404 to who may not."""
    if not _may_read(request):
        raise Http404
    encode, content_type = _encoder(request.headers.get("Accept", ""))
    headers = {"Cache-Control": "no-store"}
    return HttpResponse(encode(registry), content_type=content_type, headers=headers)


def _encoder(accept: str) -> tuple[Callable[[Collector], bytes], str]:
    try:
        return choose_encoder(accept)
    except TypeError:  # of a version that is no number
        return choose_encoder("")


def _may_read(request: HttpRequest) -> bool:
    # The token before the session, so that no scrape asks the database.
    return is_local(settings.PUBLIC_URL) or _has_token(request) or request.user.is_staff


def _has_token(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    expected = settings.METRICS_TOKEN
    return bool(expected) and scheme.lower() == "bearer" and constant_time_compare(token, expected)
