"""Wrong settings fail at start, with an id and a hint."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks

from photorestore import environment

PUBLIC = {"PUBLIC_URL": "https://photos.example", "ALLOWED_HOSTS": ["photos.example"]}

SECRET = "0123456789abcdef0123456789ABCDEF"


def ids(settings: Any, **wrong: Any) -> list[str]:
    for name, value in wrong.items():
        setattr(settings, name, value)
    found = [message for message in run_checks() if str(message.id).startswith("photorestore")]
    assert all(message.hint for message in found)
    return [str(message.id) for message in found]


def test_the_default_settings_are_right(settings: Any) -> None:
    assert ids(settings) == []


@pytest.mark.parametrize(
    ("wrong", "id"),
    [
        ({**PUBLIC, "SECRET_KEY_IS_LOCAL": True}, "photorestore.E001"),
        ({"PUBLIC_URL": "photos.example"}, "photorestore.E002"),
        ({"PUBLIC_URL": "https://photos.example/path"}, "photorestore.E002"),
        ({"PUBLIC_URL": "ftp://photos.example"}, "photorestore.E002"),
        ({"PUBLIC_URL": "https://other.example"}, "photorestore.E003"),
        ({"PUBLIC_URL": "http://127.0.0.1:99999"}, "photorestore.E002"),
        ({"ALLOWED_HOSTS": ["localhost", "127.0.0.1", "http://a"]}, "photorestore.E017"),
        ({"ALLOWED_HOSTS": ["localhost", "127.0.0.1", "a:8000"]}, "photorestore.E017"),
        ({"ALLOWED_HOSTS": ["localhost", "127.0.0.1", "a b"]}, "photorestore.E017"),
        ({"RUNPOD_RESULT_HOSTS": ["https://a/b"]}, "photorestore.E018"),
        ({"RUNPOD_RESULT_HOSTS": ["ftp://a"]}, "photorestore.E018"),
        ({"WEBHOOKS_HOSTS": ["*", "http://a:port"]}, "photorestore.E018"),
        ({"WEBHOOKS_HOSTS": ["a:9000"]}, "photorestore.E018"),
        ({"DATABASE_URL": "photos"}, "photorestore.E004"),
        ({"DATABASE_URL": "postgres://"}, "photorestore.E004"),
        ({"DATABASE_URL": "postgres://u:p@localhost:port/photos"}, "photorestore.E004"),
        ({"DATABASE_URL": "sqlite://"}, "photorestore.E004"),
        ({"DATABASE_URL": "sqlite://:memory:"}, "photorestore.E004"),
        ({"REDIS_URL": "http://localhost"}, "photorestore.E005"),
        ({"REDIS_URL": "redis://localhost:port"}, "photorestore.E005"),
        ({"MEDIA_ROOT": Path("/proc/1/photos")}, "photorestore.E006"),
        ({"PUBLIC_URL": "http://[::1"}, "photorestore.E002"),
        ({"METRICS_TOKEN": "a" * 15}, "photorestore.E016"),
        ({"RUNPOD_ENDPOINT_KIND": "magic"}, "photorestore.E007"),
        ({"RUNPOD_BASE_URL": "api.runpod.ai"}, "photorestore.E008"),
        (
            {"RUNPOD_ENDPOINT_KIND": "comfyui", "RUNPOD_COMFYUI_WORKFLOWS": ["none"]},
            "photorestore.E040",
        ),
        (
            {"RUNPOD_ENDPOINT_KIND": "generic", "RUNPOD_GENERIC_INPUT": "{}"},
            "photorestore.E040",
        ),
        ({"RUNPOD_API_KEY": ""}, "photorestore.E009"),
        ({"RUNPOD_ENDPOINT_ID": ""}, "photorestore.E010"),
        ({"RUNPOD_BASE_URL": "https://api.runpod.ai/v2"}, "photorestore.W001"),
        ({"EVENTS_MAX_STREAMS": 2**62}, "photorestore.W002"),
        ({"DEFAULT_FROM_EMAIL": "nobody"}, "photorestore.E031"),
        ({"DEFAULT_FROM_EMAIL": "PhotoRestore <a b@c>"}, "photorestore.E031"),
        ({"EMAIL_URL": "mail.example"}, "photorestore.E030"),
        ({"EMAIL_URL": "smtp://mail.example:mail"}, "photorestore.E030"),
        ({**PUBLIC, "EMAIL_URL": "consolemail://"}, "photorestore.W030"),
    ],
)
def test_a_wrong_setting_is_named(settings: Any, wrong: dict[str, Any], id: str) -> None:
    wrong = {"SECRET_KEY_IS_LOCAL": False, "EMAIL_URL": "smtp://mail.example", **wrong}
    assert ids(settings, **wrong) == [id]


def test_hosts_of_every_kind_are_hosts(settings: Any) -> None:
    hosts = ["localhost", "127.0.0.1", "[::1]", ".Example.com", "photos.example.", "", "*"]
    assert ids(settings, ALLOWED_HOSTS=hosts) == []
    origins = [*hosts, "http://127.0.0.1:9000", "HTTPS://Photos.example/", "http://[::1]:1 "]
    assert ids(settings, WEBHOOKS_HOSTS=origins, RUNPOD_RESULT_HOSTS=origins) == []


def test_a_database_s_address_may_have_options_of_its_own() -> None:
    show = "from photorestore.settings import DATABASES; print(DATABASES['default']['OPTIONS'])"
    url = "postgres://u:p@db.example/photos?sslmode=require&prepare_threshold=9"
    command = [sys.executable, "-c", show]
    told = subprocess.check_output(command, env=os.environ | {"DATABASE_URL": url}, text=True)
    options = ast.literal_eval(told)
    assert options["sslmode"] == "require"
    assert options["prepare_threshold"] == 9
    assert options["pool"]


def test_a_file_that_cannot_be_read_is_named(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_SUCH_NAME_FILE", "/nonexistent")
    monkeypatch.setattr(environment, "unreadable", {})
    assert environment.given("NO_SUCH_NAME") == ""
    assert ids(settings) == ["photorestore.E011"]


def test_a_file_s_last_line_break_is_not_part_of_its_value(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("secret\n")
    monkeypatch.setenv("ONE_NAME_FILE", str(tmp_path / "key"))
    assert environment.given("ONE_NAME") == "secret"


@pytest.mark.parametrize(
    ("proxies", "id"),
    [
        ("", None),
        ("*", None),
        ("127.0.0.1, 10.0.0.0/8,::1", None),
        ("proxy", "photorestore.E019"),
        ("10.0.0.1/8", "photorestore.E019"),  # which uvicorn would take for a name
    ],
)
def test_proxies_are_addresses_or_networks(
    settings: Any, monkeypatch: pytest.MonkeyPatch, proxies: str, id: str | None
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", proxies)
    assert ids(settings) == ([id] if id else [])


def test_debug_is_true_or_false(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEBUG", "maybe")
    assert ids(settings) == ["photorestore.E012"]


@pytest.mark.parametrize(
    ("keys", "id"),
    [
        (f"a:{SECRET}", None),
        (f" a:{SECRET}:with, 2026-11.b_:{SECRET}", None),
        (SECRET, "photorestore.E014"),
        (f"a:{SECRET},", "photorestore.E014"),
        (f":{SECRET}", "photorestore.E014"),
        (f"{SECRET}:", "photorestore.E014"),
        (f"a b:{SECRET}", "photorestore.E014"),
        (f"a:{SECRET},a:{SECRET}2", "photorestore.E014"),
        (f"a:{SECRET},b:{SECRET[1:]}", "photorestore.E015"),
        (f"a:{'é' * 16}", None),
    ],
)
def test_keys_of_grants_are_named_and_long_and_never_shown(
    settings: Any, keys: str, id: str | None
) -> None:
    assert ids(settings, EVENTS_GRANT_KEYS=keys) == ([id] if id else [])
    assert SECRET[1:] not in str(run_checks())


def test_a_number_is_read_as_its_default_s_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTS_ONE", "12")
    assert repr(environment.number("EVENTS_ONE", 7, at_least=0)) == "12"
    assert repr(environment.number("EVENTS_ONE", 7.5, at_least=0)) == "12.0"
    assert environment.number("EVENTS_OTHER", 7, at_least=0) == 7


@pytest.mark.parametrize(
    ("text", "default", "allowed"),
    [
        ("soon", 7, "a whole number, at least 1"),
        ("1.5", 7, "a whole number, at least 1"),
        ("0", 7, "a whole number, at least 1"),
        ("9" * 400, 7, "a whole number, at least 1"),
        ("soon", 7.0, "a number, at least 1"),
        ("0.5", 7.0, "a number, at least 1"),
        ("nan", 7.0, "a number, at least 1"),
        ("inf", 7.0, "a number, at least 1"),
    ],
)
def test_a_number_that_is_not_allowed_is_named_with_what_is(
    settings: Any, monkeypatch: pytest.MonkeyPatch, text: str, default: float, allowed: str
) -> None:
    monkeypatch.setenv("EVENTS_ONE", text)
    monkeypatch.setattr(environment, "disallowed", {})
    assert environment.number("EVENTS_ONE", default, at_least=1) == default
    assert ids(settings) == ["photorestore.E013"]
    assert environment.disallowed["EVENTS_ONE"] == f"EVENTS_ONE is {text!r}. Allowed: {allowed}."


def test_a_number_may_have_a_largest_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTS_ONE", "11")
    monkeypatch.setattr(environment, "disallowed", {})
    assert environment.number("EVENTS_ONE", 7, at_least=1, at_most=11) == 11
    assert environment.number("EVENTS_ONE", 7, at_least=1, at_most=10) == 7
    assert environment.disallowed["EVENTS_ONE"].endswith("at least 1 and at most 10.")


def test_a_wildcard_host_is_a_host(settings: Any) -> None:
    settings.EMAIL_URL = "smtp://mail.example"
    url = "https://1a2b.ngrok-free.app"
    assert ids(settings, PUBLIC_URL=url, ALLOWED_HOSTS=[".ngrok-free.app"]) == ["photorestore.E001"]
    assert ids(settings, SECRET_KEY_IS_LOCAL=False) == []
