"""The JPEG quality that a file was saved with, read from its quantisation tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

# Sum of the luma table of ITU-T T.81, annex K.1, which libjpeg scales by quality.
STANDARD_SUM = 3689
STANDARD_LEAST = 10


def quality(tables: Mapping[int, Sequence[int]] | None) -> int | None:
    """Return libjpeg's quality 1..100 for a file's tables, or None if there are none."""
    if not tables:
        return None
    table = np.asarray(tables[min(tables)])
    # Entries stop at 255, so for the worst qualities the sum is too small; the least entry is not.
    whole = table.max() < 255
    percent = 100.0 * (table.sum() / STANDARD_SUM if whole else table.min() / STANDARD_LEAST)
    estimate = (200 - percent) / 2 if percent <= 100 else 5000 / percent
    return int(np.clip(round(estimate), 1, 100))
