"""A worker: the thread that runs the handler, and what becomes of the handler's answer."""

from __future__ import annotations

import json
import secrets
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from queue import SimpleQueue
from typing import Any

from restorer.local_job import Job, Outcome
from restorer.local_request import encode

Handler = Callable[[dict[str, Any], Callable[[float, str], None]], Any]

# Handlers answer through runpod's SDK, whose words these are (RUNPOD.md §4).
RUNPOD_VERSION = "1.12.0"


class Worker:
    """Runs one job after another in a thread that does not hold the process.

    `returned` and `progressed` are called in that thread.
    """

    def __init__(
        self,
        handler: Handler,
        returned: Callable[[Worker, Job, Outcome | None], None],
        progressed: Callable[[Job, bytes], None],
    ) -> None:
        self.id = secrets.token_hex(7)  # as long as RunPod's, such as t7zclng6mb5jwy
        self._handler, self._returned, self._progressed = handler, returned, progressed
        self._inbox: SimpleQueue[tuple[Job, bytes] | None] = SimpleQueue()
        threading.Thread(target=self._work, name=f"worker {self.id}", daemon=True).start()

    def give(self, job: Job) -> None:
        """Run `job` next."""
        # With its input, which the queue lets go of when the job is cancelled.
        self._inbox.put((job, job.submission.input))

    def dismiss(self) -> None:
        """End the thread as soon as the handler returns."""
        self._inbox.put(None)

    def _work(self) -> None:
        while (item := self._inbox.get()) is not None:
            self._returned(self, item[0], self._run(*item))

    def _run(self, job: Job, input: bytes) -> Outcome | None:
        try:
            answer = self._handler({"id": job.id, "input": json.loads(input)}, self._progress(job))
        # SystemExit too: it would end the thread alone, and the queue would wait for ever.
        except BaseException as error:
            return Outcome("FAILED", error=_captured(error, self.id))
        return outcome_of(answer)

    def _progress(self, job: Job) -> Callable[[float, str], None]:
        def on_progress(progress: float, stage: str) -> None:
            # Progress that JSON cannot carry is lost on RunPod as well, and fails no job.
            with suppress(ValueError, TypeError):
                self._progressed(job, encode({"progress": float(progress), "stage": stage}))

        return on_progress


def outcome_of(answer: Any) -> Outcome | None:
    """Return what RunPod makes of a handler's answer, None if the worker can post nothing."""
    try:
        return _outcome_of_dict(answer) if isinstance(answer, dict) else _completed(answer)
    except (ValueError, TypeError, RecursionError):
        return None


def _outcome_of_dict(answer: dict[Any, Any]) -> Outcome:
    error = answer.get("error")
    rest = {key: answer[key] for key in answer if key not in {"error", "refresh_worker"}}
    if not error:
        return _completed(rest or None)
    if isinstance(error, str):
        return replace(_completed(rest or None), status="FAILED", error=error)
    # RunPod drops an error that is no string, and the output with it: runpod-python#299.
    return Outcome("COMPLETED")


def _completed(output: Any) -> Outcome:
    return Outcome("COMPLETED", None if output is None else encode(output))


def _captured(error: BaseException, worker_id: str) -> str:
    """Return an exception as the SDK reports it: a JSON document in a string."""
    return json.dumps(
        {
            "error_type": str(type(error)),
            "error_message": str(error),
            "error_traceback": "".join(traceback.format_exception(error)),
            "hostname": "unknown",
            "worker_id": worker_id,
            "runpod_version": RUNPOD_VERSION,
        }
    )
