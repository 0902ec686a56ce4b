"""Cookies that are no session: whatever is in them, they are nobody's."""

from __future__ import annotations

import pytest
from django.test import Client

from jobs.sessions import is_key
from tests import factories

# What a browser's cookie can spell: octal escapes between quotes, and any other character.
ODD = ['"\\000abcdefgh"', "x" * 5000, "é" * 8, "a b c d e f", '"\\377\\376abcdef"', "short", ""]


@pytest.mark.parametrize("cookie", ODD, ids=range(len(ODD)))
@pytest.mark.django_db
def test_an_odd_cookie_is_nobody_s_for_pages_programs_and_streams(cookie: str) -> None:
    headers = {"cookie": f"sessionid={cookie}"}
    client = Client(raise_request_exception=False)
    assert client.get("/", headers=headers)["Location"] == "/accounts/sign-in/?next=/"
    for address in ("/api/v1/photos", "/api/v1/events"):
        answer = client.get(address, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


@pytest.mark.django_db
def test_a_session_of_ours_is_a_key() -> None:
    client = Client()
    client.force_login(factories.user())
    assert is_key(str(client.session.session_key))
    assert client.get("/").status_code == 200
