"""Enlargement by Lanczos, kept within what the neighbours show, so that edges grow no halos."""

from __future__ import annotations

import cv2
import numpy as np

from restorer.arrays import Gray, Rgb
from restorer.facts import Facts

STRIP_PIXELS = 1_000_000  # of the small picture
OVERLAP = 8  # rows: Lanczos looks 4 far
AROUND = np.ones((3, 3), np.uint8)


def apply(image: Rgb, facts: Facts) -> tuple[Rgb, str]:
    """Return image (H, W, 3) uint8 enlarged to (H * scale, W * scale, 3), and a note."""
    if facts.scale == 1:
        return image, "not asked for"
    height, width = image.shape[:2]
    result = np.empty((height * facts.scale, width * facts.scale, 3), np.uint8)
    rows = max(1, STRIP_PIXELS // width)
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        first, last = max(0, top - OVERLAP), min(height, bottom + OVERLAP)
        large = _enlarged(image[first:last], facts.scale)
        start, end = (top - first) * facts.scale, (bottom - first) * facts.scale
        result[top * facts.scale : bottom * facts.scale] = large[start:end]
        facts.tick(bottom / height)
    return result, f"enlarged {facts.scale} times"


def alpha(channel: Gray | None, scale: int) -> Gray | None:
    """Return the transparency (H, W) uint8 enlarged like the picture."""
    if channel is None or scale == 1:
        return channel
    return _resized(channel, scale, cv2.INTER_LINEAR)


def _enlarged(strip: Rgb, scale: int) -> Rgb:
    low = _resized(np.asarray(cv2.erode(strip, AROUND), np.uint8), scale, cv2.INTER_NEAREST)
    high = _resized(np.asarray(cv2.dilate(strip, AROUND), np.uint8), scale, cv2.INTER_NEAREST)
    return np.clip(_resized(strip, scale, cv2.INTER_LANCZOS4), low, high)


def _resized(image: Rgb, scale: int, kind: int) -> Rgb:
    height, width = image.shape[:2]
    size = (width * scale, height * scale)
    return np.asarray(cv2.resize(image, size, interpolation=kind), np.uint8)
