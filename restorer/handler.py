"""RunPod's handler: a job comes in, the restored photo or one sentence of error goes out.

`python restorer/handler.py` is RunPod's worker; with `--test_input '{"input": …}'` it does one job.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # as a file, it would find its neighbours but not its package
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from restorer import decode, delivery, encode, pipeline, source
from restorer.errors import RestoreError
from restorer.pipeline import Result
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
        return _plain(_restored(_fields(job), on_progress))
    except RestoreError as error:
        return {"error": str(error)}
    except MemoryError:
        logger.exception("Job %s ran out of memory", _id(job))
        return {"error": "The picture needs more memory than this machine has."}
    except Exception:  # RunPod would show the traceback to the person; the log is for that
        logger.exception("Job %s failed", _id(job))
        return {"error": "Something went wrong while restoring the photo."}


def _plain(result: dict[str, Any]) -> dict[str, Any]:
    """Return the result as JSON has it: what it has not, RunPod's worker loses with the result."""
    text = json.dumps(result, allow_nan=False, ensure_ascii=False).encode()
    return dict(json.loads(text))


def _restored(fields: Mapping[str, Any], on_progress: Progress | None) -> dict[str, Any]:
    started = time.monotonic()
    scale = _scale(fields)
    with posting(_address(fields, "progress_url")) as post:
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
    picture = _delivered(result, photo.icc_profile, _address(fields, "upload_url"))
    height, width = result.rgb.shape[:2]
    return picture | {
        "width": width,
        "height": height,
        "seconds": round(time.monotonic() - started, 3),
        "stages": [stage.as_dict() for stage in result.stages],
        "model": MODEL,
    }


def _delivered(result: Result, profile: bytes | None, upload_url: str | None) -> dict[str, Any]:
    """Return where the picture is, or the picture itself, and its format."""
    if upload_url:
        picture, kind = encode.encode(
            result.rgb, result.alpha, profile, max_bytes=delivery.MAX_UPLOAD
        )
        try:
            return {"image_url": delivery.upload(picture, kind, upload_url), "format": kind}
        except delivery.UploadError as error:  # the address is a secret
            logger.warning("The picture goes into the result, for its upload failed: %s", error)
    picture, kind = encode.encode(result.rgb, result.alpha, profile, max_bytes=delivery.MAX_INLINE)
    return {"image_base64": delivery.inline(picture), "format": kind}


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


def _address(fields: Mapping[str, Any], name: str) -> str | None:
    address = fields.get(name)
    return address if isinstance(address, str) else None


def _scale(fields: Mapping[str, Any]) -> int:
    scale = fields.get("scale")
    if scale is None:
        return 1
    if isinstance(scale, bool) or scale not in SCALES:
        raise RestoreError("The scale must be 1, 2 or 4.")
    return int(scale)


def _id(job: object) -> object:
    return job.get("id") if isinstance(job, dict) else None


def main() -> None:
    """Work for RunPod until it says stop, or do the one job of --test_input."""
    import runpod  # the image alone has it: nobody who imports us needs the SDK

    logging.basicConfig(level=logging.WARNING)  # below it, httpx2 logs addresses, which are secrets
    runpod.serverless.start({"handler": handler})


if __name__ == "__main__":
    main()
