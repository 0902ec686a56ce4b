"""Fixtures for what follows a job over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from jobs.models import Job
from tests import factories
from tests.streams import bearer, calling


@pytest.fixture
def job(transactional_db: None) -> Job:
    """Return a job of somebody's."""
    return factories.job()


@pytest.fixture
def client(server: str, job: Job) -> Iterator[httpx2.Client]:
    """Return a client of the job's owner."""
    with calling(server, **bearer(job)) as client:
        yield client
