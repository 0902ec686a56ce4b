"""System checks: a wrong setting fails at start, with an id and a hint."""

from __future__ import annotations

import ipaddress
import os
import re
import resource
from email.utils import parseaddr
from typing import Any

import environ
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register
from django.http.request import split_domain_port, validate_host

from events import grants
from jobs import endpoints

from . import environment, files
from .addresses import is_local
from .environment import given, split

_OTHER_FILES = 100  # what a process has open besides streams
_FALSE = ("false", "off", "n", "no", "0")
_SHORTEST_TOKEN = 16  # characters: 80 bits where each is drawn from 32
_SHORTEST_SECRET = 32  # bytes: RFC 7518 §3.2 asks for as many as HS256's hash has


def _error(number: int, message: str, hint: str) -> Error:
    return Error(message, hint=hint, id=f"photorestore.E{number:03d}")


@register
def check_secret_key(**kwargs: Any) -> list[CheckMessage]:
    """A key drawn on this machine must not sign what the world relies on."""
    if not settings.SECRET_KEY_IS_LOCAL or is_local(settings.PUBLIC_URL):
        return []
    hint = "Set SECRET_KEY to a long random text, the same for every process, kept for good."
    return [_error(1, "SECRET_KEY is not set, but PUBLIC_URL is not this machine.", hint)]


@register
def check_public_url(**kwargs: Any) -> list[CheckMessage]:
    """RunPod's calls and browsers' requests must be taken for ours."""
    found = split(settings.PUBLIC_URL)
    if found.scheme not in ("http", "https") or not found.hostname or found.path or found.query:
        hint = "Such as https://photos.example or http://127.0.0.1:8000, without a path."
        return [_error(2, f"PUBLIC_URL is {settings.PUBLIC_URL!r}, not a site's address.", hint)]
    host, _ = split_domain_port(found.netloc)
    if not validate_host(host, settings.ALLOWED_HOSTS):
        message = f"PUBLIC_URL's host {host} is not among ALLOWED_HOSTS {settings.ALLOWED_HOSTS}."
        hint = f"Add {host}, or a wildcard such as .example.com, to ALLOWED_HOSTS."
        return [_error(3, message, hint)]
    return []


@register
def check_allowed_hosts(**kwargs: Any) -> list[CheckMessage]:
    """Each host is one that a request may be for: a name without scheme, port and path."""
    hint = "Such as photos.example, or .example for all of its names; several by commas."
    return [
        _error(17, f"ALLOWED_HOSTS has {host!r}, which is no host.", hint)
        for host in settings.ALLOWED_HOSTS
        if not _is_host(host)
    ]


def _is_host(text: str) -> bool:
    return text in ("", "*") or split_domain_port(text) == (text.lower().rstrip("."), "")


@register
def check_called_hosts(**kwargs: Any) -> list[CheckMessage]:
    """What may be called is written so that an address can be of it."""
    hint = "A host, such as .example, or an origin without a path, such as http://127.0.0.1:9000."
    return [
        _error(18, f"{name} has {entry!r}, which is neither host nor origin.", hint)
        for name in ("RUNPOD_RESULT_HOSTS", "WEBHOOKS_HOSTS")
        for entry in map(str.strip, getattr(settings, name))
        if not (_is_host(entry) or _is_origin(entry.rstrip("/")))
    ]


def _is_origin(text: str) -> bool:
    found = split(text)
    is_called = found.scheme in ("http", "https") and bool(found.hostname)
    return is_called and text.lower() == f"{found.scheme}://{found.netloc.lower()}"


@register
def check_services(**kwargs: Any) -> list[CheckMessage]:
    """The database and the broker have addresses of a kind that we speak."""
    found: list[CheckMessage] = []
    database = environment.database(settings.DATABASE_URL)
    # In memory each of our processes would have one of its own.
    if database is None or database["NAME"] == ":memory:":
        hint = "postgres://user:password@host:5432/name or sqlite:////absolute/path.sqlite3"
        found.append(_error(4, "DATABASE_URL names no database that we know.", hint))
    if split(settings.REDIS_URL).scheme not in ("redis", "rediss", "unix"):
        hint = "redis://user:password@host:6379/0, or rediss://… for TLS."
        found.append(_error(5, "REDIS_URL is not the address of a Redis or Valkey.", hint))
    return found


@register
def check_email(**kwargs: Any) -> list[CheckMessage]:
    """Letters go somewhere."""
    if environment.letters(settings.EMAIL_URL) is None:
        hint = "smtp+tls://user:password@mail.example:587, or consolemail:// to print them."
        return [_error(30, "EMAIL_URL names no way to send letters that we know.", hint)]
    if split(settings.EMAIL_URL).scheme == "consolemail" and not is_local(settings.PUBLIC_URL):
        message = "EMAIL_URL is not set: letters are printed, and nobody gets a new password."
        hint = "Such as smtp+tls://user:password@mail.example:587."
        return [checks.Warning(message, hint=hint, id="photorestore.W030")]
    return []


@register
def check_email_from(**kwargs: Any) -> list[CheckMessage]:
    """Letters are from somewhere."""
    sender = settings.DEFAULT_FROM_EMAIL
    if re.fullmatch(r"[^@\s]+@[^@\s]+", parseaddr(sender)[1]):
        return []
    hint = "PhotoRestore <photos@photos.example>, or the address alone."
    return [_error(31, f"EMAIL_FROM is {sender!r}, which has no address.", hint)]


@register
def check_proxies(**kwargs: Any) -> list[CheckMessage]:
    """Proxies are named by what they can be known by. uvicorn passes over all else in silence."""
    hint = "Such as 127.0.0.1,10.0.0.0/8, or * for any."
    return [
        _error(19, f"FORWARDED_ALLOW_IPS has {entry!r}, which is no address or network.", hint)
        for entry in map(str.strip, given("FORWARDED_ALLOW_IPS", "*").split(","))
        if entry not in ("", "*") and not _is_network(entry)
    ]


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


@register
def check_media_root(**kwargs: Any) -> list[CheckMessage]:
    """Photos have a place to be kept."""
    try:
        settings.MEDIA_ROOT.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.access(settings.MEDIA_ROOT, os.W_OK | os.X_OK):
            return []
    except OSError:
        pass
    hint = "Name a folder that this user may write, or make it and change its owner."
    return [_error(6, f"MEDIA_ROOT {settings.MEDIA_ROOT} cannot be written.", hint)]


@register
def check_environment(**kwargs: Any) -> list[CheckMessage]:
    """What was given could be read, and means something."""
    hint = "Name a file that this user may read, or unset the variable."
    found: list[CheckMessage] = [
        _error(11, f"{name}_FILE cannot be read: {reason}.", hint)
        for name, reason in environment.unreadable.items()
    ]
    hint = "Correct the variable, or unset it for the default."
    found += [_error(13, message, hint) for message in environment.disallowed.values()]
    found += [
        _error(12, f"{name} is {given(name)!r}.", "Say true or false.")
        for name in ("DEBUG", "RUNPOD_LOW_PRIORITY")
        if given(name, "false").lower() not in (*environ.Env.BOOLEAN_TRUE_STRINGS, *_FALSE)
    ]
    return found


@register
def check_grant_keys(**kwargs: Any) -> list[CheckMessage]:
    """What signs grants can be read and is long enough. Nothing of it is said."""
    try:
        secrets = _grant_secrets()
    except grants.KeysError as error:
        hint = "Such as 2026-11:SECRET,2026-05:OLDER; the first signs, each of them verifies."
        return [_error(14, str(error), hint)]
    hint = "Draw one: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
    return [
        _error(15, f"Secret {number} of EVENTS_GRANT_KEYS has fewer than 32 bytes.", hint)
        for number, secret in enumerate(secrets, start=1)
        if len(secret.encode()) < _SHORTEST_SECRET
    ]


def _grant_secrets() -> list[str]:
    text = settings.EVENTS_GRANT_KEYS
    return [*grants.parse_keys(text).values()] if text else []


@register
def check_metrics_token(**kwargs: Any) -> list[CheckMessage]:
    """What opens the metrics cannot be guessed. Nothing of it is said."""
    if not settings.METRICS_TOKEN or len(settings.METRICS_TOKEN) >= _SHORTEST_TOKEN:
        return []
    hint = "Draw one: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
    message = f"METRICS_TOKEN has fewer than {_SHORTEST_TOKEN} characters."
    return [_error(16, message, hint)]


@register
def check_runpod(**kwargs: Any) -> list[CheckMessage]:
    """The endpoint can be called, and can call back."""
    if settings.RUNPOD_ENDPOINT_KIND not in endpoints.KINDS:
        message = f"RUNPOD_ENDPOINT_KIND {settings.RUNPOD_ENDPOINT_KIND!r} is unknown."
        return [_error(7, message, f"Known: {', '.join(sorted(endpoints.KINDS))}.")]
    if unusable := _kind_s_settings():
        return unusable
    if not settings.RUNPOD_BASE_URL:
        return []
    found = split(settings.RUNPOD_BASE_URL)
    if found.scheme not in ("http", "https") or not found.hostname:
        hint = "https://api.runpod.ai/v2, or any address that speaks the same."
        return [_error(8, f"RUNPOD_BASE_URL is {settings.RUNPOD_BASE_URL!r}.", hint)]
    return [*_missing_access(), *_unreachable_site()]


def _kind_s_settings() -> list[CheckMessage]:
    """The kind in use can be given photos."""
    try:
        endpoints.current().offered()
    except endpoints.SettingError as error:
        hint = "docs/endpoints.md has what each kind of worker takes, with examples."
        return [_error(40, str(error), hint)]
    return []


def _missing_access() -> list[CheckMessage]:
    return [
        _error(number, f"RUNPOD_BASE_URL is set, but {name} is not.", hint)
        for number, name, hint in (
            (
                9,
                "RUNPOD_API_KEY",
                "Make a key that reaches only this endpoint, in RunPod's console.",
            ),
            (10, "RUNPOD_ENDPOINT_ID", "RunPod's console shows it beside the endpoint's name."),
        )
        if not getattr(settings, name)
    ]


def _unreachable_site() -> list[CheckMessage]:
    if is_local(settings.RUNPOD_BASE_URL) or not is_local(settings.PUBLIC_URL):
        return []
    message = f"RunPod cannot reach PUBLIC_URL {settings.PUBLIC_URL}: it is this machine."
    hint = "Set PUBLIC_URL to an address that the internet reaches, such as a tunnel's."
    return [checks.Warning(message, hint=hint, id="photorestore.W001")]


@register
def check_runpod_times(**kwargs: Any) -> list[CheckMessage]:
    """A job has the time to wait for a worker, and then to run."""
    if settings.RUNPOD_TTL > settings.RUNPOD_EXECUTION_TIMEOUT:
        return []
    message = "RUNPOD_TTL is not more than RUNPOD_EXECUTION_TIMEOUT: jobs end while they run."
    hint = "RUNPOD_TTL: the longest wait for a worker, and RUNPOD_EXECUTION_TIMEOUT on top."
    return [checks.Warning(message, hint=hint, id="photorestore.W003")]


@register
def check_files(**kwargs: Any) -> list[CheckMessage]:
    """As many streams as may be open can be."""
    most = files.limit()
    if most == resource.RLIM_INFINITY or most >= settings.EVENTS_MAX_STREAMS + _OTHER_FILES:
        return []
    message = f"A process may have {most} files open, too few for EVENTS_MAX_STREAMS streams."
    hint = "Raise that (ulimit -Hn, or systemd's LimitNOFILE), or lower EVENTS_MAX_STREAMS."
    return [checks.Warning(message, hint=hint, id="photorestore.W002")]
