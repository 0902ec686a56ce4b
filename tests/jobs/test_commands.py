"""manage.py create_token."""

from __future__ import annotations

import io

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from rest_framework.test import APIClient

from jobs.models import ApiToken

pytestmark = pytest.mark.django_db


def test_a_token_is_printed_alone_works_and_is_kept_as_a_hash(user: User) -> None:
    output = io.StringIO()
    call_command("create_token", user.username, stdout=output)
    token = output.getvalue().removesuffix("\n")
    assert token.split() == [token]
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    assert client.get("/api/v1/jobs").status_code == 200
    assert token not in str(ApiToken.objects.values())


def test_an_unknown_or_switched_off_user_is_a_clear_error(user: User) -> None:
    with pytest.raises(CommandError, match="no user named 'eve'"):
        call_command("create_token", "eve")
    User.objects.update(is_active=False)
    with pytest.raises(CommandError, match="switched off"):
        call_command("create_token", user.username)
    assert not ApiToken.objects.exists()


def test_a_database_that_is_not_there_or_not_prepared_is_one_sentence(user: User) -> None:
    def fail(*arguments: object) -> None:
        raise OperationalError("no such table")

    with (
        connection.execute_wrapper(fail),
        pytest.raises(CommandError, match="cannot be used: no such table"),
    ):
        call_command("create_token", user.username)
