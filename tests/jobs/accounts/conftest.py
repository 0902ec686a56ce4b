"""Somebody at their browser, and the letters that they get."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import celery
import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client

from tests import factories


@pytest.fixture(autouse=True)
def eager() -> Iterator[None]:
    """Let tasks run where they are asked for."""
    celery.current_app.conf.task_always_eager = True
    yield
    celery.current_app.conf.task_always_eager = False


@pytest.fixture
def user(db: None) -> User:
    return factories.user(email="ada@photos.example")


@pytest.fixture
def browser(client: Client, user: User) -> Client:
    client.force_login(user)
    return client


@pytest.fixture
def link() -> Callable[[], str]:
    """Return the path that the newest letter leads to."""

    def found() -> str:
        match = re.search(r"^http://127.0.0.1:8000(/\S+)$", str(mail.outbox[-1].body), re.MULTILINE)
        assert match
        return match[1]

    return found


def text(response: Any) -> str:
    return str(response.content.decode())
