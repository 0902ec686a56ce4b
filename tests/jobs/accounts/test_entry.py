"""Coming and going: sign up, in and out, a forgotten password."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import celery
import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client

from tests import factories

from .conftest import text

pytestmark = pytest.mark.django_db
PASSWORD = "a shoebox of photos"


def sign_up(client: Client, username: str = "bob", **more: str) -> Any:
    form = {"username": username, "password1": PASSWORD, "password2": PASSWORD, **more}
    return client.post("/accounts/sign-up/", form)


def sign_in(client: Client, username: str, password: str, **more: Any) -> Any:
    form = {"username": username, "password": password}
    return client.post("/accounts/sign-in/", form, **more)


def ask(client: Client, email: str) -> Any:
    return client.post("/accounts/reset/", {"email": email})


def test_an_address_may_be_left_for_a_forgotten_password(client: Client) -> None:
    sign_up(client, email="bob@photos.example")
    assert User.objects.get().email == "bob@photos.example"


def test_nobody_learns_at_sign_up_whose_addresses_are_known(client: Client, user: User) -> None:
    answer = sign_up(client, email=user.email)
    assert (answer.status_code, answer.url) == (302, "/")


def test_names_that_differ_in_case_alone_are_the_same(client: Client, user: User) -> None:
    assert sign_up(client, "ADA").status_code == 400


def test_who_is_signed_in_needs_no_other_account(browser: Client) -> None:
    for answer in (browser.get("/accounts/sign-up/"), browser.post("/accounts/sign-up/")):
        assert (answer.status_code, answer.headers["Location"]) == (302, "/")


def test_a_wrong_name_and_a_wrong_password_look_alike(client: Client, user: User) -> None:
    factories.user("gone", is_active=False)
    tries = [("ada", "wrong"), ("nobody", "wrong"), ("gone", "secret")]
    answers = [(name, sign_in(client, name, password)) for name, password in tries]
    assert len({answer.status_code for _, answer in answers}) == 1
    # All but the name, which comes back as it was typed, and the token of the form.
    token = re.compile(r'name="csrfmiddlewaretoken" value="\w+"')
    pages = {token.sub("", text(answer)).replace(f'"{name}"', "") for name, answer in answers}
    assert len(pages) == 1


def test_signing_out_leaves_nothing_in_the_cache(browser: Client) -> None:
    answer = browser.post("/accounts/sign-out/")
    assert answer["Clear-Site-Data"] == '"cache"'
    assert browser.get("/account/").status_code == 302


def test_a_letter_leads_to_a_new_password(
    client: Client, user: User, link: Callable[[], str]
) -> None:
    answer = ask(client, user.email)
    assert answer.url == "/accounts/reset/sent/"
    assert mail.outbox[0].to == [user.email]
    page = client.get(link(), follow=True)
    new = {"new_password1": PASSWORD, "new_password2": PASSWORD}
    assert client.post(page.redirect_chain[-1][0], new).url == "/"  # type: ignore[attr-defined]
    assert "You have a new password." in text(client.get("/"))
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


def test_a_letter_is_good_once(client: Client, user: User, link: Callable[[], str]) -> None:
    ask(client, user.email)
    user.set_password("another")
    user.save()
    assert "This link has been used" in text(client.get(link(), follow=True))


@pytest.mark.parametrize("email", ["ada@photos.example", "nobody@photos.example"])
def test_the_answer_does_not_tell_whether_there_is_an_account(
    client: Client, user: User, email: str
) -> None:
    answer = ask(client, email)
    assert (answer.status_code, answer.url) == (302, "/accounts/reset/sent/")
    assert len(mail.outbox) == (email == user.email)


def test_letters_lead_to_the_site_s_own_address(
    client: Client, user: User, link: Callable[[], str], settings: Any
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    client.post("/accounts/reset/", {"email": user.email}, headers={"Host": "evil.example"})
    assert link().startswith("/accounts/reset/")
    assert "evil" not in str(mail.outbox[0].message())


def test_who_may_not_sign_in_gets_no_letter(client: Client) -> None:
    factories.user(email="gone@photos.example", is_active=False)
    ask(client, "gone@photos.example")
    assert mail.outbox == []


def test_without_a_broker_one_is_asked_to_come_back(
    client: Client, user: User, no_broker: None, settings: Any
) -> None:
    celery.current_app.conf.task_always_eager = False
    client.raise_request_exception = False
    assert {ask(client, email).status_code for email in (user.email, "no@body.example")} == {503}


def test_the_admin_has_no_door_of_its_own(client: Client, user: User) -> None:
    answer: Any = client.get("/admin/login/?next=/admin/jobs/")
    assert answer.url == "/accounts/sign-in/?next=/admin/jobs/"
    client.force_login(user)
    assert client.get("/admin/", follow=True).status_code == 403
    client.force_login(factories.user("root", is_staff=True))
    assert client.get("/admin/login/").url == "/admin/"  # type: ignore[attr-defined]
