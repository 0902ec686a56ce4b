"""The threads on which ordinary requests are answered."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
from django.db import connection

from tests import factories
from tests.streams import bearer, eventually


def open_connections() -> int:
    """Return how many connections this process has to the database: lent ones, or open files."""
    if connection.vendor == "postgresql":
        stats = connection.pool.get_stats()  # type: ignore[attr-defined]
        return int(stats["pool_size"] - stats["pool_available"])
    name = str(connection.settings_dict["NAME"])
    links = (link for link in Path("/proc/self/fd").iterdir() if link.is_symlink())
    return sum(str(link.readlink()) == name for link in links)


def test_a_thread_keeps_no_connection_when_it_has_answered(server: str) -> None:
    headers = bearer(factories.job())
    connection.close()

    def ask(_: int) -> int:
        url = f"{server}/api/v1/photos"
        return httpx2.get(url, headers=headers, trust_env=False, timeout=60).status_code

    with ThreadPoolExecutor(16) as clients:
        assert set(clients.map(ask, range(64))) == {200}
    eventually(lambda: open_connections() == 0)
