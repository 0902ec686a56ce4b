"""The queue of the local endpoint: which job runs when, and how long each is remembered."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

from restorer import local_outcomes
from restorer.local_faults import Fault
from restorer.local_job import CANCELLED, OVERRUN, Job, Outcome, surplus
from restorer.local_request import Submission
from restorer.local_worker import Handler, Worker

TICK = 0.25  # seconds between two looks at the clock when nobody asks


class Queue:
    """Every job of the endpoint. Touched by its event loop alone, so it needs no lock."""

    def __init__(
        self,
        handler: Handler,
        workers: int,
        on_end: Callable[[Job, float], None],
        clock: Callable[[], float],
    ) -> None:
        self._handler, self._on_end, self._clock = handler, on_end, clock
        self._loop = asyncio.get_running_loop()
        self._jobs: dict[str, Job] = {}
        self._waiting: deque[Job] = deque()
        self._finished: dict[str, Job] = {}
        self._counts: Counter[str] = Counter()
        self._unfollowed: list[Job] = []
        self._running: dict[Worker, Job] = {}
        self._idle = [self._hire() for _ in range(workers)]

    def submit(self, submission: Submission) -> Job:
        """Put a job at the end of the queue."""
        job = Job(submission, submitted=self._clock())
        self._jobs[job.id] = job
        self._follow(job)
        if not job.meets(Fault.STUCK_IN_QUEUE):
            self._waiting.append(job)
        self._dispatch()
        return job

    def find(self, job_id: str) -> Job | None:
        """Return the job, None if it is unknown, expired or has outlived its ttl."""
        self.sweep()
        return self._jobs.get(job_id)

    def cancel(self, job: Job) -> None:
        """Drop the job and whatever its handler, which runs on, will return."""
        if not job.meets(Fault.CANCEL_IGNORED):
            self._end(job, CANCELLED)

    def now(self) -> float:
        """Return the time of the queue's clock, in seconds."""
        return self._clock()

    def health(self) -> dict[str, dict[str, int]]:
        """Return the counts of /health (RUNPOD.md §1)."""
        self.sweep()
        states = Counter(job.status for job in self._jobs.values())
        jobs = {"completed": self._counts["COMPLETED"], "failed": self._counts["FAILED"]}
        jobs |= {"inProgress": states["IN_PROGRESS"], "inQueue": states["IN_QUEUE"], "retried": 0}
        # RunPod counts a worker that waits for work as idle and as ready.
        workers = {"idle": len(self._idle), "initializing": 0, "ready": len(self._idle)}
        workers |= {"running": len(self._running), "throttled": 0, "unhealthy": 0}
        return {"jobs": jobs, "workers": workers}

    async def keep_time(self) -> None:
        """Let time end jobs though nobody asks for them."""
        while True:
            await asyncio.sleep(TICK)
            self.sweep()

    def sweep(self) -> None:
        """Apply everything that time alone decides: ttl, executionTimeout, keeping."""
        now = self._clock()
        for job in list(self._jobs.values()):
            if job.expired(now):
                self._forget(job)
            elif job.status == "IN_PROGRESS" and job.overran(now):
                self._end(job, OVERRUN)
        for worker, job in list(self._running.items()):
            if job.overran(now):
                self._replace(worker)

    def close(self) -> None:
        """Send the workers home; one that is busy is left to itself."""
        for worker in [*self._idle, *self._running]:
            worker.dismiss()

    def _dispatch(self) -> None:
        while self._idle and self._waiting:
            job, worker = self._waiting.popleft(), self._idle.pop()
            job.start(worker.id, self._clock())
            self._running[worker] = job
            worker.give(job)

    def _returned(self, worker: Worker, job: Job, outcome: Outcome | None) -> None:
        self.sweep()
        if self._running.get(worker) is not job:
            return  # it overran, and another worker has its place
        del self._running[worker]
        self._idle.append(worker)
        outcome = local_outcomes.played(job, outcome)
        if job.meets(Fault.STUCK_IN_PROGRESS):
            job.stuck = self._clock()
        # Nothing to post: the job looks alive until its executionTimeout (RUNPOD.md §4).
        elif outcome is not None and job.status == "IN_PROGRESS" and job.id in self._jobs:
            self._end(job, outcome)
        self._dispatch()

    def _progressed(self, job: Job, progress: bytes) -> None:
        if job.status == "IN_PROGRESS":
            job.output = progress

    def _end(self, job: Job, outcome: Outcome) -> None:
        now = self._clock()
        job.end(outcome, now)
        self._leave_queue(job)
        self._counts[job.status] += 1
        self._finished[job.id] = job
        self._on_end(job, now)
        # The photo that came in has done its work; only results are kept.
        job.submission = replace(job.submission, input=b"{}")
        for old in surplus(self._finished.values()):
            self._forget(old)
        if job.meets(Fault.EXPIRED, Fault.WEBHOOK_OLDER_ATTEMPT):
            self._forget(job)
        if job.meets(Fault.WEBHOOK_OLDER_ATTEMPT):
            self._unfollowed.append(job)

    def _follow(self, job: Job) -> None:
        """Let go of webhooks that waited for another attempt at the photo."""
        for old in [*self._unfollowed]:
            if old.submission.photo == job.submission.photo:
                old.followed.set()
                self._unfollowed.remove(old)

    def _forget(self, job: Job) -> None:
        self._leave_queue(job)
        self._finished.pop(job.id, None)
        self._jobs.pop(job.id, None)  # its number may be over in the same sweep as its time

    def _leave_queue(self, job: Job) -> None:
        with suppress(ValueError):
            self._waiting.remove(job)

    def _replace(self, worker: Worker) -> None:
        # RunPod stops the worker of an overrun (docs EC); a thread can only be left behind.
        del self._running[worker]
        worker.dismiss()
        self._idle.append(self._hire())
        self._dispatch()

    def _hire(self) -> Worker:
        returned, progressed = self._returned, self._progressed
        return Worker(self._handler, partial(self._tell, returned), partial(self._tell, progressed))

    def _tell(self, method: Callable[..., None], *facts: object) -> None:
        # Called in a worker's thread. Without the loop, the server has stopped and nobody cares.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(method, *facts)
