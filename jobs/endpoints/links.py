"""Addresses of results: which may be fetched, and which lead to no picture."""

from __future__ import annotations

import mimetypes
import re

from django.conf import settings

from .. import fetching

_BEGINS_LIKE_ONE = re.compile(r"(?!data:)[a-z][a-z0-9+.-]*:(//|\S*$)", re.IGNORECASE)
# A path, or a name that ends as files do: neither can be base64 of a picture.
_PATH = re.compile(r"[.~]{0,2}/\S*|\S*\.[a-z0-9]{2,5}", re.IGNORECASE)
_LONGEST_PATH = 1000


def rules() -> fetching.Rules:
    """Return what the settings allow to be fetched."""
    return fetching.Rules.of(
        settings.RUNPOD_RESULT_HOSTS,
        max_bytes=settings.PHOTOS_MAX_BYTES,
        seconds=settings.RUNPOD_RESULT_TIMEOUT,
    )


def is_one(text: str) -> bool:
    """Tell whether the text is an address or a path, good or not, rather than a sentence."""
    if len(text) > _LONGEST_PATH:
        return _BEGINS_LIKE_ONE.match(text[:_LONGEST_PATH]) is not None
    return bool(_BEGINS_LIKE_ONE.match(text) or _PATH.fullmatch(text))


def is_public(url: str) -> bool:
    """Tell whether the address could be fetched, if its host were allowed."""
    try:
        fetching.check(url, rules=rules())
    except fetching.FetchError as error:
        return error.code == "host_not_allowed"
    return True


def is_other_than_picture(name: str) -> bool:
    """Tell whether a file of that name or at that address is a film, a text or the like."""
    kind = mimetypes.guess_type(name.partition("?")[0])[0]
    return kind is not None and not kind.startswith("image/")
