"""Idempotency-Key: a POST that is sent again finds what the first has made."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from rest_framework.request import Request

from events.problems import Problem

from ..idempotency import KeyReusedError, RepeatedError, Wish
from ..models import hash_of

_KEY = re.compile(r"[!-~]{1,255}")


def grant(request: Request, make: Callable[[Wish | None], Any]) -> str:
    """Return the id of what `make` makes, or of what it made when the same was sent before.

    `make` has to claim the wish where there is one. Raises Problem 400 or 409 for the key.
    """
    wish = _wish(request)
    try:
        return (wish.granted() if wish else None) or str(make(wish))
    except RepeatedError as error:
        return error.subject
    except KeyReusedError as error:
        detail = "This Idempotency-Key was sent with another request. A new one needs a new key."
        raise Problem(409, "idempotency_key_reused", detail) from error


def _wish(request: Request) -> Wish | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        detail = "Idempotency-Key must have 1 to 255 characters, of ASCII and none of them a space."
        raise Problem(400, "bad_idempotency_key", detail)
    return Wish(request.user, hash_of(key), _hash(request))


def _hash(request: Request) -> str:
    """Return a hash of all that is asked for: where, and with which fields and files."""
    found = hashlib.sha256(f"{request.method} {request.path}".encode())
    for part in _parts(request.data):
        found.update(b"\0" + part.encode("utf-8", "surrogatepass"))
    return found.hexdigest()


def _parts(data: Any) -> Iterator[str]:
    if not isinstance(data, QueryDict):
        yield json.dumps(data, sort_keys=True)
        return
    # A form's own bytes differ each time, by the boundary between its parts.
    for name in sorted(data):
        for value in data.getlist(name):
            yield name
            yield _digest(value) if isinstance(value, UploadedFile) else str(value)


def _digest(file: UploadedFile) -> str:
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    file.seek(0)
    return f"{file.name} {digest}"
