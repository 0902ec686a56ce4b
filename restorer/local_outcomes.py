"""How a job ends that was to meet a fault, whatever its handler has returned."""

from __future__ import annotations

import base64
import json

from restorer.local_faults import Fault
from restorer.local_job import CANCELLED, OVERRUN, TIMED_OUT, Job, Outcome
from restorer.local_request import encode

# Where clouds tell a machine its own secrets; nobody may be sent there.
METADATA = "http://169.254.169.254/latest/meta-data/"
# As the SDK's worker posts it (RUNPOD.md §4).
_EXCEPTION = {
    "error_type": "<class 'RuntimeError'>",
    "error_message": "CUDA out of memory. Tried to allocate 2.50 GiB",
    "error_traceback": 'Traceback (most recent call last):\n  File "/app/handler.py", line 12\n',
    "hostname": "t7zclng6mb5jwy-64410f73",
    "worker_id": "t7zclng6mb5jwy",
    "runpod_version": "1.12.0",
}
_NOISE = {"image_base64": base64.b64encode(bytes(range(256))).decode(), "format": "jpeg"}

_OUTCOMES = {
    Fault.COMPLETED_WITHOUT_OUTPUT: Outcome("COMPLETED"),
    Fault.COMPLETED_WITH_WORDS: Outcome("COMPLETED", encode("Your photo is ready.")),
    Fault.COMPLETED_WITH_NOISE: Outcome("COMPLETED", encode(_NOISE)),
    Fault.COMPLETED_WITH_PRIVATE_URL: Outcome("COMPLETED", encode({"image_url": METADATA})),
    Fault.FAILED_WITH_SENTENCE: Outcome("FAILED", error="No face was found in the photo."),
    Fault.FAILED_WITH_EXCEPTION: Outcome("FAILED", error=json.dumps(_EXCEPTION)),
    Fault.FAILED_BY_OVERRUN: OVERRUN,
    Fault.TIMED_OUT: TIMED_OUT,
    # Not by our customer, but in RunPod's console, or by a queue that was emptied.
    Fault.CANCELLED: CANCELLED,
}


def played(job: Job, outcome: Outcome | None) -> Outcome | None:
    """Return how the job ends: as its faults want it, otherwise as it did."""
    for fault, instead in _OUTCOMES.items():
        if job.meets(fault):
            return instead
    if job.meets(Fault.COMPLETED_WITH_REDIRECT):
        address = f"{job.submission.endpoint}elsewhere.jpg"
        return Outcome("COMPLETED", encode({"image_url": address}))
    return outcome
