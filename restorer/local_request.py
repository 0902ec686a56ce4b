"""What a customer may send to POST /run, checked as RunPod checks it (RUNPOD.md §1)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import urlsplit

from restorer import local_faults
from restorer.local_faults import Faults

SECOND = 1_000  # ms, RunPod's unit for every duration
WEEK = 7 * 24 * 3600 * SECOND
EXECUTION_TIMEOUT = (5 * SECOND, 600 * SECOND, WEEK)  # least, when absent, most
TTL = (10 * SECOND, 24 * 3600 * SECOND, WEEK)


class RequestError(ValueError):
    """RunPod would answer 400; the text says why."""


@dataclass(frozen=True)
class Policy:
    """How long a job may run and live, both in ms."""

    execution_timeout: int = EXECUTION_TIMEOUT[1]
    ttl: int = TTL[1]


@dataclass(frozen=True)
class Submission:
    """One accepted request. `input` stays JSON text: but for two fields, nobody looks inside it."""

    input: bytes
    webhook: str | None
    policy: Policy
    photo: str = ""  # its address, unsigned: what another attempt at it has in common
    faults: Faults = local_faults.NONE
    endpoint: str = ""  # the address this endpoint was called at


def encode(value: object) -> bytes:
    """Return `value` as compact JSON; raises ValueError or TypeError where RunPod loses it."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()


def parse(body: bytes) -> Submission:
    """Read the body of POST /run and drop the top-level keys RunPod drops; raises RequestError."""
    request = _object(_json(body), "the request body")
    if "input" not in request:
        raise RequestError("input is required")
    fields = _object(request["input"], "input")
    return Submission(
        input=encode(fields),
        webhook=_webhook(request.get("webhook")),
        policy=_policy(request.get("policy")),
        photo=str(fields.get("image_url", "")).partition("?")[0],
        faults=_faults(fields.get("fault")),
    )


def _json(body: bytes) -> Any:
    try:
        return json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise RequestError("the request body is not JSON") from error


def _no_constant(name: str) -> NoReturn:
    # Python reads NaN and Infinity, which JSON does not have.
    raise ValueError(name)


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RequestError(f"{name} must be a JSON object")
    return value


def _webhook(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not _is_absolute(value):
        raise RequestError("webhook must be an absolute http or https URL")
    return value


def _is_absolute(value: str) -> bool:
    try:
        url = urlsplit(value)
        _ = url.port  # which is read only when asked for, and may be out of range
    except ValueError:
        return False
    return url.scheme in {"http", "https"} and bool(url.hostname) and value.split() == [value]


def _faults(value: Any) -> Faults:
    try:
        return local_faults.NONE if value is None else local_faults.parse(str(value))
    except ValueError as error:
        raise RequestError(f"input.{error}") from error


def _policy(value: Any) -> Policy:
    fields = {} if value is None else _object(value, "policy")
    # It only keeps RunPod from starting more workers, and here their number is fixed.
    if not isinstance(fields.get("lowPriority", False), bool):
        raise RequestError("policy.lowPriority must be true or false")
    return Policy(
        execution_timeout=_duration(fields, "executionTimeout", *EXECUTION_TIMEOUT),
        ttl=_duration(fields, "ttl", *TTL),
    )


def _duration(fields: dict[str, Any], name: str, least: int, default: int, most: int) -> int:
    value = fields.get(name, default)
    if not isinstance(value, int) or not least <= value <= most:
        raise RequestError(f"policy.{name} must be between {least} and {most} ms")
    return value
