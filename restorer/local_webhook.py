"""The calls to the webhook of a job that has ended, as RunPod makes them (RUNPOD.md §2.1)."""

from __future__ import annotations

import asyncio
import logging

import httpx2

from restorer.local_faults import Fault
from restorer.local_job import Job, wire
from restorer.local_request import encode

TRIES = 3  # one call and up to two more
GAP = 10.0  # seconds between two tries
PATIENCE = 2.0  # seconds for the answer: receivers were called "every 12 seconds", gap included
_LATE = 1.5  # gaps

logger = logging.getLogger(__name__)


class Webhooks:
    """Calls back beside the queue: no job waits for the receiver of another.

    The URL is a secret and the body holds a photo, so the log names the job and nothing else.
    """

    def __init__(self, gap: float = GAP) -> None:
        self._gap = gap
        self._calls: set[asyncio.Task[None]] = set()
        # The receiver is close by: no proxy, and no idle connection it might close meanwhile.
        self._client = httpx2.AsyncClient(
            timeout=PATIENCE,
            follow_redirects=False,
            trust_env=False,
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=0),
        )

    def send(self, job: Job, now: float) -> None:
        """Start to tell the job's end to its webhook, if RunPod would, and return at once."""
        url = job.submission.webhook
        if url is None or not _is_told(job):
            job.called.set()  # as far as it ever will be
            return
        call = asyncio.create_task(self._tell(job, url, job.webhook_report(now)))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)

    async def close(self) -> None:
        """Give up the calls that are under way."""
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
        await self._client.aclose()

    async def _tell(self, job: Job, url: str, report: dict[str, bytes]) -> None:
        body = wire(report)
        if job.meets(Fault.WEBHOOK_OLDER_ATTEMPT):
            await job.followed.wait()
        if job.meets(Fault.WEBHOOK_LATE):
            await asyncio.sleep(self._gap * _LATE)
        if job.meets(Fault.WEBHOOK_UNKNOWN_WORDS):
            await self._post(url, wire(report | _UNKNOWN_WORDS))
        if job.meets(Fault.WEBHOOK_MALFORMED):
            body = body[: len(body) // 2]
        await self._deliver(job, url, body)
        if job.meets(Fault.WEBHOOK_TWICE):
            await self._deliver(job, url, body)

    async def _deliver(self, job: Job, url: str, body: bytes) -> None:
        lost = job.meets(Fault.WEBHOOK_LOST_ONCE)
        answer = "lost" if lost else await self._post(url, body)
        job.called.set()
        for _ in range(TRIES - 1):
            if answer == "200":  # nothing else is success, 204 is not
                return
            await asyncio.sleep(self._gap)
            answer = await self._post(url, body)
        if answer != "200":
            logger.warning("webhook of job %s failed %s times, last: %s", job.id, TRIES, answer)

    async def _post(self, url: str, body: bytes) -> str:
        headers = {"Content-Type": "application/json"}
        try:
            # The number is the whole answer; a body behind it is never read.
            async with self._client.stream("POST", url, content=body, headers=headers) as response:
                return str(response.status_code)
        # InvalidURL: a host name that looked like one until it was to be called.
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            return type(error).__name__


def _is_told(job: Job) -> bool:
    # Of the other ends RunPod promises no call (RUNPOD.md §2.1).
    promised = job.status in {"COMPLETED", "FAILED"}
    return promised and not job.meets(Fault.WEBHOOK_NEVER, Fault.EXPIRED)


_UNKNOWN_WORDS = {"status": encode("RETRIED"), "retries": b"1", "webhookV2": b"null"}
