"""RunPod's customer API over HTTP (RUNPOD.md §1), call by call."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from restorer import local_refusals as refusals
from restorer.local_access import (
    MAX_BODY,
    MAX_BODY_OF_RUNSYNC,
    Endpoint,
    admit,
    find_job,
    read_body,
    read_wait,
)
from restorer.local_faults import Fault
from restorer.local_job import RESULT_OF_RUNSYNC_KEPT, Job, wire
from restorer.local_outcomes import METADATA
from restorer.local_queue import RETRYABLE, Queue
from restorer.local_request import RequestError, Submission, encode, parse

STREAM_HELD = 10.0  # seconds that an empty answer to /stream may take

logger = logging.getLogger(__name__)


async def run(request: Request) -> Response:
    """Take a job, POST /run."""
    endpoint = admit(request)
    submission = await _submission(endpoint, request, MAX_BODY)
    refused = refusals.refusal(request, submission.faults)
    return refused or await _accepted(request, endpoint.queue.submit(submission))


async def runsync(request: Request) -> Response:
    """Take a job and wait for its end, POST /runsync."""
    endpoint, seconds = admit(request), read_wait(request)
    submission = await _submission(endpoint, request, MAX_BODY_OF_RUNSYNC)
    if refused := refusals.refusal(request, submission.faults):
        return refused
    job = endpoint.queue.submit(submission)
    job.kept = RESULT_OF_RUNSYNC_KEPT
    return await _report_at_end(endpoint.queue, job, seconds)


async def _submission(endpoint: Endpoint, request: Request, limit: int) -> Submission:
    submission = parse(await read_body(request, limit))
    faults = submission.faults | endpoint.switch.take(submission.photo)
    if faults:
        logger.warning("a job meets %s", " and ".join(sorted(faults)))
    return replace(submission, faults=faults, endpoint=str(request.base_url))


async def _accepted(request: Request, job: Job) -> Response:
    if job.meets(Fault.WEBHOOK_EARLY):
        await job.called.wait()
    if job.meets(Fault.RUN_ANSWER_LOST):
        return refusals.hang_up(request)
    if job.meets(Fault.RUN_200_HTML):
        return HTMLResponse("<html><body>Please wait …</body></html>")
    # Also when a worker took it at once: RunPod's first answer is always this.
    return JSONResponse({"id": job.id, "status": "IN_QUEUE"})


async def status(request: Request) -> Response:
    """Look at a job, GET /status."""
    queue = admit(request).queue
    job = find_job(queue, request)
    if refusals.meets_first(job, Fault.STATUS_502_HTML):
        return refusals.gateway_error()
    return _report(queue, job)


async def status_sync(request: Request) -> Response:
    """Look at a job when it has ended, GET /status-sync; RunPod's own clients ask for it."""
    queue = admit(request).queue
    job = find_job(queue, request)
    return await _report_at_end(queue, job, read_wait(request))


async def stream(request: Request) -> Response:
    """Hand out what a job has yielded, GET /stream: nothing, for a restorer yields nothing."""
    job = find_job(admit(request).queue, request)
    await _end_of(job, STREAM_HELD)
    return JSONResponse({"status": job.status, "stream": []})


async def retry(request: Request) -> Response:
    """Run a job again that has come to nothing, POST /retry."""
    queue = admit(request).queue
    job = find_job(queue, request)
    if job.status not in RETRYABLE:
        raise RequestError(f"a job that is {job.status} cannot be retried")
    queue.retry(job)
    return JSONResponse({"id": job.id, "status": "IN_QUEUE"})


async def purge_queue(request: Request) -> Response:
    """Cancel the jobs that wait, POST /purge-queue."""
    return JSONResponse({"removed": admit(request).queue.purge(), "status": "completed"})


async def cancel(request: Request) -> Response:
    """Give a job up, POST /cancel."""
    queue = admit(request).queue
    job = find_job(queue, request)
    if job.ended is not None:
        return _report(queue, job)
    if refusals.meets_first(job, Fault.CANCEL_502_HTML):
        return refusals.gateway_error()
    queue.cancel(job)
    return JSONResponse({"id": job.id, "status": "CANCELLED"})


async def health(request: Request) -> Response:
    """Count jobs and workers, GET /health."""
    return JSONResponse(admit(request).queue.health())


async def elsewhere(request: Request) -> Response:
    """Send whoever fetches a result to where nobody may be sent."""
    return RedirectResponse(METADATA)


async def _report_at_end(queue: Queue, job: Job, seconds: float) -> Response:
    await _end_of(job, seconds)
    return _report(queue, job)


async def _end_of(job: Job, seconds: float) -> None:
    """Wait for the job's end, and no longer than that many seconds."""
    with suppress(TimeoutError):
        await asyncio.wait_for(job.has_ended.wait(), seconds)


def _report(queue: Queue, job: Job) -> Response:
    report = job.report(queue.now())
    if job.ended is not None and refusals.meets_first(job, Fault.STATUS_BEHIND):
        report = {"id": report["id"], "status": encode("IN_PROGRESS")}
    return Response(wire(report), media_type="application/json")
