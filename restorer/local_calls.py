"""RunPod's customer API over HTTP (RUNPOD.md §1), call by call."""

from __future__ import annotations

import logging
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from restorer import local_refusals as refusals
from restorer.local_access import Endpoint, admit, find_job, read_body
from restorer.local_faults import Fault
from restorer.local_job import Job, wire
from restorer.local_outcomes import METADATA
from restorer.local_queue import Queue
from restorer.local_request import Submission, encode, parse

logger = logging.getLogger(__name__)


async def run(request: Request) -> Response:
    """Take a job, POST /run."""
    endpoint = admit(request)
    submission = await _submission(endpoint, request)
    if submission.faults:
        logger.warning("a job meets %s", " and ".join(sorted(submission.faults)))
    if refused := refusals.refusal(submission.faults):
        return refused
    if Fault.RUN_NO_ANSWER in submission.faults:
        return refusals.hang_up(request)
    return await _accepted(request, endpoint.queue.submit(submission))


async def _submission(endpoint: Endpoint, request: Request) -> Submission:
    submission = parse(await read_body(request))
    faults = submission.faults | endpoint.switch.take()
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
    if refusals.missed(job, Fault.STATUS_502_HTML):
        return refusals.gateway_error()
    return _report(queue, job)


async def cancel(request: Request) -> Response:
    """Give a job up, POST /cancel."""
    queue = admit(request).queue
    job = find_job(queue, request)
    if job.ended is not None:
        return _report(queue, job)
    if job.meets(Fault.CANCEL_502_HTML) and not job.looks:
        job.looks += 1
        return refusals.gateway_error()
    queue.cancel(job)
    return JSONResponse({"id": job.id, "status": "CANCELLED"})


async def health(request: Request) -> Response:
    """Count jobs and workers, GET /health."""
    return JSONResponse(admit(request).queue.health())


async def elsewhere(request: Request) -> Response:
    """Send whoever fetches a result to where nobody may be sent."""
    return RedirectResponse(METADATA)


def _report(queue: Queue, job: Job) -> Response:
    report = job.report(queue.now())
    if job.ended is not None and refusals.missed(job, Fault.STATUS_BEHIND):
        report = {"id": report["id"], "status": encode("IN_PROGRESS")}
    return Response(wire(report), media_type="application/json")
