"""Grants: what we signed is read back, and nothing else ever."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
import time_machine
from hypothesis import HealthCheck, given, strategies
from hypothesis import settings as hypothesis_settings

from events import grants
from events.grants import GrantError

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
# What may not stand in a claim.
AUDIENCES: list[Any] = ["", "photorestore", ["photorestore.events"], 1]
USERS: list[Any] = ["", "x", "-1", "٧", 7, "9" * 5000, ["7"]]
STREAMS: list[Any] = ["owner.7", [], [1], [""], [["owner.7"]], {"a": 1}]
TIMES: list[Any] = ["9999999999", [], 10**400, float("inf"), float("nan")]
SECRET = "a-secret-of-ours-with-more-than-32-bytes"
UNCHECKED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
KEYS = f"new:{SECRET},old:{SECRET[::-1]}"


@pytest.fixture(autouse=True)
def _keys(settings: Any) -> None:
    settings.EVENTS_GRANT_KEYS = KEYS


def claims(**other: Any) -> dict[str, Any]:
    now = int(time.time())
    usual = {
        "aud": grants.AUDIENCE,
        "sub": "7",
        "streams": ["owner.7"],
        "iat": now,
        "exp": now + 60,
        "jti": "1",
    }
    return {name: value for name, value in (usual | other).items() if value is not None}


def signed(payload: Any, *, secret: str = SECRET, algorithm: str = "HS256", **header: Any) -> str:
    """Sign as PyJWT would not: anything at all, under any header."""
    parts = [{"alg": algorithm, "kid": "new", "typ": "JWT"} | header, payload]
    text = ".".join(encoded(json.dumps(part).encode()) for part in parts)
    digest = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    return f"{text}.{encoded(digest)}"


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def refusal(token: str) -> str:
    with pytest.raises(GrantError) as caught:
        grants.read(token)
    assert caught.value.__suppress_context__
    return str(caught.value)


def test_an_issued_grant_is_read_back() -> None:
    with time_machine.travel(NOON, tick=False):
        issued = grants.issue(user=7, streams=["job.a", "job.b"])
        grant = grants.read(issued.token)
    assert issued.expires_at == NOON + timedelta(hours=1)
    assert grant == grants.Grant(7, ("job.a", "job.b"), issued.expires_at.timestamp())


def test_its_claims_are_those_of_a_jwt_signed_by_the_first_key() -> None:
    issued = grants.issue(user=7, streams=["owner.7"], now=NOON)
    assert jwt.get_unverified_header(issued.token) == {"alg": "HS256", "kid": "new", "typ": "JWT"}
    payload = jwt.decode(issued.token, options={"verify_signature": False})
    assert payload.pop("jti")
    noon = int(NOON.timestamp())
    assert payload == {
        "aud": "photorestore.events",
        "sub": "7",
        "streams": ["owner.7"],
        "iat": noon,
        "exp": noon + 3600,
    }


def test_a_grant_in_a_message_does_not_tell_its_token() -> None:
    issued = grants.issue(user=7, streams=["owner.7"])
    assert issued.token not in repr(issued)


def test_two_grants_are_never_the_same() -> None:
    first, second = (grants.issue(user=7, streams=["owner.7"], now=NOON) for _ in range(2))
    assert first.token != second.token


def test_a_grant_lives_as_long_as_the_setting_says_and_no_longer(settings: Any) -> None:
    settings.EVENTS_GRANT_LIFETIME = 10.0
    with time_machine.travel(NOON, tick=False) as clock:
        token = grants.issue(user=7, streams=["owner.7"]).token
        clock.shift(9)
        assert grants.read(token).user == 7
        clock.shift(1)
        assert refusal(token) == "This grant has expired. Ask for a new one."


def test_a_grant_of_a_machine_whose_clock_is_ahead_is_good() -> None:
    ahead = datetime.now(UTC) + timedelta(seconds=30)
    assert grants.read(grants.issue(user=7, streams=["owner.7"], now=ahead).token)


def test_a_grant_for_a_hundred_jobs_is_read_back() -> None:
    streams = [f"job.{uuid4()}" for _ in range(100)]
    token = grants.issue(user=2**63, streams=streams).token
    assert grants.read(token).streams == tuple(streams)


@pytest.mark.parametrize(
    "other",
    [
        *({name: None} for name in ("aud", "sub", "streams", "iat", "exp")),
        *({"aud": other} for other in AUDIENCES),
        *({"sub": other} for other in USERS),
        *({"streams": other} for other in STREAMS),
        *({"exp": other} for other in TIMES),
        *({"iat": other} for other in TIMES[:2]),
        {"iat": False},
        {"nbf": 9999999999},
    ],
    ids=lambda other: str(other)[:40],
)
def test_a_claim_that_is_missing_or_of_another_kind_is_refused(other: dict[str, Any]) -> None:
    assert grants.read(signed(claims())).user == 7
    assert refusal(signed(claims(**other))) == "This grant is not valid."


@pytest.mark.parametrize(
    "header",
    [
        {"algorithm": "none"},
        {"algorithm": "HS512"},
        {"algorithm": "RS256"},
        {"algorithm": ["HS256"]},
        {"kid": "unknown"},
        {"kid": None},
        {"kid": 1},
        {"kid": ["new"]},
        {"crit": ["exp"]},
        {"b64": False, "crit": ["b64"]},
        {"secret": SECRET[::-1]},  # another key's
        {"secret": ""},
    ],
    ids=str,
)
def test_another_algorithm_key_or_extension_is_refused(header: dict[str, Any]) -> None:
    assert refusal(signed(claims(), **header)) == "This grant is not valid."


def test_a_grant_without_a_signature_is_refused() -> None:
    token = jwt.encode(claims(), "", algorithm="none", headers={"kid": "new"})
    assert refusal(token) == "This grant is not valid."
    assert refusal(signed(claims()).rpartition(".")[0] + ".") == "This grant is not valid."


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "...", "a.b.c", "\ud800.e.f", "é.e.f", "\0", "Bearer", signed([]), signed(7)],
    ids=ascii,
)
def test_garbage_is_refused(token: str) -> None:
    assert refusal(token) == "This grant is not valid."


def test_a_huge_token_is_refused_before_it_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    token = signed(claims(padding="x" * grants.MAX_LENGTH))
    assert refusal(token) == "This grant is not valid."
    monkeypatch.setattr(grants, "MAX_LENGTH", len(token))
    assert grants.read(token).user == 7


@hypothesis_settings(suppress_health_check=UNCHECKED)
@given(position=strategies.integers(0, 10_000), character=strategies.characters())
def test_no_character_of_a_grant_may_be_another(position: int, character: str) -> None:
    token = signed(claims())
    position %= len(token)
    changed = token[:position] + character + token[position + 1 :]
    if changed != token:
        refusal(changed)


@hypothesis_settings(suppress_health_check=UNCHECKED)
@given(
    name=strategies.sampled_from(["aud", "sub", "streams", "exp", "iat", "nbf", "kid", "x"]),
    value=strategies.recursive(
        strategies.none() | strategies.booleans() | strategies.integers() | strategies.text(),
        lambda inner: strategies.lists(inner, max_size=3),
        max_leaves=4,
    ),
)
def test_whatever_is_read_pyjwt_reads_too(name: str, value: Any) -> None:
    token = signed({**claims(), name: value})
    try:
        grant = grants.read(token)
    except GrantError:
        return
    options: Any = {"strict_aud": True, "verify_iat": False}
    read = jwt.decode(token, SECRET, ["HS256"], audience=grants.AUDIENCE, options=options)
    assert (int(read["sub"]), tuple(read["streams"])) == (grant.user, grant.streams)


def test_while_keys_are_rotated_both_verify(settings: Any) -> None:
    old = grants.issue(user=7, streams=["owner.7"]).token
    settings.EVENTS_GRANT_KEYS = f"newer:{SECRET}2,{KEYS}"
    new = grants.issue(user=7, streams=["owner.7"]).token
    assert jwt.get_unverified_header(new)["kid"] == "newer"
    assert grants.read(old)
    assert grants.read(new)
    settings.EVENTS_GRANT_KEYS = f"newer:{SECRET}2"
    assert grants.read(new)
    refusal(old)


def test_without_keys_of_its_own_the_secret_key_signs(settings: Any) -> None:
    settings.EVENTS_GRANT_KEYS = ""
    token = grants.issue(user=7, streams=["owner.7"]).token
    assert grants.read(token).user == 7
    kid = jwt.get_unverified_header(token)["kid"]
    refusal(signed(claims(), secret=settings.SECRET_KEY, kid=kid))
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another"
    assert grants.read(token).user == 7
    assert jwt.get_unverified_header(grants.issue(user=7, streams=["a"]).token)["kid"] != kid
    settings.SECRET_KEY_FALLBACKS = []
    refusal(token)


def test_keys_that_are_not_written_as_keys_are_an_error_without_their_values(
    settings: Any,
) -> None:
    settings.EVENTS_GRANT_KEYS = SECRET
    with pytest.raises(grants.KeysError, match="not a list") as caught:
        grants.read(signed(claims()))
    assert SECRET not in str(caught.value)
