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
from django.utils.translation import gettext_noop

from . import waits

_TIMEOUT = httpx2.Timeout(20.0, connect=5.0)
UNEXPLAINED = gettext_noop("The worker reported an error without a message.")
_SENTENCES = ("error_message", "message", "msg", "error", "detail", "details", "errors", "reason")
# The white space before is stripped: to look for it would read a run of it again and again.
_TRACEBACK = re.compile(r"\ntraceback:|Traceback \(most recent call last\):")
_MOST_ERRORS = 5
_DEEPEST = 5
_LONGEST = 2000  # characters of a sentence
MAX_BODY = 10 * 1024 * 1024  # bytes of a /run request; RunPod answers 400 beyond
_PAUSED_WAIT = 60.0  # seconds before a paused endpoint is worth another try
_LOOKED_AT = 2000  # bytes of a refusal in which we look for what it is about
_MONEY = re.compile(rb"balance|insufficient funds", re.IGNORECASE)

# For people whose photo waits; a page says it in their language. What an operator has to know of
# it would not help them.
_OUT_OF_ORDER = gettext_noop(
    "Restoring is out of order at the moment. Your photo is kept, and restored as soon as it works."
)
_BUSY = gettext_noop(
    "Restoring is very busy at the moment. Your photo is kept, and waits for its turn."
)
_SILENT = gettext_noop(
    "Restoring does not answer at the moment. Your photo is kept, and tried again."
)
_NOT_TAKEN = gettext_noop("This photo could not be handed over to be restored.")
_TOO_LARGE = gettext_noop("The photo is too large to be handed over to be restored.")

# Ids are opaque, but become part of addresses that are called with our key.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,99}")


class RunPodError(Exception):
    """RunPod did not do what was asked.

    `code` and `message` are for the job's owner, `operator` is for who runs the site. `transient`:
    asking again may help, after `retry_after` seconds if that is known. `ambiguous`: RunPod may
    have done it all the same. `unknown_job`: RunPod does not, or no longer, know the job.
    `closes`: it would refuse every other job, too, until an operator has done something.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        operator: str = "",
        transient: bool = False,
        ambiguous: bool = False,
        unknown_job: bool = False,
        closes: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(operator or message)
        self.code = code
        self.message = message
        self.operator = operator or message
        self.transient = transient
        self.ambiguous = ambiguous
        self.unknown_job = unknown_job
        self.closes = closes
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
            status=body["status"].upper(),
            output=body.get("output"),
            error=sentence(body.get("error")),
            delay_ms=_milliseconds(body.get("delayTime")),
            execution_ms=_milliseconds(body.get("executionTime")),
        )


def sentence(error: object, *, depth: int = 0) -> str | None:
    """Return the sentence in an error, of whatever shape; None where there is no error.

    A worker that raised sends a JSON document in a string. What is for who wrote the worker, such
    as a traceback, is left out.
    """
    error = _document_in(error)
    if isinstance(error, dict | list) and depth < _DEEPEST:
        held = _said_in(error) if isinstance(error, dict) else error[:_MOST_ERRORS]
        found = [text for item in held if (text := sentence(item, depth=depth + 1))]
        return "; ".join(found) or (UNEXPLAINED if isinstance(error, dict) else None)
    if isinstance(error, str):
        return _without_traceback(plain(error)).strip()[:_LONGEST] or None
    return UNEXPLAINED if error else None


def _said_in(error: Mapping[str, object]) -> list[object]:
    return [error[key] for key in _SENTENCES if error.get(key)][:1]


def _document_in(error: object) -> object:
    if not isinstance(error, str) or not error.lstrip().startswith(("{", "[")):
        return error
    try:
        return json.loads(error)
    except (ValueError, RecursionError):
        return error


def _without_traceback(text: str) -> str:
    """Return what stands before a traceback, or the last line of what is nothing else."""
    before = _TRACEBACK.split(text, maxsplit=1)[0]
    if before.strip() or before == text:
        return before
    return text.strip().rpartition("\n")[2]


def plain(text: str) -> str:
    """Return the text without what a database refuses: NUL and halves of surrogate pairs."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _milliseconds(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value < 2**53 else None


def run(*, input: Mapping[str, Any], webhook: str) -> Report:
    """Submit a job (POST /run) and return RunPod's acceptance. Raises RunPodError."""
    body = json.dumps({"input": input, "webhook": webhook, "policy": _policy()}).encode()
    if len(body) > MAX_BODY:
        operator = f"The request has {len(body)} bytes, and RunPod takes {MAX_BODY}."
        raise RunPodError("request_too_large", _TOO_LARGE, operator=operator)
    return _call("POST", "run", body)


def _policy() -> dict[str, int | bool]:
    """Return what RunPod shall do with the job: times in ms, queue and run together in the ttl."""
    return {
        "executionTimeout": settings.RUNPOD_EXECUTION_TIMEOUT * 1000,
        "ttl": settings.RUNPOD_TTL * 1000,
        "lowPriority": settings.RUNPOD_LOW_PRIORITY,
    }


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
    except (ValueError, RecursionError) as error:
        raise _gibberish() from error


def _no_answer(error: httpx2.RequestError) -> RunPodError:
    # Where no connection came about, RunPod has not heard us; otherwise it may have.
    unheard = isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)
    return _unreachable(f"RunPod does not answer: {type(error).__name__}.", ambiguous=not unheard)


def _gibberish() -> RunPodError:
    return _unreachable("RunPod gave an answer that we do not understand.", ambiguous=True)


def _unreachable(operator: str, *, ambiguous: bool) -> RunPodError:
    return RunPodError(
        "runpod_unreachable", _SILENT, operator=operator, transient=True, ambiguous=ambiguous
    )


def _refusal(response: httpx2.Response, operation: str) -> RunPodError:
    """Judge by the number: the bodies are not specified and differ, whoever wrote them."""
    number = response.status_code
    if number == 404 and operation != "run":
        operator = "RunPod no longer knows this job."
        return RunPodError(
            "lost", gettext_noop("The restoration was lost."), operator=operator, unknown_job=True
        )
    if number == 429:
        return _busy(response)
    if number >= 500 or number in (408, 425):
        return _unreachable(f"RunPod answers with an error ({number}).", ambiguous=True)
    return _closed(response) or _not_taken(number)


def _busy(response: httpx2.Response) -> RunPodError:
    wait = waits.asked(response.headers.get("Retry-After"))
    operator = "RunPod takes no more requests for now (429)."
    return RunPodError("runpod_busy", _BUSY, operator=operator, transient=True, retry_after=wait)


def _closed(response: httpx2.Response) -> RunPodError | None:
    """Return what keeps RunPod from taking any job until an operator has done something."""
    number = response.status_code
    if number == 402 or (number in (400, 403) and _MONEY.search(response.content[:_LOOKED_AT])):
        return _out_of_order("runpod_balance", f"RunPod wants money ({number}): top up the account")
    if number in (401, 403):
        return _out_of_order("runpod_key", f"RunPod refuses the key ({number}): RUNPOD_API_KEY")
    if number == 404:
        operator = "RunPod does not know the endpoint (404): RUNPOD_ENDPOINT_ID"
        return _out_of_order("runpod_endpoint", operator)
    if number == 409:
        operator = "RunPod's endpoint is paused (409): set its max workers in RunPod's console"
        return _out_of_order("runpod_paused", operator, retry_after=_PAUSED_WAIT)
    if number < 400:
        operator = f"That is not RunPod's API, it redirects ({number}): RUNPOD_BASE_URL"
        return _out_of_order("runpod_endpoint", operator)
    return None


def _out_of_order(code: str, operator: str, *, retry_after: float | None = None) -> RunPodError:
    return RunPodError(
        code, _OUT_OF_ORDER, operator=f"{operator}.", closes=True, retry_after=retry_after
    )


def _not_taken(number: int) -> RunPodError:
    if number == 413:
        operator = "RunPod finds the request too large (413)."
        return RunPodError("request_too_large", _TOO_LARGE, operator=operator)
    return RunPodError(
        "runpod_refused", _NOT_TAKEN, operator=f"RunPod refuses this job ({number})."
    )
