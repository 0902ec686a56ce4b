"""A limit on bodies before any of them is kept: Django writes to disk first, and asks then."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from corsheaders.middleware import CorsMiddleware
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, HttpResponseBase

from . import errors
from .headers import secured

# For whom the middleware does not come by.
_cors = CorsMiddleware(lambda request: HttpResponse())


class BodyLimit:
    """An ASGI application around another that sees no body of more than `limit` bytes.

    A declared length beyond it is answered by 413; who sends more without declaring it is cut off.
    Kinder words, for what is only a little too large, are the views' matter.
    """

    def __init__(self, application: Any, limit: int) -> None:
        self._application = application
        self._limit = limit

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one connection."""
        if scope["type"] == "http" and _declared(scope) > self._limit:
            await self._refuse(scope, send)
        else:
            await self._application(scope, self._counted(receive), send)

    async def _refuse(self, scope: Any, send: Any) -> None:
        request = ASGIRequest(scope, BytesIO())
        response = errors.too_large(request, megabytes=self._limit // 1024**2)
        response["Connection"] = "close"
        _cors.add_response_headers(request, secured(response))
        await send({"type": "http.response.start", "status": 413, "headers": _encoded(response)})
        await send({"type": "http.response.body", "body": response.content})

    def _counted(self, receive: Any) -> Any:
        taken = 0

        async def counted() -> Any:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            return message if taken <= self._limit else {"type": "http.disconnect"}

        return counted


def _encoded(response: HttpResponseBase) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in response.items()]


def _declared(scope: Any) -> int:
    length = dict(scope["headers"]).get(b"content-length", b"")
    return int(length) if length.isdigit() else 0
