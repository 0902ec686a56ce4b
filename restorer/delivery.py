"""How the picture leaves: to the address the job names for it, otherwise as text in the result."""

from __future__ import annotations

import base64
import time

import httpx2

# RunPod drops a result that is too large, and says COMPLETED all the same. How large is nowhere
# said; 10 MiB is its limit for a request. As base64, four bytes for three, this is 9.3 MB.
MAX_INLINE = 7_000_000
MAX_UPLOAD = 100_000_000
TRIES = 3
_SECONDS_BETWEEN = 1.0
_TIMEOUT = httpx2.Timeout(60.0, connect=10.0)


class UploadError(Exception):
    """The picture could not be left at its address; the text says what was answered."""


def upload(picture: bytes, kind: str, url: str) -> str:
    """PUT the picture to a presigned address, and return that without its signature.

    Raises UploadError.
    """
    if not url.lower().startswith(("http://", "https://")):
        raise UploadError("the address is none")
    answer = _put(picture, kind, url)
    for _ in range(TRIES - 1):
        if not _is_worth_another_try(answer):
            break
        time.sleep(_SECONDS_BETWEEN)
        answer = _put(picture, kind, url)
    if not answer.startswith("2"):
        raise UploadError(answer)
    return url.partition("?")[0]


def inline(picture: bytes) -> str:
    """Return the picture as base64 text."""
    return base64.b64encode(picture).decode("ascii")


def _put(picture: bytes, kind: str, url: str) -> str:
    """Return the number of the answer, or the name of what came in its place."""
    headers = {"Content-Type": f"image/{kind}"}
    try:
        answer = httpx2.put(url, content=picture, headers=headers, timeout=_TIMEOUT)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return type(error).__name__
    return str(answer.status_code)


def _is_worth_another_try(answer: str) -> bool:
    """Tell whether neither success nor a refusal was answered."""
    return not answer.startswith(("2", "3", "4"))
