"""What an address says of where it leads."""

from __future__ import annotations

from .environment import split

_LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


def is_local(url: str) -> bool:
    """Tell whether the address leads to the machine that asks, and so nobody else reaches it."""
    return split(url).hostname in _LOCAL_HOSTS
