"""RunPod's handler: a job comes in, the restored photo or one sentence of error goes out."""

from __future__ import annotations

import base64
import logging
import time
from collections.abc import Mapping
from typing import Any

from restorer import decode, encode, pipeline, source
from restorer.errors import RestoreError
from restorer.progress import Progress, posting

logger = logging.getLogger(__name__)

MODEL = "photorestore-cpu 1"
SCALES = (1, 2, 4)


def handler(job: dict[str, Any]) -> dict[str, Any]:
    """Restore the photo of RunPod's job {"id", "input"}; never raises."""
    return run(job)


def run(job: dict[str, Any], on_progress: Progress | None = None) -> dict[str, Any]:
    """Restore a job's photo and return a JSON-safe result, or {"error": sentence}; never raises.

    on_progress(fraction 0..1, stage) is called beside the posts to the job's progress_url.
    """
    try:
        return _restored(_fields(job), on_progress)
    except RestoreError as error:
        return {"error": str(error)}
    except MemoryError:
        logger.exception("Job %s ran out of memory", _id(job))
        return {"error": "The picture needs more memory than this machine has."}
    except Exception:  # RunPod would show the traceback to the person; the log is for that
        logger.exception("Job %s failed", _id(job))
        return {"error": "Something went wrong while restoring the photo."}


def _restored(fields: Mapping[str, Any], on_progress: Progress | None) -> dict[str, Any]:
    started = time.monotonic()
    scale = _scale(fields)
    url = fields.get("progress_url")
    with posting(url if isinstance(url, str) else None) as post:
        report = _both(post, on_progress)
        report(0.0, "fetch")
        photo = decode.decode(source.read(fields), scale=scale)
        result = pipeline.restore(
            photo.rgb,
            scale,
            report,
            alpha=photo.alpha,
            jpeg_quality=photo.jpeg_quality,
        )
    data, kind = encode.encode(result.rgb, result.alpha, photo.icc_profile)
    height, width = result.rgb.shape[:2]
    return {
        "image_base64": base64.b64encode(data).decode("ascii"),
        "format": kind,
        "width": width,
        "height": height,
        "seconds": round(time.monotonic() - started, 3),
        "stages": [stage.as_dict() for stage in result.stages],
        "model": MODEL,
    }


def _both(post: Progress, on_progress: Progress | None) -> Progress:
    def report(fraction: float, stage: str) -> None:
        post(fraction, stage)
        if on_progress is not None:
            on_progress(fraction, stage)

    return report


def _fields(job: object) -> Mapping[str, Any]:
    fields = job.get("input") if isinstance(job, dict) else None
    if not isinstance(fields, dict):
        raise RestoreError("The job has no input.")
    return fields


def _scale(fields: Mapping[str, Any]) -> int:
    scale = fields.get("scale")
    if scale is None:
        return 1
    if isinstance(scale, bool) or scale not in SCALES:
        raise RestoreError("The scale must be 1, 2 or 4.")
    return int(scale)


def _id(job: object) -> object:
    return job.get("id") if isinstance(job, dict) else None
