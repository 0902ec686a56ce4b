"""The small copy on which stages look for evidence, so that thresholds mean the same everywhere."""

from __future__ import annotations

import cv2
import numpy as np

from restorer.arrays import Gray, Rgb

LONGEST_SIDE = 1400  # pixels


def small_copy(image: Rgb, longest: int = LONGEST_SIDE) -> Rgb:
    """Return image shrunk so that its longest side has `longest` pixels, or as it is if smaller."""
    height, width = image.shape[:2]
    factor = longest / max(height, width)
    if factor >= 1:
        return image
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def luma(image: Rgb) -> Gray:
    """Return the luma (H, W) uint8 of ITU-R BT.601."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
