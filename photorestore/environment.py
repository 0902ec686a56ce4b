"""The environment as the settings read it: NAME, or the file that NAME_FILE names."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

import environ

_env = environ.FileAwareEnv()
# Names whose file cannot be read, and why; photorestore.checks reports them.
unreadable: dict[str, str] = {}


def given(name: str, default: str = "") -> str:
    """Return the variable's value; the default where it is unset, or empty as in .env.example."""
    try:
        return str(_env.str(name, default="")).strip() or default
    except OSError as error:
        unreadable[name] = str(error)
        return default


def split(url: str) -> SplitResult:
    """Return the address in its parts, all of them empty where it is none."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")
