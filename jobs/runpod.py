"""RunPod's customer API: the only outbound call to it, and what it says about a job.

Protocol: https://docs.runpod.io/serverless/endpoints/send-requests and …/operation-reference
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
from django.conf import settings

_TIMEOUT = httpx2.Timeout(20.0, connect=5.0)
_UNEXPLAINED = "The worker reported an error without a message."
_MAX_BODY = 10 * 1024 * 1024  # bytes of a /run request; RunPod answers 400 beyond
_PAUSED_WAIT = 60.0  # seconds before a paused endpoint is worth another try


# Ids are opaque, but become part of addresses that are called with our key.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,99}")


class RunPodError(Exception):
    """RunPod did not do what was asked.

    `code` and `message` are for the job's owner. `transient`: asking again may help, after
    `retry_after` seconds if that is known. `ambiguous`: RunPod may have done it all the same.
    `unknown_job`: RunPod does not, or no longer, know the job.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        transient: bool = False,
        ambiguous: bool = False,
        unknown_job: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.transient = transient
        self.ambiguous = ambiguous
        self.unknown_job = unknown_job
        self.retry_after = retry_after


@dataclass(frozen=True)
class Report:
    """What RunPod says about a job: by the answer to /run, a webhook or /status. Times in ms."""

    id: str
    status: str
    output: Any = None
    error: str | None = None
    delay_ms: int | None = None
    execution_ms: int | None = None

    @classmethod
    def parse(cls, body: object) -> Report:
        """Read a body and leave aside what we do not know; ValueError without id and status."""
        if not isinstance(body, Mapping):
            raise ValueError("The body must be a JSON object.")
        for field in ("id", "status"):
            if not isinstance(body.get(field), str) or not _NAME.fullmatch(body[field]):
                raise ValueError(f"`{field}` must be a word of 1 to 100 characters.")
        return cls(
            id=body["id"],
            status=body["status"],
            output=body.get("output"),
            error=_error_text(body.get("error")),
            delay_ms=_milliseconds(body.get("delayTime")),
            execution_ms=_milliseconds(body.get("executionTime")),
        )


def _error_text(error: object) -> str | None:
    """Return the sentence in an error: a worker that raised sends a JSON document in a string."""
    if error is None:
        return None
    document = _document_in(error)
    if isinstance(document, dict):
        error = document.get("error_message") or document.get("message") or _UNEXPLAINED
    # What follows is for who wrote the worker: a generator's error has its traceback in it.
    return plain(str(error).partition("\ntraceback:")[0].strip())


def _document_in(error: object) -> object:
    try:
        return json.loads(error) if isinstance(error, str) else error
    except (ValueError, RecursionError):
        return error


def plain(text: str) -> str:
    """Return the text without what a database refuses: NUL and halves of surrogate pairs."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _milliseconds(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value < 2**53 else None


def run(*, input: Mapping[str, Any], webhook: str) -> Report:
    """Submit a job (POST /run) and return RunPod's acceptance. Raises RunPodError."""
    policy = {
        "executionTimeout": settings.RUNPOD_EXECUTION_TIMEOUT * 1000,
        "ttl": settings.RUNPOD_TTL * 1000,
    }
    body = json.dumps({"input": input, "webhook": webhook, "policy": policy}).encode()
    if len(body) > _MAX_BODY:
        raise RunPodError("request_too_large", "The photo is too large for RunPod's request.")
    return _call("POST", "run", body)


def status(runpod_job_id: str) -> Report:
    """Ask how a job stands (GET /status). Raises RunPodError."""
    return _call("GET", f"status/{runpod_job_id}")


def cancel(runpod_job_id: str) -> Report:
    """Ask RunPod to give a job up (POST /cancel). Raises RunPodError."""
    return _call("POST", f"cancel/{runpod_job_id}")


def _call(method: str, operation: str, body: bytes | None = None) -> Report:
    url = f"{settings.RUNPOD_BASE_URL}/{settings.RUNPOD_ENDPOINT_ID}/{operation}"
    headers = {"Authorization": f"Bearer {settings.RUNPOD_API_KEY}"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    try:
        response = httpx2.request(method, url, content=body, headers=headers, timeout=_TIMEOUT)
    except httpx2.RequestError as error:
        raise _no_answer(error) from error
    if not response.is_success:
        raise _refusal(response, operation)
    try:
        return Report.parse(response.json())
    except ValueError as error:
        raise _gibberish() from error


def _no_answer(error: httpx2.RequestError) -> RunPodError:
    # Where no connection came about, RunPod has not heard us; otherwise it may have.
    unheard = isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)
    return RunPodError(
        "runpod_unreachable", "RunPod does not answer.", transient=True, ambiguous=not unheard
    )


def _gibberish() -> RunPodError:
    message = "RunPod gave an answer that we do not understand."
    return RunPodError("runpod_unreachable", message, transient=True, ambiguous=True)


def _refusal(response: httpx2.Response, operation: str) -> RunPodError:
    """Judge by the number alone: the bodies are not specified and differ."""
    number = response.status_code
    if number in (401, 402, 403):
        return RunPodError(
            "runpod_refused", f"RunPod refuses this site's key or account ({number})."
        )
    if number == 404 and operation != "run":
        return RunPodError("lost", "RunPod no longer knows this job.", unknown_job=True)
    if number == 404:
        return RunPodError("runpod_refused", "RunPod does not know this site's endpoint.")
    if number == 409:
        message = "RunPod's endpoint is paused."
        return RunPodError("runpod_paused", message, transient=True, retry_after=_PAUSED_WAIT)
    if number == 429:
        wait = _seconds(response.headers.get("Retry-After"))
        return RunPodError("runpod_busy", "RunPod is busy.", transient=True, retry_after=wait)
    if number >= 500:
        message = f"RunPod answers with an error ({number})."
        return RunPodError("runpod_unreachable", message, transient=True, ambiguous=True)
    return RunPodError("runpod_refused", f"RunPod refuses the request ({number}).")


def _seconds(header: str | None) -> float | None:
    return float(header) if header and header.isdigit() else None
