"""What may go wrong on RunPod, each by a name, to be played on request: docs/faults.md."""

from __future__ import annotations

import logging
from enum import StrEnum
from pathlib import Path
from typing import Self, TypeAlias

logger = logging.getLogger(__name__)


class Fault(StrEnum):
    """A fault's name, and in `does` what the endpoint then does to the job."""

    does: str

    def __new__(cls, name: str, does: str) -> Self:
        """Return the name as a text that knows what it stands for."""
        fault = str.__new__(cls, name)
        fault._value_, fault.does = name, does
        return fault

    RUN_400 = "run-400", "POST /run is answered by 400, and no job is taken."
    RUN_401 = "run-401", "POST /run is answered by 401: the key is refused."
    RUN_402 = "run-402", "POST /run is answered by 402: no money is left."
    RUN_404 = "run-404", "POST /run is answered by 404: the endpoint is unknown."
    RUN_409_PAUSED = "run-409-paused", "POST /run is answered by 409: the endpoint is paused."
    RUN_429 = "run-429", "POST /run is answered by 429 with Retry-After: 2."
    RUN_500 = "run-500", "POST /run is answered by 500."
    RUN_502_HTML = "run-502-html", "POST /run is answered by a gateway's 502, in HTML."
    RUN_200_HTML = "run-200-html", "The job is taken, but POST /run is answered by a page in HTML."
    RUN_NO_ANSWER = "run-no-answer", "The connection of POST /run breaks, and no job is taken."
    RUN_ANSWER_LOST = "run-answer-lost", "The job is taken, but POST /run's connection breaks."

    WEBHOOK_EARLY = "webhook-early", "POST /run is answered only after the webhook was called."
    WEBHOOK_TWICE = "webhook-twice", "The webhook is called again after it was answered by 200."
    WEBHOOK_LATE = "webhook-late", "The webhook is called one and a half of its gaps late."
    WEBHOOK_LOST_ONCE = "webhook-lost-once", "The first call of the webhook never arrives."
    WEBHOOK_NEVER = "webhook-never", "The webhook is never called."
    WEBHOOK_MALFORMED = "webhook-malformed", "Every body of the webhook breaks off in the middle."
    WEBHOOK_UNKNOWN_WORDS = (
        "webhook-unknown-words",
        "A call with a status and fields that nobody knows comes before the real one.",
    )
    WEBHOOK_OLDER_ATTEMPT = (
        "webhook-older-attempt",
        "The ended job is forgotten; its webhook is called when the photo's next job is taken.",
    )

    COMPLETED_WITHOUT_OUTPUT = "completed-without-output", "The job is COMPLETED without output."
    COMPLETED_WITH_WORDS = "completed-with-words", "The job is COMPLETED with words for output."
    COMPLETED_WITH_NOISE = "completed-with-noise", "The job is COMPLETED with bytes of no picture."
    COMPLETED_WITH_PRIVATE_URL = (
        "completed-with-private-url",
        "The job is COMPLETED with the address of a cloud's metadata for its picture.",
    )
    COMPLETED_WITH_REDIRECT = (
        "completed-with-redirect",
        "The job is COMPLETED with an address of the endpoint that redirects to a private one.",
    )
    FAILED_WITH_SENTENCE = "failed-with-sentence", "The job is FAILED with a sentence for an error."
    FAILED_WITH_EXCEPTION = (
        "failed-with-exception",
        "The job is FAILED with an exception, traceback included, as JSON in its error.",
    )
    FAILED_BY_OVERRUN = "failed-by-overrun", "The job is FAILED: executionTimeout exceeded."
    TIMED_OUT = "timed-out", "The job is TIMED_OUT, and no webhook is called."
    CANCELLED = "cancelled", "The job is CANCELLED by somebody else, and no webhook is called."
    STUCK_IN_QUEUE = "stuck-in-queue", "The job is IN_QUEUE for ever."
    STUCK_IN_PROGRESS = (
        "stuck-in-progress",
        "The job is IN_PROGRESS for ever; its executionTime stands still.",
    )
    EXPIRED = "expired", "The ended job is forgotten: no webhook, and /status answers 404."

    STATUS_BEHIND = "status-behind", "The first look at the ended job still finds it IN_PROGRESS."
    STATUS_502_HTML = "status-502-html", "The first look at the job is answered by a gateway's 502."

    CANCEL_IGNORED = (
        "cancel-ignored",
        "The job ends only once it is cancelled, which is answered as always, and with its result.",
    )
    CANCEL_502_HTML = "cancel-502-html", "The first try to cancel is answered by a gateway's 502."


Faults: TypeAlias = frozenset[Fault]

NONE: Faults = frozenset()


def parse(text: str) -> Faults:
    """Return the faults of "name" or "name+name"; ValueError says which names there are."""
    names = {name.strip() for name in text.split("+")}
    faults = frozenset(fault for fault in Fault if fault in names)
    if len(faults) < len(names):
        raise ValueError(f"fault must be one or more, joined by +, of: {', '.join(Fault)}")
    return faults


class Switch:
    """What every job shall meet, and what one alone: a file names it, and is removed with it.

    The next job, or where the file names more than the faults, the next whose photo's address has
    that in it.
    """

    def __init__(self, always: Faults = NONE, file: Path | None = None) -> None:
        self._always, self._file = always, file

    def take(self, photo: str = "") -> Faults:
        """Return the faults of the job that is being submitted for the photo at that address."""
        text = self._taken(photo)
        try:
            return self._always | parse(text) if text else self._always
        except ValueError as error:
            logger.warning("%s", error)
            return self._always

    def _taken(self, photo: str) -> str:
        """Return what the file says of this job, and remove it then."""
        if self._file is None or not self._file.is_file():
            return ""
        text, _, rest = self._file.read_text().strip().partition(" ")
        # An empty one is still being written.
        if not text or rest.strip() not in photo:
            return ""
        self._file.unlink()
        return text


def table() -> str:
    """Return all faults, a line or two each, for a terminal."""
    return "\n".join(f"  {fault}\n      {fault.does}" for fault in Fault)
