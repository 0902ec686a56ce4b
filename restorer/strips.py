"""Whole pictures in strips, so that memory stays bounded however large the picture is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from restorer.arrays import Rgb

STRIP_PIXELS = 4_000_000


def map_strips(
    image: Rgb,
    function: Callable[[Rgb, int, int], Rgb],
    *,
    overlap: int,
    tick: Callable[[float], None],
) -> Rgb:
    """Apply function(strip, first row, last row) to horizontal strips of image and join them.

    Each strip carries `overlap` rows of its neighbours, which are cut off the answer, so a filter
    that reaches no further than that leaves no seam. tick gets the part done, 0..1.
    """
    height, width = image.shape[:2]
    rows = max(1, STRIP_PIXELS // width, 2 * overlap)
    result = np.empty_like(image)
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        first, last = max(0, top - overlap), min(height, bottom + overlap)
        strip = function(image[first:last], first, last)
        result[top:bottom] = strip[top - first : bottom - first]
        tick(bottom / height)
    return result
