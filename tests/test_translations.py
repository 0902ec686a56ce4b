"""Everything that is said to people is said in every language, and the compiled files say it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

import pytest
from babel.messages.catalog import Message
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone, translation

from jobs import lifecycle, presets
from jobs.models import ApiToken, Delivery, Webhook

from . import catalogs, factories

_PLACEHOLDER = re.compile(r"%(?:\((\w+)\))?[a-z%]|</?[a-z]+")
languages = pytest.mark.parametrize("language", catalogs.LANGUAGES)


def texts(value: str | Iterable[str] | None) -> list[str]:
    return [value] if isinstance(value, str) else [*(value or ())]


def messages(language: str) -> list[Message]:
    return [message for message in catalogs.kept(language) if message.id]


def key(message: Message) -> tuple[Any, Any]:
    return (message.id, message.context)


def test_nothing_is_said_within_an_f_string() -> None:
    """Whatever gathers what is said does not see it there, so that nobody translates it."""
    for path, source in catalogs.sources():
        if path.suffix == ".py":
            texts = [
                node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.JoinedStr)
            ]
            calls = [
                node for text in texts for node in ast.walk(text) if isinstance(node, ast.Call)
            ]
            said = [
                ast.unparse(call) for call in calls if re.match(r"_\(|n?gettext", ast.unparse(call))
            ]
            assert said == [], path


def test_every_language_but_our_own_has_a_catalog() -> None:
    assert {"en", *catalogs.LANGUAGES} == {code for code, _ in settings.LANGUAGES}


@languages
def test_a_catalog_has_what_the_sources_say_and_nothing_else(language: str) -> None:
    said = {key(message) for message in catalogs.gathered() if message.id}
    assert {key(message) for message in messages(language)} == said, "make messages"


@languages
def test_nothing_lacks_a_translation(language: str) -> None:
    lacking = [m.id for m in messages(language) if m.fuzzy or not all(texts(m.string or ""))]
    assert lacking == []


@languages
def test_placeholders_and_tags_are_the_original_s(language: str) -> None:
    for message in messages(language):
        expected = sorted(_PLACEHOLDER.findall(texts(message.id)[-1]))
        for text in texts(message.string)[-1:]:
            assert sorted(_PLACEHOLDER.findall(text)) == expected, message.id


@languages
def test_a_translation_begins_and_ends_as_the_original(language: str) -> None:
    for message in messages(language):
        for original, text in zip(texts(message.id), texts(message.string), strict=True):
            assert text == text.strip(), message.id
            assert ("\n" in original) == ("\n" in text), message.id
            assert original.endswith("…") == text.endswith("…"), message.id


@languages
def test_the_compiled_file_is_of_this_catalog(language: str) -> None:
    kept = catalogs.file(language).with_suffix(".mo").read_bytes()
    assert kept == catalogs.compiled(language), "make messages"


@pytest.mark.parametrize(
    ("accept", "language", "says"),
    [
        ("de-AT, en;q=0.5", "de", "Anmelden"),
        ("es-MX", "es", "Entrar"),
        ("fr, en;q=0.5", "en", "Sign in"),
        ("fr", "en", "Sign in"),
    ],
)
def test_a_page_is_in_the_reader_s_language(
    client: Client, accept: str, language: str, says: str
) -> None:
    answer = client.get("/accounts/sign-in/", headers={"Accept-Language": accept})
    assert answer["Content-Language"] == language
    page = answer.content.decode()
    assert f'<html lang="{language}"' in page
    assert f"<h1>{says}</h1>" in page


def test_one_may_choose_another_which_stays(client: Client) -> None:
    form = {"language": "es", "next": "/accounts/sign-up/"}
    answer = client.post("/language/", form, headers={"Accept-Language": "de"})
    assert (answer.status_code, answer.url) == (302, "/accounts/sign-up/")  # type: ignore[attr-defined]
    page = client.get("/accounts/sign-up/", headers={"Accept-Language": "de"})
    assert page["Content-Language"] == "es"


@languages
def test_each_language_is_offered_by_its_own_name(client: Client, language: str) -> None:
    page = client.get("/accounts/sign-in/", headers={"Accept-Language": language}).content.decode()
    for code, name in settings.LANGUAGES:
        assert f'value="{code}" lang="{code}"' in page
        assert f">{name}</button>" in page


def test_choosing_leads_nowhere_else(client: Client) -> None:
    answer: Any = client.post("/language/", {"language": "es", "next": "https://evil.example/"})
    assert answer.url == "/"


@languages
def test_django_s_own_words_are_in_it_too(client: Client, language: str, db: None) -> None:
    headers = {"Accept-Language": language}
    page = client.post("/accounts/sign-up/", {"username": "x"}, headers=headers).content.decode()
    assert {"de": "Bitte füllen Sie dieses Feld aus.", "es": "Rellena este campo."}[
        language
    ] in page
    assert "This field" not in page


def test_what_a_worker_said_is_said_in_the_reader_s_language(client: Client, user: User) -> None:
    client.force_login(user)
    job = factories.job(user)
    attempt, _ = factories.attempt(job)
    lifecycle.apply_report(attempt=attempt, report=factories.report("TIMED_OUT"))
    path = f"/photos/{job.photo_id}/"
    page = client.get(path, headers={"Accept-Language": "de"}).content.decode()
    assert "Die Restaurierung hat zu lange gedauert und wurde angehalten." in page
    assert "took too long" not in page


def test_a_file_that_will_not_do_is_refused_in_the_reader_s_language(
    client: Client, user: User
) -> None:
    client.force_login(user)
    form = {"image": SimpleUploadedFile("a.jpg", b"Dear diary")}
    page = client.post("/", form, headers={"Accept-Language": "es"}).content.decode()
    assert "No es una imagen que podamos leer." in page
    assert "Se admiten JPEG" in page


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("tokens/", ["Lesen: Fotos, Aufträge, Ergebnisse"]),
        ("webhooks/", ["Restauriert · Hat zu lange gedauert"]),
        ("webhooks/{webhook}/", ["Hat zu lange gedauert <", "Die Adresse antwortet nicht."]),
    ],
)
def test_what_programs_call_it_is_not_what_people_read(
    client: Client, user: User, path: str, says: list[str]
) -> None:
    client.force_login(user)
    ApiToken.make(user=user, scopes=["read"])
    webhook = Webhook.objects.create(
        owner=user, url="https://shop.example/", event_types=["completed", "timed_out"]
    )
    tries = [{"status": None, "error": "The address does not answer.", "ms": 3}]
    Delivery.objects.create(
        webhook=webhook, type="timed_out", subject=uuid4(), log=tries, created_at=timezone.now()
    )
    address = f"/account/{path.format(webhook=webhook.pk)}"
    page = client.get(address, headers={"Accept-Language": "de"}).content.decode()
    shown = " ".join(re.sub(r"<input[^>]*>", "", page).split())
    assert [text for text in says if text not in shown] == []
    assert not re.search(r"\btimed_out\b|\bcompleted\b|\bread\b", shown)


def test_times_say_which_zone_they_are_in(client: Client, user: User) -> None:
    client.force_login(user)
    job, now = factories.job(user), timezone.now()
    ApiToken.make(user=user)
    ApiToken.objects.update(last_used_at=now)
    webhook = Webhook.objects.create(owner=user, url="https://shop.example/", event_types=[])
    Delivery.objects.create(
        webhook=webhook, type="completed", subject=uuid4(), created_at=now, next_try_at=now
    )
    for path, count in (
        (f"/photos/{job.photo_id}/", 1),
        ("/account/tokens/", 1),
        (f"/account/webhooks/{webhook.pk}/", 2),
    ):
        page = client.get(path, headers={"Accept-Language": "de"}).content.decode()
        assert len(re.findall(r'<time datetime="[^"]+">[^<]+ UTC</time>', page)) == count, path
        # Nothing but these tells a time of day.
        assert not re.search(r"\d\d:\d\d", re.sub(r"<time.*?</time>", "", page)), path


def test_an_address_is_refused_in_the_reader_s_language(client: Client, user: User) -> None:
    client.force_login(user)
    for url in ("http://shop.example/", "https://10.0.0.1/", "no", "https://a:b@c.example/"):
        form = {"url": url, "event_types": ["completed"]}
        answer = client.post("/account/webhooks/", form, headers={"Accept-Language": "de"})
        assert "Diese Adresse rufen wir nicht auf: Sie " in answer.content.decode()


@languages
def test_our_workflows_are_told_of_in_it(settings: Any, language: str) -> None:
    settings.RUNPOD_ENDPOINT_KIND = "comfyui"
    settings.RUNPOD_COMFYUI_WORKFLOWS = ["enlarge", "faces", "redraw"]
    with translation.override("en"):
        said = {str(text) for preset in presets.offered() for text in preset[1:3]}
    with translation.override(language):
        here = {str(text) for preset in presets.offered() for text in preset[1:3]}
    assert len(said) == len(here) == 6
    assert not said & here
