"""Who calls, and what they may follow."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest
from rest_framework import authentication, exceptions
from rest_framework.request import Request

from . import streams
from .models import ApiToken, Job, hash_of


class BearerAuthentication(authentication.BaseAuthentication):
    """`Authorization: Bearer <API token>`, as `manage.py create_token` prints them."""

    def authenticate(self, request: Request | HttpRequest) -> tuple[Any, ApiToken] | None:
        """Return the token's user; None without such a header. Raises AuthenticationFailed."""
        words = str(request.META.get("HTTP_AUTHORIZATION", "")).split()
        if not words or words[0].lower() != "bearer":
            return None
        token = words[1] if len(words) == 2 else ""
        found = ApiToken.objects.select_related("user").filter(token_hash=hash_of(token)).first()
        if found is None or not found.user.is_active:
            raise exceptions.AuthenticationFailed("This API token is not valid (any more).")
        return found.user, found

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge that makes a refusal a 401."""
        return "Bearer"


def stream_of(request: HttpRequest, id: UUID | None = None) -> str:
    """Return the stream of the caller's job of that id, or of all their jobs (EVENTS_AUTHORIZE).

    Raises AuthenticationFailed or NotAuthenticated; Http404 for what is not theirs.
    """
    user = _user(request)
    if id is None:
        return streams.owner_stream(user.pk)
    job = Job.objects.of(user).filter(pk=id).first()
    if job is None:
        raise Http404
    return streams.job_stream(job)


def _user(request: HttpRequest) -> Any:
    try:
        bearer = BearerAuthentication().authenticate(request)
        if bearer is None and not request.user.is_authenticated:
            raise exceptions.NotAuthenticated
    except exceptions.APIException as error:
        error.auth_header = "Bearer"  # type: ignore[attr-defined]
        raise
    return bearer[0] if bearer else request.user
