"""Fixtures for what follows a job over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from jobs.models import Job
from tests import factories
from tests.streams import bearer, calling
from tests.wire import Wires


@pytest.fixture
def job(transactional_db: None) -> Job:
    """Return a job of somebody's."""
    return factories.job()


@pytest.fixture
def client(server: str, job: Job) -> Iterator[httpx2.Client]:
    """Return a client of the job's owner."""
    with calling(server, **bearer(job)) as client:
        yield client


@pytest.fixture
def site(server: str) -> str:
    """Return the address that wires lead to."""
    return server


@pytest.fixture
def wires(site: str) -> Iterator[Wires]:
    """Return connections to the site."""
    wires = Wires(site)
    yield wires
    wires.close()
