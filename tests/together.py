"""What several do at the same moment, each on a thread and by a connection of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connection

R = TypeVar("R")


def together(*work: Callable[[], R]) -> list[R]:
    """Begin all of it at once; return what each returned. Raises what one of them raised."""
    start = threading.Barrier(len(work))

    def run(one: Callable[[], R]) -> R:
        start.wait()
        try:
            return one()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(run, work))
