"""How far a worker is: taken in at once, told twice a second at most, the newest always."""

from __future__ import annotations

from . import lifecycle, tasks
from .models import Attempt


def report(*, attempt: Attempt, fraction: float, stage: str) -> None:
    """Take in how far the worker is (0 to 1) and at which stage; what is held back is told soon."""
    wait = lifecycle.apply_progress(attempt=attempt, fraction=fraction, stage=stage)
    if wait:
        tasks.tell_progress_after(wait, job_id=str(attempt.job_id))
