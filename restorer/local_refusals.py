"""Answers that are none, of RunPod, its gateway and the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from restorer.local_faults import Fault, Faults
from restorer.local_job import Job

_PAUSED = {
    "status": 409,
    "code": "ENDPOINT_PAUSED",
    "detail": "The endpoint is paused: its workers are set to 0.",
}
_GATEWAY = "<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>"


def refusal(request: Request, faults: Faults) -> Response | None:
    """Return the answer to POST /run that takes no job, if there is to be one."""
    # Made anew each time: a response belongs to one request.
    answers: dict[Fault, Callable[[], Response]] = {
        Fault.RUN_400: lambda: JSONResponse({"error": "bad request"}, 400),
        Fault.RUN_401: lambda: JSONResponse({"error": "unauthorized"}, 401),
        Fault.RUN_402: lambda: JSONResponse({"error": "insufficient balance"}, 402),
        Fault.RUN_404: lambda: JSONResponse({"error": "endpoint not found"}, 404),
        Fault.RUN_409_PAUSED: lambda: JSONResponse(_PAUSED, 409),
        Fault.RUN_429: lambda: Response("too many requests", 429, {"Retry-After": "2"}),
        Fault.RUN_500: lambda: JSONResponse({"error": "internal error"}, 500),
        Fault.RUN_502_HTML: gateway_error,
        Fault.RUN_NO_ANSWER: lambda: hang_up(request),
    }
    return next((make() for fault, make in answers.items() if fault in faults), None)


def gateway_error() -> Response:
    """Return what a gateway says that does not reach RunPod."""
    return HTMLResponse(_GATEWAY, 502)


def hang_up(request: Request) -> Response:
    """Break the connection; the answer that is returned reaches nobody."""
    # ASGI has no word for it; `receive` is a method of uvicorn's own record of the request.
    cast("Any", request.receive).__self__.transport.abort()
    return Response()


def meets_first(job: Job, fault: Fault) -> bool:
    """Tell whether this call is the job's first that could meet the fault, and has to."""
    if not job.meets(fault) or fault in job.met:
        return False
    job.met.add(fault)
    return True
