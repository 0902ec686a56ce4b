"""Who uses the pages, tasks that run at once, and a clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import celery
import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from time_machine import Traveller


@pytest.fixture
def browser(client: Client, user: User) -> Client:
    """Return somebody's browser, signed in."""
    client.force_login(user)
    return client


@pytest.fixture
def eager() -> Iterator[None]:
    """Let tasks run where they are asked for."""
    celery.current_app.conf.task_always_eager = True
    yield
    celery.current_app.conf.task_always_eager = False


@pytest.fixture
def clock() -> Iterator[Traveller]:
    """Stop the clock; tests move it on."""
    with time_machine.travel(datetime(2026, 11, 24, 12, tzinfo=UTC), tick=False) as clock:
        yield clock
