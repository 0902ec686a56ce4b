"""What all views of the API have in common."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ..throttling import UserThrottle


class ApiView(APIView):
    """A view of the API: counts its callers' calls, and tells them what is left."""

    throttle_classes = (UserThrottle,)

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Response:
        """Add the quota's headers, and forbid caches what is somebody's own."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        if quota := getattr(request, "quota", None):
            for name, value in quota.headers().items():
                answer[name] = value
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer
