"""Who calls the API, and what their token lets them do."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from rest_framework import authentication, exceptions, permissions
from rest_framework.request import Request

from events.problems import Problem

from .models import ApiToken, Scope, hash_of


class BearerAuthentication(authentication.BaseAuthentication):
    """`Authorization: Bearer <API token>`, as `manage.py create_token` prints them."""

    def authenticate(self, request: Request | HttpRequest) -> tuple[Any, ApiToken] | None:
        """Return the token's user; None without such a header. Raises AuthenticationFailed."""
        words = str(request.META.get("HTTP_AUTHORIZATION", "")).split()
        if not words or words[0].lower() != "bearer":
            return None
        token = words[1] if len(words) == 2 else ""
        now = timezone.now()
        tokens = ApiToken.objects.valid(now=now).select_related("user")
        found = tokens.filter(token_hash=hash_of(token)).first()
        if found is None:
            raise exceptions.AuthenticationFailed("This API token is not valid (any more).")
        ApiToken.objects.note_use([found], now=now)
        return found.user, found

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge that makes a refusal a 401."""
        return "Bearer"


class IsPermitted(permissions.BasePermission):
    """Somebody known, by a session or by a token that has the scope which the view asks for."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Tell whether somebody is known. Raises Problem 403 where their token is for less."""
        if not (request.user and request.user.is_authenticated):
            return False
        scope = scope_of(request, view)
        if isinstance(request.auth, ApiToken) and scope not in request.auth.scopes:
            raise out_of_scope(scope)
        return True


def scope_of(request: Request, view: Any) -> Scope:
    """Return the scope that the call needs: the view's own, or else what its method says."""
    by_method = Scope.READ if request.method in permissions.SAFE_METHODS else Scope.RESTORE
    return getattr(view, "scope", by_method)


def out_of_scope(scope: Scope) -> Problem:
    """Return the refusal of a token that is good, but not for this (RFC 6750 §3.1)."""
    detail = f"This API token lacks the scope {scope.value}."
    problem = Problem(403, "insufficient_scope", detail, scope=scope.value)
    problem.auth_header = f'Bearer error="insufficient_scope", scope="{scope.value}"'  # type: ignore[attr-defined]
    return problem
