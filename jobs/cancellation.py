"""What RunPod is at and nobody wants any more: it is asked to give it up."""

from __future__ import annotations

import logging

from django.utils import timezone

from . import runpod
from .models import Attempt
from .runpod import RunPodError

logger = logging.getLogger(__name__)


def cancel(runpod_job_id: str) -> RunPodError | None:
    """Ask RunPod to give the job up; return why it did not, None where it knows of none."""
    try:
        runpod.cancel(runpod_job_id)
    except RunPodError as error:
        if not error.unknown_job:
            logger.warning("RunPod's job %s was not cancelled: %s", runpod_job_id, error)
            return error
    # What its worker still sends is let in, kept out of the job, and logged.
    rows = Attempt.objects.filter(runpod_job_id=runpod_job_id, ended_at=None, lost_at=None)
    rows.update(lost_at=timezone.now())
    return None
