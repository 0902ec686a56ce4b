"""docs/benchmarks.md, written by a whole run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from . import report
from .bars import Results
from .processes import ROOT
from .scale import Scale

PATH = "docs/benchmarks.md"
_TEMPLATE = Path(__file__).with_suffix(".md")


def write(results: Results, facts: Mapping[str, str], scale: Scale) -> str:
    """Write the document and return its path."""
    text = _TEMPLATE.read_text().format(
        date=datetime.now(UTC).date().isoformat(),
        bars=report.bars(results),
        figures=report.figures(results, scale),
        client=report.client_limits(results),
        machine="\n".join(f"- {name}: {fact}" for name, fact in facts.items()),
        warm_up=scale.warm_up,
        rate=scale.rate,
        few=f"{scale.few:,}",
        at_once=scale.at_once,
        returning=f"{scale.returning:,}",
        repeats=scale.repeats,
        fan_outs=scale.fan_outs,
        webhooks=scale.webhooks,
    )
    (ROOT / PATH).write_text(text)
    return PATH
