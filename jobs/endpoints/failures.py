"""Why RunPod ended a job without a result: what to call it, and whether to try again."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.utils.translation import gettext_noop

from ..pictures import PictureError
from ..runpod import Report
from . import outputs
from .base import OutputError

_OVERRUN = re.compile(r"execution\s*time\s*out|exceeded .*(time\s?out|time limit)", re.IGNORECASE)
# Of the machine, or of this one moment: elsewhere or later it may go well.
_PASSING = re.compile(
    r"out of memory|cuda|timed?[ -]?out|max retries|connection|temporar|unavailable|overload"
    r"|too many requests|no space left|\boom\b",
    re.IGNORECASE,
)
# Of what was sent: it would be sent again.
_LASTING = re.compile(
    r"validation failed|missing '?\w+'? |is required|required (parameter|field|input)|invalid"
    r"|failed to upload|base64|incorrect padding|not in list|must be|unsupported|not supported"
    r"|cannot identify image|http error 4\d\d|unknown (option|parameter|model)|no such file",
    re.IGNORECASE,
)
_LONGEST = 500  # characters of a message


@dataclass(frozen=True)
class Failure:
    """A `code` for programs, a sentence for the owner, and whether a new job may succeed."""

    code: str
    message: str
    retryable: bool


def of(report: Report, *, code: str, unexplained: str) -> Failure:
    """Return why the job ended, by what RunPod and the worker say; `unexplained` otherwise."""
    message = _message(report) or unexplained
    if report.status == "CANCELLED":
        return Failure(code, message, retryable=False)
    if report.status == "FAILED" and _OVERRUN.search(message):
        return Failure("timeout", message, retryable=True)
    return Failure(code, message, retryable=_is_passing(message))


def of_output(error: OutputError | PictureError) -> Failure:
    """Return why the job came to nothing though its worker finished."""
    if isinstance(error, PictureError):  # its sentence is for who uploads
        return Failure(
            error.code,
            gettext_noop("The worker finished without a usable picture."),
            retryable=True,
        )
    return Failure(error.code, error.message[:_LONGEST], retryable=_is_passing(error.message))


def _is_passing(message: str) -> bool:
    """Tell whether the same photo may be restored another time, so far as the words tell."""
    return bool(_PASSING.search(message)) or not _LASTING.search(message)


def _message(report: Report) -> str:
    """Return the error, and what the worker adds to it in its output."""
    found = outputs.look(report.output)
    said = [report.error, *found.errors, *found.details]
    return ": ".join(dict.fromkeys(text for text in said if text))[:_LONGEST]
