"""One job of the local endpoint: its states, its times, and how RunPod writes it down."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from restorer.local_faults import Fault
from restorer.local_request import Submission, encode

# Seconds from the end (RUNPOD.md §1, "Keeping, size, rate")
RESULT_KEPT = 30 * 60
RESULT_OF_RUNSYNC_KEPT = 60
# Ours, because results are in memory: a photo of 16 MB is 22 MB of base64.
MAX_FINISHED = 200  # jobs
MAX_OUTPUT = 512 * 1024 * 1024  # bytes, of all finished jobs together


@dataclass(frozen=True)
class Outcome:
    """How a job ended; `output` is JSON text."""

    status: str
    output: bytes | None = None
    error: str | None = None


OVERRUN = Outcome("FAILED", error="executionTimeout exceeded")
CANCELLED = Outcome("CANCELLED")
TIMED_OUT = Outcome("TIMED_OUT")


@dataclass(eq=False)
class Job:
    """What the endpoint knows of one request. Times are seconds of the queue's clock."""

    submission: Submission
    submitted: float
    id: str = field(default_factory=lambda: f"{uuid4()}-u1")
    status: str = "IN_QUEUE"
    worker_id: str | None = None
    started: float | None = None
    ended: float | None = None
    stuck: float | None = None
    output: bytes | None = None
    error: str | None = None
    kept: float = RESULT_KEPT
    met: set[Fault] = field(default_factory=set)  # faults that it meets but once
    withheld: Outcome | None = None  # until it is cancelled
    is_unwanted: bool = False  # it was cancelled, and goes on
    has_ended: asyncio.Event = field(default_factory=asyncio.Event)
    called: asyncio.Event = field(default_factory=asyncio.Event)  # its webhook was
    followed: asyncio.Event = field(default_factory=asyncio.Event)  # by a job for the same photo

    def meets(self, *faults: Fault) -> bool:
        """Tell whether one of the faults was asked for."""
        return not self.submission.faults.isdisjoint(faults)

    def start(self, worker_id: str, now: float) -> None:
        """A worker has taken the job."""
        self.status, self.worker_id, self.started = "IN_PROGRESS", worker_id, now

    def end(self, outcome: Outcome, now: float) -> None:
        """Nothing changes the job after this. Progress shown as output until now goes."""
        self.status, self.output, self.error = outcome.status, outcome.output, outcome.error
        self.ended = now
        self.has_ended.set()

    def restart(self) -> None:
        """Wait in the queue anew, as if nothing had come of the job."""
        self.status, self.output, self.error = "IN_QUEUE", None, None
        self.worker_id = self.started = self.ended = None
        self.has_ended.clear()

    def overran(self, now: float) -> bool:
        """Tell whether executionTimeout has passed since a worker took the job."""
        limit = self.submission.policy.execution_timeout / 1000
        if self.started is None or self.stuck is not None:
            return False
        return now - self.started >= limit

    def expired(self, now: float) -> bool:
        """Tell whether RunPod would have deleted the job: by its ttl, or long after its end."""
        outlived = now - self.submitted >= self.submission.policy.ttl / 1000
        return outlived or (self.ended is not None and now - self.ended >= self.kept)

    def report(self, now: float) -> dict[str, bytes]:
        """Return the status body (RUNPOD.md §1): the fields true by now, each as JSON text."""
        fields: dict[str, Any] = {"id": self.id, "status": self.status}
        if self.started is not None:
            fields["delayTime"] = _ms(self.started - self.submitted)
            fields["executionTime"] = _ms(self._executed(now))
            fields["workerId"] = self.worker_id
        if self.error is not None:
            fields["error"] = self.error
        report = {name: encode(value) for name, value in fields.items()}
        return report if self.output is None else report | {"output": self.output}

    def webhook_report(self, now: float) -> dict[str, bytes]:
        """Return the body of the webhook: the status body, and the request (RUNPOD.md §2.2)."""
        request = {"input": self.submission.input, "webhook": encode(self.submission.webhook)}
        return self.report(now) | request

    def _executed(self, now: float) -> float:
        assert self.started is not None
        until = next(time for time in (self.stuck, self.ended, now) if time is not None)
        return until - self.started


def surplus(finished: Iterable[Job]) -> list[Job]:
    """Return those of the finished jobs, given oldest first, that memory has no room for."""
    dropped, size = [], 0
    for count, job in enumerate(reversed(list(finished)), start=1):
        size += len(job.output or b"") + len(job.submission.input)
        if count > MAX_FINISHED or size > MAX_OUTPUT:
            dropped.append(job)
    return dropped


def wire(fields: dict[str, bytes]) -> bytes:
    """Join fields to one JSON object. A photo of 22 MB is copied, not encoded again."""
    return b"{%b}" % b",".join(b'"%b":%b' % (name.encode(), fields[name]) for name in fields)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
