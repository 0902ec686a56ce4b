"""How often one may try, and who counts as the same."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx2
import pytest
import time_machine
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.utils import timezone

from jobs import tasks
from jobs.models import Allowance
from tests import factories
from tests.conftest import serving
from tests.services import PATIENCE
from tests.together import together

from .conftest import text
from .test_entry import ask, sign_in, sign_up

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def limits(settings: Any) -> dict[str, Any]:
    """Return limits that are reached soon."""
    settings.ACCOUNTS_LIMITS = {
        "sign-in": {"address": (6, 60), "name": (3, 120)},
        "sign-up": {"address": (2, 60)},
        "letter": {"address": (6, 60), "name": (2, 120)},
        "export": {"name": (2, 60)},
    }
    return dict(settings.ACCOUNTS_LIMITS)


def statuses(*answers: Any) -> list[int]:
    return [answer.status_code for answer in answers]


def test_a_name_may_be_tried_so_often_from_anywhere(client: Client, user: User) -> None:
    tries = [sign_in(client, "ada", "wrong", REMOTE_ADDR=f"192.0.2.{n}") for n in range(4)]
    assert statuses(*tries) == [200, 200, 200, 429]
    assert "Please wait 2 minutes" in text(tries[-1])
    assert 0 < int(tries[-1]["Retry-After"]) <= 120


def test_the_right_password_opens_nothing_then(client: Client, user: User) -> None:
    for _ in range(3):
        sign_in(client, "ada", "wrong")
    assert sign_in(client, "ada", "secret").status_code == 429
    assert client.get("/account/").status_code == 302


@pytest.mark.parametrize("name", ["ADA", " ada ", "\uff41\uff44\uff41"])
def test_a_name_is_the_same_however_it_is_written(client: Client, user: User, name: str) -> None:
    for _ in range(3):
        sign_in(client, "ada", "wrong")
    assert sign_in(client, name, "wrong").status_code == 429


def test_a_name_that_nobody_has_is_limited_alike(client: Client) -> None:
    tries = [sign_in(client, "nobody", "wrong") for _ in range(4)]
    assert statuses(*tries) == [200, 200, 200, 429]


def test_an_address_may_try_so_often_whatever_the_name(client: Client) -> None:
    tries = [sign_in(client, f"name{n}", "wrong") for n in range(7)]
    assert statuses(*tries) == [200] * 6 + [429]
    assert sign_in(client, "other", "wrong", REMOTE_ADDR="192.0.2.9").status_code == 200


def test_a_home_s_ipv6_addresses_are_one(client: Client) -> None:
    tries = [
        sign_in(client, f"name{n}", "wrong", REMOTE_ADDR=f"2001:db8:1:1::{n:x}") for n in range(7)
    ]
    assert statuses(*tries) == [200] * 6 + [429]
    assert sign_in(client, "other", "wrong", REMOTE_ADDR="2001:db8:1:2::1").status_code == 200


def test_what_a_client_says_of_its_address_is_not_believed(client: Client) -> None:
    tries = [
        sign_in(client, f"name{n}", "wrong", headers={"X-Forwarded-For": f"192.0.2.{n}"})
        for n in range(7)
    ]
    assert statuses(*tries)[-1] == 429


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("proxies", "last"), [("", 429), ("127.0.0.1", 200)])
def test_a_proxy_is_believed_where_it_is_named(proxies: str, last: int) -> None:
    from photorestore.asgi import application

    with (
        serving(application, forwarded_allow_ips=proxies) as site,
        httpx2.Client(base_url=site, trust_env=False, timeout=PATIENCE) as client,
    ):
        page = client.get("/accounts/sign-in/").text
        token = page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
        for n in range(7):
            form = {"username": f"name{n}", "password": "wrong", "csrfmiddlewaretoken": token}
            # What stands before the proxy's own word is the client's, who may write anything.
            headers = {"X-Forwarded-For": f"198.51.100.1, 192.0.2.{n}"}
            answer = client.post("/accounts/sign-in/", data=form, headers=headers)
    assert answer.status_code == last


def test_after_a_while_one_may_try_again(client: Client, user: User) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(3):
            sign_in(client, "ada", "wrong")
        clock.shift(119)
        assert sign_in(client, "ada", "wrong").status_code == 429
        clock.shift(2)
        assert sign_in(client, "ada", "wrong").status_code == 200
        assert sign_in(client, "ada", "wrong").status_code == 429
        clock.shift(timedelta(days=1))
        assert sign_in(client, "ada", "secret").status_code == 302


def test_who_knows_the_password_is_not_counted(client: Client, user: User) -> None:
    for _ in range(10):
        assert sign_in(Client(), "ada", "secret").status_code == 302
    assert statuses(*(sign_in(client, "ada", "wrong") for _ in range(3))) == [200] * 3


def test_who_has_been_here_is_not_locked_out_while_others_guess(client: Client, user: User) -> None:
    sign_in(client, "ada", "secret")
    client.post("/accounts/sign-out/")
    for n in range(9):
        sign_in(Client(), "ada", "wrong", REMOTE_ADDR=f"192.0.2.{n}")
    assert sign_in(Client(), "ada", "secret").status_code == 429
    assert sign_in(client, "ada", "secret").status_code == 302
    wrong = [client.post("/account/delete/", {"password": "wrong"}) for _ in range(4)]
    assert statuses(*wrong) == [400, 400, 400, 429]


def test_who_has_been_here_guesses_at_no_other_name(client: Client, user: User) -> None:
    factories.user("eve")
    sign_in(client, "eve", "secret")
    client.post("/accounts/sign-out/")
    assert "eve" not in client.cookies["browser"].value
    tries = [sign_in(client, "ada", "wrong") for _ in range(3)]
    assert statuses(*tries, sign_in(Client(), "ada", "wrong")) == [200, 200, 200, 429]


@pytest.mark.parametrize("value", ["", "x", "x.y", "a.b:c"])
def test_who_says_to_have_been_here_has_not(client: Client, user: User, value: str) -> None:
    for _ in range(3):
        sign_in(client, "ada", "wrong")
    client.cookies["browser"] = value
    assert sign_in(client, "ada", "wrong").status_code == 429


def test_to_look_at_the_form_is_free(client: Client) -> None:
    assert {client.get("/accounts/sign-in/").status_code for _ in range(10)} == {200}


def test_the_password_is_guessed_no_more_often_behind_the_door(client: Client) -> None:
    client.force_login(factories.user("Kim"))
    wrong = {"password": "wrong", "email": "new@photos.example", "old_password": "wrong"}
    paths = ("/account/delete/", "/account/email/", "/account/password/", "/account/delete/")
    answers = [client.post(path, wrong) for path in paths]
    assert answers[-1].status_code == 429
    assert sign_in(Client(), "kim", "wrong").status_code == 429
    assert User.objects.exists()


def test_accounts_are_made_so_often_from_an_address(client: Client) -> None:
    answers = [sign_up(Client(), name) for name in ("bob", "eve", "kim")]
    assert statuses(*answers) == [302, 302, 429]
    assert User.objects.count() == 2


def test_letters_are_sent_so_often_to_an_address(client: Client, user: User) -> None:
    same = ("ada@photos.example", "ADA@photos.example", "ada@photos.example")
    assert statuses(*(ask(client, email) for email in same)) == [302, 302, 429]
    assert len(mail.outbox) == 2
    assert ask(client, "eve@photos.example").status_code == 302


def test_data_is_fetched_so_often(browser: Client) -> None:
    answers = [browser.post("/account/export/") for _ in range(3)]
    for answer in answers:
        answer.close()
    assert statuses(*answers) == [200, 200, 429]


def test_neither_names_nor_addresses_are_kept(client: Client) -> None:
    sign_in(client, "ada", "wrong", REMOTE_ADDR="192.0.2.1")
    rows = str(list(Allowance.objects.values_list()))
    assert "ada" not in rows
    assert "192.0.2" not in rows


def test_what_counts_no_more_is_forgotten(client: Client) -> None:
    sign_in(client, "ada", "wrong")
    tasks.forget_expired()
    assert Allowance.objects.count() == 2
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        tasks.forget_expired()
    assert not Allowance.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_tries_at_once_are_all_counted() -> None:
    factories.user()

    def attempt() -> int:
        return int(sign_in(Client(), "ada", "wrong").status_code)

    answers = sorted(together(*[attempt] * 5))
    assert answers == [200, 200, 200, 429, 429]
