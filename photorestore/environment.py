"""The environment as the settings read it: NAME, or the file that NAME_FILE names."""

from __future__ import annotations

import math
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

N = TypeVar("N", int, float)

_env = environ.FileAwareEnv()
_DATABASES = ("sqlite", "postgres", "postgresql", "psql", "pgsql")
# Names whose file cannot be read, and why; photorestore.checks reports them.
unreadable: dict[str, str] = {}
# Names whose value is no number that is allowed, and what is; reported there, too.
disallowed: dict[str, str] = {}


def given(name: str, default: str = "") -> str:
    """Return the variable's value; the default where it is unset, or empty as in .env.example."""
    try:
        return str(_env.str(name, default="")).strip() or default
    except OSError as error:
        unreadable[name] = str(error)
        return default


def number(name: str, default: N, *, at_least: N, at_most: N | None = None) -> N:
    """Return the variable as a number of the default's kind: whole, or a decimal fraction.

    The default where it is unset, and where it is not allowed, which photorestore.E013 reports.
    """
    text = given(name)
    if not text:
        return default
    value = _number_in(text, default)
    if value is None or value < at_least or (at_most is not None and value > at_most):
        kind = "a whole number" if isinstance(default, int) else "a number"
        limit = "" if at_most is None else f" and at most {at_most}"
        disallowed[name] = f"{name} is {text!r}. Allowed: {kind}, at least {at_least}{limit}."
        return default
    return value


def _number_in(text: str, default: N) -> N | None:
    try:
        value = type(default)(text)
        return value if math.isfinite(value) else None
    except (ValueError, OverflowError):
        return None


def letters(url: str) -> dict[str, Any] | None:
    """Return Django's settings for the way to send letters that the address names, if it does."""
    try:
        found: dict[str, Any] = environ.Env.email_url_config(url)
    except (ImproperlyConfigured, ValueError):
        return None
    return found


def database(url: str) -> dict[str, Any] | None:
    """Return Django's settings for the database that the address names, if it does."""
    if url.partition("://")[0] not in _DATABASES:
        return None
    try:
        found: dict[str, Any] = environ.Env.db_url_config(url)
    except ValueError:
        return None
    return found if found["NAME"] or "service" in found.get("OPTIONS", {}) else None


def split(url: str) -> SplitResult:
    """Return the address in its parts, all of them empty where it is none."""
    try:
        found = urlsplit(url)
        _ = found.port  # which is read only now
    except ValueError:
        return urlsplit("")
    return found
