"""Fixtures of the restorer's tests."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from restorer.local_worker import Handler

from .endpoint import Endpoint, Receiver, Serve, answer_by_input


@pytest.fixture
def nothing_unexpected(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Errors in the server's own loop show in its log alone."""
    yield
    records = caplog.get_records("call")
    assert [record for record in records if record.levelno >= logging.ERROR] == []


@pytest.fixture(scope="module")
def stopping() -> Iterator[list[Endpoint]]:
    """Servers that stop beside the next tests: uvicorn takes 0.2 s for it, fifty times."""
    stopping: list[Endpoint] = []
    yield stopping
    for endpoint in stopping:
        endpoint.close()


@pytest.fixture
def serve(stopping: list[Endpoint]) -> Iterator[Serve]:
    endpoints: list[Endpoint] = []

    def start(handler: Handler, **settings: Any) -> Endpoint:
        endpoints.append(Endpoint(handler, **settings))
        return endpoints[-1]

    yield start
    for endpoint in endpoints:
        endpoint.stop()
        stopping.append(endpoint)


@pytest.fixture(scope="module")
def plain() -> Iterator[Endpoint]:
    """One endpoint for all tests that need no handler of their own."""
    endpoint = Endpoint(answer_by_input)
    yield endpoint
    endpoint.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()
