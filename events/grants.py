"""Grants: signed, expiring permissions to follow named streams, for who cannot send a header."""

from __future__ import annotations

import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from hmac import HMAC
from typing import Any

import jwt
from django.conf import settings
from django.utils import timezone
from django.utils.crypto import salted_hmac

ALGORITHM = "HS256"
AUDIENCE = "photorestore.events"
# Characters. A hundred streams need six thousand; a proxy's request line has room for eight.
MAX_LENGTH = 8 * 1024
_REQUIRED = ["aud", "exp", "iat", "streams", "sub"]
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


def issue(*, user: int, streams: Sequence[str], now: datetime | None = None) -> IssuedGrant:
    """Sign a grant of the user's for the streams, good for EVENTS_GRANT_LIFETIME from now."""
    issued_at = (now or timezone.now()).replace(microsecond=0)
    expires_at = issued_at + timedelta(seconds=settings.EVENTS_GRANT_LIFETIME)
    claims = {
        "aud": AUDIENCE,
        "sub": str(user),
        "streams": list(streams),
        "iat": issued_at,
        "exp": expires_at,
        "jti": secrets.token_urlsafe(9),
    }
    kid, key = next(iter(_keys().items()))
    token = jwt.encode(claims, key, ALGORITHM, headers={"kid": kid})
    return IssuedGrant(token, expires_at)


def read(token: str) -> Grant:
    """Return the grant that we signed. Raises GrantError for everything else, and once expired."""
    try:
        return _grant(_claims(token))
    except jwt.ExpiredSignatureError:
        raise GrantError("This grant has expired. Ask for a new one.") from None
    # These may quote what they could not read, so nothing of them is kept.
    except (jwt.PyJWTError, ValueError, OverflowError):
        raise GrantError("This grant is not valid.") from None


def _claims(token: str) -> dict[str, Any]:
    key = _keys().get(_kid(token))
    if key is None:
        raise jwt.InvalidKeyError
    # A grant of another machine, whose clock is a little ahead, is good: `iat` is not compared.
    options: Any = {"require": _REQUIRED, "strict_aud": True, "verify_iat": False}
    return jwt.decode(token, key, [ALGORITHM], options=options, audience=AUDIENCE)


def _kid(token: str) -> str:
    if len(token) > MAX_LENGTH:
        raise jwt.DecodeError
    return _kid_in(token.partition(".")[0])


@lru_cache(maxsize=16)
def _kid_in(header: str) -> str:
    """Read the header alone, and once: those of one key are the same, a third of all reading."""
    return str(jwt.get_unverified_header(f"{header}..").get("kid"))


def _grant(claims: dict[str, Any]) -> Grant:
    user, streams, times = claims["sub"], claims["streams"], (claims["iat"], claims["exp"])
    if not (
        all(type(time) in (int, float) for time in times)
        and isinstance(streams, list)
        and streams
        and all(isinstance(stream, str) and stream for stream in streams)
        and user.isascii()
        and user.isdigit()
    ):
        raise jwt.InvalidTokenError
    return Grant(int(user), tuple(streams), float(claims["exp"]))


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


def _keys() -> dict[str, jwt.PyJWK]:
    """Return the keys by `kid`: the first signs, each verifies."""
    if settings.EVENTS_GRANT_KEYS:
        return _given(settings.EVENTS_GRANT_KEYS)
    return _derived(settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)


@lru_cache(maxsize=1)
def _given(text: str) -> dict[str, jwt.PyJWK]:
    return {kid: _key(secret.encode()) for kid, secret in parse_keys(text).items()}


@lru_cache(maxsize=1)
def _derived(*secret_keys: str) -> dict[str, jwt.PyJWK]:
    """Make keys of SECRET_KEY and its fallbacks, which neither they nor their names give away."""
    return {
        _hmac("kid", key).hexdigest()[:16]: _key(_hmac("secret", key).digest())
        for key in secret_keys
    }


def _key(secret: bytes) -> jwt.PyJWK:
    """Return the secret as PyJWT wants it, which is then not looked at anew for each token."""
    k = urlsafe_b64encode(secret).rstrip(b"=").decode()
    return jwt.PyJWK({"kty": "oct", "k": k}, ALGORITHM)


def _hmac(purpose: str, secret_key: str) -> HMAC:
    return salted_hmac("events.grants", purpose, secret_key, algorithm="sha256")
