"""What Lighthouse finds, but for times, which a busy machine changes."""

from __future__ import annotations

import faulthandler
import subprocess
from pathlib import Path
from typing import Any

from .lighthouse import PAGES, reports
from .system import ROOT

_HUNDRED = ("accessibility", "best-practices")


def test_a_photo_and_two_hundred_are_as_good_as_lighthouse_knows(tmp_path: Path) -> None:
    # To install it, and two hundred photos, may take longer than pytest lets a test take.
    faulthandler.cancel_dump_traceback_later()
    subprocess.run(["make", "--silent", "judges"], cwd=ROOT, check=True, timeout=900)
    found = {(name, device): faults(report) for name, device, report in reports(tmp_path)}
    assert found == {key: [] for key in PAGES}


def faults(report: dict[str, Any]) -> list[str]:
    """Return the audits that the page fails: of those that must be perfect, and what moves."""
    counted = [
        audit["id"]
        for category in _HUNDRED
        for audit in report["categories"][category]["auditRefs"]
        if audit["weight"]
    ]
    failed = [id for id in counted if report["audits"][id]["score"] not in (1, None)]
    moved = report["audits"]["cumulative-layout-shift"]["numericValue"]
    return [*failed, *(["cumulative-layout-shift"] if moved else [])]
