"""Who calls the API."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from rest_framework import authentication, exceptions
from rest_framework.request import Request

from .models import ApiToken, hash_of


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
