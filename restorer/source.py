"""Where the bytes of a photo come from: an address or base64, never more than 60 MB."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Mapping

import httpx2

from restorer.errors import RestoreError

MAX_BYTES = 60_000_000
# A server that trickles bytes passes every single read; this bounds them all together.
MAX_SECONDS = 120.0
TIMEOUT = httpx2.Timeout(20.0, connect=10.0)


def read(fields: Mapping[str, object]) -> bytes:
    """Return the bytes of the photo that a job's input names; raise RestoreError."""
    url, text = fields.get("image_url"), fields.get("image_base64")
    if isinstance(url, str) and url:
        return fetch(url)
    if isinstance(text, str) and text:
        return _decode(text)
    raise RestoreError("The job names no photo: send image_url or image_base64.")


def fetch(url: str) -> bytes:
    """Return what a http or https address answers; raise RestoreError."""
    if not url.lower().startswith(("http://", "https://")):
        raise RestoreError("The photo's address must start with http:// or https://.")
    try:
        with httpx2.stream("GET", url, timeout=TIMEOUT, follow_redirects=True) as response:
            response.raise_for_status()
            return _bounded(response)
    except httpx2.HTTPStatusError as error:
        status = error.response.status_code
        raise RestoreError(
            f"The photo could not be fetched: its address answered {status}."
        ) from error
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
        raise RestoreError("The photo could not be fetched from its address.") from error


def _bounded(response: httpx2.Response) -> bytes:
    deadline = time.monotonic() + MAX_SECONDS
    received = bytearray()
    for chunk in response.iter_bytes(65536):
        received += chunk
        _refuse_above_limit(len(received))
        if time.monotonic() > deadline:
            raise RestoreError("The photo could not be fetched: its address is too slow.")
    return bytes(received)


def _decode(text: str) -> bytes:
    if text.startswith("data:"):
        text = text.partition(",")[2]
    _refuse_above_limit(len(text) * 3 // 4 - 2)
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise RestoreError("The photo's base64 text is damaged.") from error


def _refuse_above_limit(size: int) -> None:
    if size > MAX_BYTES:
        raise RestoreError(f"The photo is too large: at most {MAX_BYTES // 1_000_000} MB.")
