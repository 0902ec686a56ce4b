"""Addresses that take forms: who was signed out meanwhile, who comes without one, who only asks."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, reverse

from jobs import urls
from tests import factories

pytestmark = pytest.mark.django_db

NO_ID = UUID(int=0)
FORMS = [
    "again",
    "cancel",
    "choose",
    "delete-webhook",
    "export",
    "resend-delivery",
    "restore-again",
    "revoke-token",
    "rotate-secret",
    "selection",
    "share",
    "start",
    "stop-sharing",
    "switch-webhook",
]


def address(name: str) -> str:
    [pattern] = [each for each in urls.urlpatterns if each.name == name]
    assert isinstance(pattern, URLPattern)
    kinds = pattern.pattern.converters
    return reverse(
        f"jobs:{name}",
        kwargs={
            key: 1 if "int" in type(kind).__name__.lower() else NO_ID for key, kind in kinds.items()
        },
    )


@pytest.mark.parametrize("name", FORMS)
def test_who_was_signed_out_comes_back_to_the_form(client: Client, name: str) -> None:
    page = "/account/webhooks/?page=2"
    headers = {"Referer": f"http://testserver{page}"}
    answer: Any = client.post(address(name), headers=headers)
    assert (answer.status_code, answer.url) == (
        302,
        "/accounts/sign-in/?next=/account/webhooks/%3Fpage%3D2",
    )
    assert (
        "You were signed out meanwhile: nothing was changed."
        in client.get(answer.url).content.decode()
    )


def test_nobody_is_led_away_by_what_a_page_says_of_itself(client: Client) -> None:
    answer: Any = client.post(address("export"), headers={"Referer": "https://evil.example//x"})
    assert answer.url == "/accounts/sign-in/?next=//x"
    factories.user("ada")
    form = {"username": "ada", "password": "secret", "next": "//x"}
    assert client.post("/accounts/sign-in/", form).headers["Location"] == "/"


@pytest.mark.parametrize("name", FORMS)
def test_who_comes_without_a_form_is_told_so(client: Client, user: User, name: str) -> None:
    client.force_login(user)
    answer = client.get(address(name))
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert "Nothing was changed" in answer.content.decode()


@pytest.mark.parametrize("path", ["/", "/photos/{}/", "/photos/{}/original/", "/photos/{}/delete/"])
def test_to_ask_for_the_head_is_to_look(client: Client, user: User, path: str) -> None:
    client.force_login(user)
    job = factories.job(user)
    answer = client.head(path.format(job.photo_id))
    answer.close()
    assert answer.status_code == 200


def test_what_is_wrong_with_the_details_is_said(client: Client, user: User, settings: Any) -> None:
    settings.RUNPOD_ENDPOINT_KIND = "comfyui"
    settings.RUNPOD_COMFYUI_WORKFLOWS = ["redraw"]
    client.force_login(user)
    photo = factories.job(user).photo_id
    for form, says in (
        ({"strength": "7"}, "Strength: Ensure this value is less than or equal to 0.8"),
        ({"prompt": "x" * 9000}, "What it shows: Ensure this value has at most"),
    ):
        client.post(f"/photos/{photo}/restore/", {"preset": "redraw", **form})
        assert says in client.get(f"/photos/{photo}/").content.decode()
