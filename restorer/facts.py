"""What a stage may know beside the pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from restorer.arrays import Gray


def _no_tick(part: float) -> None:
    pass


@dataclass(frozen=True)
class Facts:
    """How a photo was saved, what is asked for, and which stages found damage so far."""

    scale: int = 1
    jpeg_quality: int | None = None
    alpha: Gray | None = None
    changed_by: frozenset[str] = frozenset()
    tick: Callable[[float], None] = field(default=_no_tick, compare=False)

    @property
    def aged(self) -> bool:
        """Whether an earlier stage found what only an old print has: scratches, or grain."""
        return bool(self.changed_by & {"damage", "noise"})

    def after(self, stage: str, *, changed: bool) -> Facts:
        """Return the facts for the next stage."""
        return replace(self, changed_by=self.changed_by | {stage}) if changed else self
