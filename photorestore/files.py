"""How many files, and so connections, a process may have open."""

from __future__ import annotations

import resource
from contextlib import suppress


def take_all() -> None:
    """Raise this process's limit to the highest that it may have: each open stream is a file.

    The usual 1,024 were chosen for programs that use select(2), which nothing here does.
    """
    with suppress(ValueError, OSError):  # macOS names a limit that it does not grant
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit(), limit()))


def limit() -> int:
    """Return that highest number."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]
