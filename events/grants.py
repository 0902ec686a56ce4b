"""Grants: signed, expiring permissions to follow named streams, for who cannot send a header."""

from __future__ import annotations

import hmac
import json
import re
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import jwt
from django.utils import timezone
from django.utils.crypto import salted_hmac

from .conf import settings

ALGORITHM = "HS256"
AUDIENCE = "photorestore.events"
# Characters. A hundred streams need six thousand; a proxy's request line has room for eight.
MAX_LENGTH = 8 * 1024
_END_OF_TIME = 253_402_300_800  # the year 10000, in seconds since the epoch
_decoder = json.JSONDecoder()
_KEY = re.compile(r"([\w.-]{1,64}):(.+)", re.ASCII)


class GrantError(Exception):
    """A token that opens nothing; says why in a sentence that has no part of the token."""


class KeysError(Exception):
    """Keys that are not written as they must be; says why, without their values."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A permission of a user, by id, to follow the streams until then (seconds since the epoch)."""

    user: int
    streams: tuple[str, ...]
    until: float


@dataclass(frozen=True, slots=True)
class IssuedGrant:
    """A grant as it is handed out: its token is a secret, which no repr tells."""

    token: str = field(repr=False)
    expires_at: datetime


def issue(
    *, user: int, streams: Sequence[str], now: datetime | None = None, id: str | None = None
) -> IssuedGrant:
    """Sign a grant of the user's for the streams, good for EVENTS_GRANT_LIFETIME from now.

    The same id, at the same time, makes the same grant.
    """
    issued_at = (now or timezone.now()).replace(microsecond=0)
    expires_at = issued_at + timedelta(seconds=settings.EVENTS_GRANT_LIFETIME)
    claims = {
        "aud": AUDIENCE,
        "sub": str(user),
        "streams": list(streams),
        "iat": issued_at,
        "exp": expires_at,
        "jti": id or secrets.token_urlsafe(9),
    }
    kid, key = next(iter(_keys().items()))
    token = jwt.encode(claims, key, ALGORITHM, headers={"kid": kid})
    return IssuedGrant(token, expires_at)


def read(token: str) -> Grant:
    """Return the grant that we signed. Raises GrantError for everything else, and once expired.

    As RFC 7515 and 7519 say, for the one algorithm of ours. PyJWT, which signs them, took a fifth
    of all that opening a stream takes to read them (measured); the tests compare with it.
    """
    try:
        return _grant(_claims(token), time.time())
    # These may quote what they could not read, so nothing of them is kept.
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise GrantError("This grant is not valid.") from None


def _claims(token: str) -> Any:
    """Return what was signed with one of our keys, whatever it is; ValueError for all else."""
    if len(token) > MAX_LENGTH:
        raise ValueError
    signed, _, signature = token.rpartition(".")
    header, _, payload = signed.partition(".")
    digest = _signer(_keys()[_kid(header)]).copy()
    digest.update(signed.encode("ascii"))
    if not hmac.compare_digest(_base64(digest.digest()), signature.encode("ascii")):
        raise ValueError
    return _parsed(_decoded(payload).decode())


def _parsed(text: str) -> Any:
    """Return the JSON's value: `json.loads` looks for white space on both sides, which is half."""
    value, end = _decoder.raw_decode(text)
    if end < len(text):
        raise ValueError
    return value


@lru_cache(maxsize=16)
def _signer(key: bytes) -> hmac.HMAC:
    """Return what has taken in the key, to be copied."""
    return hmac.new(key, digestmod="sha256")


@lru_cache(maxsize=16)
def _kid(header: str) -> str:
    """Return the name of the key, once for all tokens of one: their headers are the same."""
    fields = json.loads(_decoded(header))
    if fields["alg"] != ALGORITHM or "crit" in fields:
        raise ValueError
    return str(fields["kid"])


def _base64(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


def _decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _grant(claims: dict[str, Any], now: float) -> Grant:
    user, streams, until = claims["sub"], claims["streams"], claims["exp"]
    if not (
        claims["aud"] == AUDIENCE
        and isinstance(streams, list)
        and streams
        and all(isinstance(stream, str) and stream for stream in streams)
        and user.isascii()
        and user.isdigit()
        and _is_time(until)
        # A grant of another machine, whose clock is a little ahead, is good: it is not compared.
        and _is_time(claims["iat"])
        and claims.get("nbf", 0) <= now
    ):
        raise ValueError
    if until <= now:
        raise GrantError("This grant has expired. Ask for a new one.") from None
    return Grant(int(user), tuple(streams), float(until))


def _is_time(value: object) -> bool:
    return type(value) in (int, float) and 0 <= value < _END_OF_TIME  # type: ignore[operator]


def parse_keys(text: str) -> dict[str, str]:
    """Return the secrets by name (`kid`), in their order, of "kid:secret,kid:secret".

    Raises KeysError for what is not written so.
    """
    found = [_KEY.fullmatch(part.strip()) for part in text.split(",")]
    keys = {match[1]: match[2] for match in found if match}
    if None in found:
        raise KeysError("EVENTS_GRANT_KEYS is not a list of name:secret, separated by commas.")
    if len(keys) < len(found):
        raise KeysError("EVENTS_GRANT_KEYS gives two keys the same name.")
    return keys


def _keys() -> dict[str, bytes]:
    """Return the keys by `kid`: the first signs, each verifies."""
    if settings.EVENTS_GRANT_KEYS:
        return _given(settings.EVENTS_GRANT_KEYS)
    return _derived(settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)


@lru_cache(maxsize=1)
def _given(text: str) -> dict[str, bytes]:
    return {kid: secret.encode() for kid, secret in parse_keys(text).items()}


@lru_cache(maxsize=1)
def _derived(*secret_keys: str) -> dict[str, bytes]:
    """Make keys of SECRET_KEY and its fallbacks, which neither they nor their names give away."""
    return {
        _hmac("kid", key).hexdigest()[:16]: _hmac("secret", key).digest() for key in secret_keys
    }


def _hmac(purpose: str, secret_key: str) -> hmac.HMAC:
    return salted_hmac("events.grants", purpose, secret_key, algorithm="sha256")
