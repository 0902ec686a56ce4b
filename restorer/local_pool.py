"""The workers of the local endpoint: which are idle, which run what, and who is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from restorer.local_job import Job, Outcome
from restorer.local_worker import Handler, Worker


class Pool:
    """A fixed number of workers. Touched by the event loop alone, which also hears of them.

    `on_return` is told what a handler made of a job, `on_progress` how far it is.
    """

    def __init__(
        self,
        handler: Handler,
        size: int,
        on_return: Callable[[Job, Outcome | None], None],
        on_progress: Callable[[Job, bytes], None],
    ) -> None:
        self._handler, self._on_return, self._on_progress = handler, on_return, on_progress
        self._loop = asyncio.get_running_loop()
        self.running: dict[Worker, Job] = {}
        self._idle = [self._hire() for _ in range(size)]

    @property
    def idle(self) -> int:
        """The number of workers without a job."""
        return len(self._idle)

    def give(self, job: Job, now: float) -> None:
        """Let an idle worker run the job."""
        worker = self._idle.pop()
        job.start(worker.id, now)
        self.running[worker] = job
        worker.give(job)

    def replace(self, worker: Worker) -> None:
        """Put another in the place of one that is still running."""
        # RunPod stops the worker of an overrun (docs EC); a thread can only be left behind.
        del self.running[worker]
        worker.dismiss()
        self._idle.append(self._hire())

    def close(self) -> None:
        """Send the workers home; one that is busy is left to itself."""
        for worker in [*self._idle, *self.running]:
            worker.dismiss()

    def _returned(self, worker: Worker, job: Job, outcome: Outcome | None) -> None:
        if self.running.get(worker) is not job:
            return  # it overran, and another worker has its place
        del self.running[worker]
        self._idle.append(worker)
        self._on_return(job, outcome)

    def _hire(self) -> Worker:
        returned, progressed = self._returned, self._on_progress
        return Worker(self._handler, partial(self._tell, returned), partial(self._tell, progressed))

    def _tell(self, method: Callable[..., None], *facts: object) -> None:
        # Called in a worker's thread. Without the loop, the server has stopped and nobody cares.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(method, *facts)
