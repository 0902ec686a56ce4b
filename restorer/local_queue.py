"""The queue of the local endpoint: which job runs when, and how long each is remembered."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from restorer import local_outcomes
from restorer.local_faults import Fault
from restorer.local_job import CANCELLED, OVERRUN, Job, Outcome, surplus
from restorer.local_pool import Pool
from restorer.local_request import Submission
from restorer.local_worker import Handler

TICK = 0.25  # seconds between two looks at the clock when nobody asks
RETRYABLE = {"FAILED", "TIMED_OUT"}


class Queue:
    """Every job of the endpoint. Touched by its event loop alone, so it needs no lock."""

    def __init__(
        self,
        handler: Handler,
        workers: int,
        on_end: Callable[[Job, float], None],
        clock: Callable[[], float],
    ) -> None:
        self._on_end, self._clock = on_end, clock
        self._jobs: dict[str, Job] = {}
        self._waiting: deque[Job] = deque()
        self._finished: dict[str, Job] = {}
        self._counts: Counter[str] = Counter()
        self._unfollowed: list[Job] = []
        self._pool = Pool(handler, workers, self._returned, self._progressed)

    def submit(self, submission: Submission) -> Job:
        """Put a job at the end of the queue."""
        job = Job(submission, submitted=self._clock())
        self._jobs[job.id] = job
        self._follow(job)
        self._enqueue(job)
        return job

    def find(self, job_id: str) -> Job | None:
        """Return the job, None if it is unknown, expired or has outlived its ttl."""
        self.sweep()
        return self._jobs.get(job_id)

    def cancel(self, job: Job) -> None:
        """Drop the job and whatever its handler, which runs on, will return."""
        if not job.meets(Fault.CANCEL_IGNORED):
            self._end(job, CANCELLED)
        elif job.withheld:
            self._end(job, job.withheld)
        job.is_unwanted = True

    def retry(self, job: Job) -> None:
        """Run a job again that has ended without a result."""
        del self._finished[job.id]
        job.restart()
        self._counts["retried"] += 1
        self._enqueue(job)

    def purge(self) -> int:
        """Cancel the jobs that wait, and return how many there were."""
        waiting = [*self._waiting]
        for job in waiting:
            self._end(job, CANCELLED)
        return len(waiting)

    def now(self) -> float:
        """Return the time of the queue's clock, in seconds."""
        return self._clock()

    def health(self) -> dict[str, dict[str, int]]:
        """Return the counts of /health (RUNPOD.md §1)."""
        self.sweep()
        states, idle = Counter(job.status for job in self._jobs.values()), self._pool.idle
        jobs = {"completed": self._counts["COMPLETED"], "failed": self._counts["FAILED"]}
        jobs |= {"inProgress": states["IN_PROGRESS"], "inQueue": states["IN_QUEUE"]}
        jobs |= {"retried": self._counts["retried"]}
        # RunPod counts a worker that waits for work as idle and as ready.
        workers = {"idle": idle, "initializing": 0, "ready": idle}
        workers |= {"running": len(self._pool.running), "throttled": 0, "unhealthy": 0}
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
        for worker, job in list(self._pool.running.items()):
            if job.overran(now):
                self._pool.replace(worker)
        self._dispatch()

    def close(self) -> None:
        """Send the workers home."""
        self._pool.close()

    def _enqueue(self, job: Job) -> None:
        if not job.meets(Fault.STUCK_IN_QUEUE):
            self._waiting.append(job)
        self._dispatch()

    def _dispatch(self) -> None:
        while self._pool.idle and self._waiting:
            self._pool.give(self._waiting.popleft(), self._clock())

    def _returned(self, job: Job, outcome: Outcome | None) -> None:
        self.sweep()
        outcome = local_outcomes.played(job, outcome)
        if job.meets(Fault.STUCK_IN_PROGRESS):
            job.stuck = self._clock()
        elif job.meets(Fault.CANCEL_IGNORED) and not job.is_unwanted:
            job.withheld = outcome
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
        if job.status not in RETRYABLE:
            # The photo that came in has done its work; only results are kept.
            job.submission = replace(job.submission, input=b"")
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
