"""Who uses the pages, and tasks that run at once."""

from __future__ import annotations

from collections.abc import Iterator

import celery
import pytest
from django.contrib.auth.models import User
from django.test import Client


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
