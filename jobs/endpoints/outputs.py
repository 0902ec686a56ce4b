"""What is in a worker's output, whoever wrote the worker: pictures, addresses, errors.

Nothing is specified but that it is JSON. The keys are those that workers in the field use.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils.translation import gettext_noop

from ..runpod import UNEXPLAINED, plain, sentence
from . import links, texts
from .base import OutputError, Result

# Where results are, and where there is something else by a similar name.
_RESULT = re.compile(
    r"image|img|picture|photo|ur[li]|base64|b64|output|result|data|file|artifact|content|sample"
    r"|prediction|response|body|payload|restored|enhanced|upscaled|coloriz|generated|link|message"
)
_OTHER = re.compile(
    r"input|source|src|mask|original|thumb|preview|webhook|progress|control|init_|reference|count"
    r"|num|width|height|size|type|format|name|resolution|token|meta|info|param|seed|time|version"
)
_ERROR = re.compile(r"errors?|error_?message|exception")
_DETAIL = re.compile(r"details?|message|msg|reason")
_FAILED = ("error", "errored", "failed", "failure", "fail", "exception")
_KIND = re.compile(r"(file_?)?name|type|mime(_?type)?|(content|media)_?type|format")
_OUT_OF_REACH = gettext_noop("The worker left the picture where it cannot be fetched.")
_NOTHING = gettext_noop("The worker finished without a picture.")
_SOMETHING_ELSE = gettext_noop("The worker finished with something else than a picture.")
_DEEPEST = 8
_MOST = 10_000  # values looked at


@dataclass(frozen=True)
class Candidate:
    """A picture in base64, or the address of one: `kind` is "base64" or "url"."""

    kind: str
    text: str


@dataclass
class Findings:
    """What was found, in its order: `refused` are addresses that nobody may fetch."""

    candidates: list[Candidate] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    has_failed: bool = False


def read(output: object, *, last: bool = False) -> Result:
    """Return the output's first picture, or its last. Raises OutputError, which names the reason.

    A picture that is there beats one that has to be fetched.
    """
    found = look(output)
    candidates = found.candidates[::-1] if last else found.candidates
    if not found.has_failed:
        for candidate in sorted(candidates, key=lambda candidate: candidate.kind):
            if candidate.kind == "url":
                return Result(url=candidate.text, warnings=tuple(found.errors))
            if image := texts.decoded(candidate.text):
                return Result(image=image, warnings=tuple(found.errors))
    raise _reason(output, found)


def _reason(output: object, found: Findings) -> OutputError:
    if found.has_failed or found.errors:
        said = "; ".join(found.errors or found.details)
        return OutputError("output_error", said or UNEXPLAINED)
    if found.refused:
        return OutputError("bad_url", _OUT_OF_REACH)
    if _is_empty(output):
        return OutputError("no_output", _NOTHING)
    return OutputError("unknown_output", _SOMETHING_ELSE)


def _is_empty(value: object, depth: int = 0) -> bool:
    """Tell whether there is a place for a picture, and nothing in it."""
    if isinstance(value, str):
        return not value.strip()
    if not value or depth > _DEEPEST:
        return not value
    if isinstance(value, list):
        return all(_is_empty(item, depth + 1) for item in value)
    if isinstance(value, dict):
        places = [held for key, held in value.items() if _is_place(key.lower())]
        return bool(places) and all(_is_empty(place, depth + 1) for place in places)
    return False


def _is_place(key: str) -> bool:
    # ComfyUI's nodes have numbers for names.
    return key.isdecimal() or bool(_RESULT.search(key) and not _OTHER.search(key))


def look(output: object) -> Findings:
    """Return what is in the output."""
    search = _Search()
    search.look_at(output)
    return search.found


class _Search:
    """A walk through an output, so far and no further."""

    def __init__(self) -> None:
        self.found = Findings()
        self._left = _MOST

    def look_at(self, value: object, depth: int = 0) -> None:
        self._left -= 1
        if depth > _DEEPEST or self._left < 0:
            return
        if isinstance(value, str):
            self._take_text(value, depth)
        elif isinstance(value, list):
            for item in value:
                self.look_at(item, depth + 1)
        elif isinstance(value, dict) and not _is_of_another_kind(value):
            for key, held in value.items():
                self._take_member(key.lower(), held, depth)

    def _take_member(self, key: str, held: object, depth: int) -> None:
        if _ERROR.fullmatch(key):
            self.found.errors += [text] if (text := sentence(held)) else []
        elif _says_failed(key, held):
            self.found.has_failed = True
        elif _DETAIL.fullmatch(key) and not _leads_on(held):
            self.found.details += [text] if (text := sentence(held)) else []
        elif _is_place(key):
            self.look_at(held, depth + 1)

    def _take_text(self, text: str, depth: int) -> None:
        text = text.strip()
        if text.startswith(("{", "[")):
            self.look_at(_document(text), depth + 1)
        elif texts.is_picture(text):
            self.found.candidates.append(Candidate("base64", text))
        elif links.is_one(text) and not links.is_other_than_picture(text):
            self._take_address(plain(text))

    def _take_address(self, url: str) -> None:
        if links.is_public(url):
            self.found.candidates.append(Candidate("url", url))
        else:
            self.found.refused.append(url)


def _is_of_another_kind(members: Mapping[str, object]) -> bool:
    """Tell whether what they describe is said to be a film, a sound or a text."""
    kinds = [held for key, held in members.items() if _KIND.fullmatch(key.lower())]
    return any(
        kind.lower().startswith(("video", "audio", "text")) or links.is_other_than_picture(kind)
        for kind in kinds
        if isinstance(kind, str)
    )


def _says_failed(key: str, held: object) -> bool:
    if key in ("status", "state"):
        return isinstance(held, str) and held.lower() in _FAILED
    return key in ("success", "ok") and held is False


def _leads_on(held: object) -> bool:
    """Tell whether what stands where others write a sentence may be, or hold, a picture."""
    if isinstance(held, str):
        return texts.is_picture(held) or links.is_one(held.strip())
    return isinstance(held, dict)


def _document(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
