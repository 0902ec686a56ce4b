"""The stages of a restore, in their order; each must be sure, or it leaves the pixels alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from restorer.arrays import Gray, Rgb
from restorer.facts import Facts
from restorer.progress import Progress
from restorer.stages import damage, enlargement, grain, jpeg_blocks, sharpness, tone

Stage = Callable[[Rgb, Facts], tuple[Rgb, str]]

# name, work per megapixel in seconds on two cores (for the progress bar only), stage
STAGES: list[tuple[str, float, Stage]] = [
    ("jpeg blocks", 0.3, jpeg_blocks.apply),
    ("damage", 0.3, damage.apply),
    ("noise", 0.7, grain.apply),
    ("colour", 0.2, tone.apply),
    ("sharpness", 0.3, sharpness.apply),
    ("enlargement", 0.1, enlargement.apply),
]


@dataclass(frozen=True)
class StageReport:
    """What one stage did, and in how many seconds."""

    name: str
    seconds: float
    note: str

    def as_dict(self) -> dict[str, Any]:
        """Return name, seconds and note, safe for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Result:
    """The restored photo: rgb (H, W, 3) and alpha (H, W) or None, uint8, scale times the input."""

    rgb: Rgb
    alpha: Gray | None
    stages: list[StageReport]


def restore(
    image: Rgb,
    scale: int,
    on_progress: Progress,
    *,
    alpha: Gray | None = None,
    jpeg_quality: int | None = None,
) -> Result:
    """Run every stage over image ((H, W, 3) uint8 RGB); a stage that is not sure returns it as is.

    on_progress(fraction of the work done 0..1, stage) is called before and within each stage.
    """
    facts = Facts(scale=scale, jpeg_quality=jpeg_quality, alpha=alpha)
    total, done = sum(work for _, work, _ in STAGES), 0.0
    reports = []
    for name, work, stage in STAGES:
        tick = _tick(on_progress, name, done / total, work / total)
        tick(0.0)
        before, started = image, time.monotonic()
        image, note = stage(before, replace(facts, tick=tick))
        reports.append(StageReport(name, round(time.monotonic() - started, 3), note))
        facts = facts.after(name, changed=image is not before)
        done += work
    return Result(image, enlargement.alpha(alpha, scale), reports)


def _tick(on_progress: Progress, name: str, start: float, share: float) -> Callable[[float], None]:
    def tick(part: float) -> None:
        on_progress(min(1.0, start + share * part), name)

    return tick
