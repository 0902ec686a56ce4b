"""The threads on which ordinary requests are answered."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
from django.db import connection

from tests import factories
from tests.services import PATIENCE
from tests.streams import bearer, calling, eventually
from tests.wire import Wire


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
        return httpx2.get(url, headers=headers, trust_env=False, timeout=PATIENCE).status_code

    with ThreadPoolExecutor(16) as clients:
        assert set(clients.map(ask, range(64))) == {200}
    eventually(lambda: open_connections() == 0)


def test_runpod_s_calls_are_answered_without_middleware_but_not_without_its_care(
    server: str, settings: Any
) -> None:
    _, token = factories.attempt(factories.job())
    url = f"{server}/api/v1/webhooks/runpod-completion/{token}"
    report = {"id": "job-1", "status": "IN_QUEUE"}
    with calling(server) as client:
        answer = client.post(url, json=report)
        assert (answer.status_code, answer.json()) == (200, {"ok": True})
        assert answer.headers["content-length"] == str(len(answer.content))
        found = {name: answer.headers.get(name) for name in settings.SECURITY_HEADERS}
        assert found == settings.SECURITY_HEADERS
        assert "set-cookie" not in answer.headers
        for wrong, status in [("/nobody's", 404), ("", 404), (f"/{token}/", 404)]:
            answer = client.post(f"{server}/api/v1/webhooks/runpod-completion{wrong}", json=report)
            assert (answer.status_code, answer.json()["status"]) == (status, status)
            assert answer.headers["x-content-type-options"] == "nosniff"
        answer = client.post(url, json=report, headers={"Host": "evil.example"})
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


@pytest.mark.parametrize("path", ["/", "/api/v1/events", "/api/v1/webhooks/runpod-completion/x"])
def test_a_websocket_is_refused_and_no_fault_of_ours(
    server: str, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    key = "dGhlIHNhbXBsZSBub25jZQ=="
    asking = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    with closing(Wire(server, path, asking | {"Sec-WebSocket-Key": key})) as wire:
        assert wire.status == 403
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
