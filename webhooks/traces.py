"""What may be kept of a call: enough to see what happened, nothing that is secret or a person's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from jobs.runpod import plain

_SECRET = re.compile(r"auth|cookie|token|secret|key|signature|password|session", re.IGNORECASE)
# From a word's beginning on: a picture in place of a sentence is one word of megabytes.
_URL = re.compile(r"\b\w+://[^\s\"'<>]+")
_LEFT_OUT = frozenset({"input", "webhook"})  # the photo, and the address with the token
_LONGEST = 60  # characters; a picture is longer, however small
_SENTENCE = 500
_MOST = 40  # headers, members of an object, items of a list
_DEEPEST = 4


def headers_of(headers: Mapping[str, str], *, token: str) -> dict[str, str]:
    """Return the headers without those that may be secret, and without the address."""
    kept = [(name, value) for name, value in headers.items() if not _SECRET.search(name)]
    return {plain(name)[:60]: _text(value, token)[:200] for name, value in kept[:_MOST]}


def report_of(body: Any, *, token: str) -> Any:
    """Return the report without the request that it repeats, and without its long texts."""
    if not isinstance(body, Mapping):
        return _shape(body, token, 0)
    kept = {name: value for name, value in body.items() if name not in _LEFT_OUT}
    report = _shape(kept, token, 0)
    if isinstance(body.get("error"), str):
        report["error"] = _text(body["error"], token)[:_SENTENCE]
    return report


def _text(text: str, token: str) -> str:
    """Return the text without the token, and of addresses their hosts alone: they may be signed."""
    text = _URL.sub(lambda found: f"{_host(found[0])}/…", plain(text))
    return text.replace(token, "…") if token else text


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname}"
    except ValueError:
        return "…"


def _shape(value: Any, token: str, depth: int) -> Any:
    """Return the value, or what stands for it where it is long or deep."""
    if isinstance(value, str):
        short = len(value) <= _LONGEST
        return _text(value, token) if short else f"… ({len(value)} characters)"
    if isinstance(value, Mapping | list) and depth == _DEEPEST:
        return f"… ({len(value)} inside)"
    if isinstance(value, Mapping):
        items = list(value.items())[:_MOST]
        return {_name(name, token): _shape(inside, token, depth + 1) for name, inside in items}
    if isinstance(value, list):
        return [_shape(inside, token, depth + 1) for inside in value[:_MOST]]
    return _number(value)


def _name(name: object, token: str) -> str:
    return _text(str(name), token)[:_LONGEST]


def _number(value: Any) -> Any:
    """Return it as JSON has it: Python reads NaN and Infinity, which a database refuses."""
    is_odd = isinstance(value, float) and value - value != 0
    return str(value) if is_odd else value
