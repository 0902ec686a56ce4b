"""Somebody at their browser, and the letters that they get."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail

from tests import factories


@pytest.fixture(autouse=True)
def _eager(eager: None) -> None:
    """Let all tasks here run where they are asked for."""


@pytest.fixture
def user(db: None) -> User:
    return factories.user(email="ada@photos.example")


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
