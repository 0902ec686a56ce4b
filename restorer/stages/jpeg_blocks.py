"""Smooths the 8-pixel blocks of a strongly compressed JPEG, where they can be seen."""

from __future__ import annotations

import cv2
import numpy as np

from restorer.analysis import luma
from restorer.arrays import Floats, Rgb
from restorer.facts import Facts
from restorer.strips import map_strips

FULL_COLOUR = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444  # halved colour bleeds at every red edge
BEST_QUALITY = 80  # from here on a JPEG shows no blocks to the eye
LEAST_BLOCKING = 1.12  # steps at block borders over steps elsewhere
OVERLAP = 16  # pixels
SHIFTS = [(down, right) for down in (0, 2, 4, 6) for right in (0, 2, 4, 6)]


def apply(image: Rgb, facts: Facts) -> tuple[Rgb, str]:
    """Return image (H, W, 3) uint8 with its blocks smoothed if it was saved with low quality."""
    quality = facts.jpeg_quality
    if quality is None or quality >= BEST_QUALITY:
        return image, "no strong compression"
    if blocking(image) < LEAST_BLOCKING:
        return image, f"saved with quality {quality}, no blocks to be seen"
    smooth = map_strips(
        image, lambda strip, *_: _smoothed(strip, quality), overlap=OVERLAP, tick=facts.tick
    )
    return smooth, f"blocks of quality {quality} smoothed"


def blocking(image: Rgb) -> float:
    """Return how much larger steps between pixels are at one phase of 8 than at the others.

    1 is a photo without blocks; cropping or turning moves the phase, so all eight are tried.
    """
    light = luma(image[:2048, :2048]).astype(np.float32)
    return max(_phase_ratio(light), _phase_ratio(light.T))


def _phase_ratio(light: Floats) -> float:
    if light.shape[1] < 64:
        return 1.0
    # Only flat ground tells: in detail every step is large.
    steps = np.minimum(np.abs(np.diff(light, axis=1)), 12).mean(axis=0)
    phases = np.array([steps[phase::8].mean() for phase in range(8)])
    return float(phases.max() / (np.median(phases) + 0.05))


def _smoothed(strip: Rgb, quality: int) -> Rgb:
    """Average re-encodings on shifted grids (Nosratinia, 2001): only the blocks differ."""
    height, width = strip.shape[:2]
    padded = cv2.copyMakeBorder(strip, 8, 8, 8, 8, cv2.BORDER_REFLECT)
    total = np.zeros(strip.shape, np.float32)
    for down, right in SHIFTS:
        again = _encoded(np.ascontiguousarray(padded[down:, right:]), quality)
        top, left = 8 - down, 8 - right
        total += again[top : top + height, left : left + width]
    return np.asarray(np.rint(total / len(SHIFTS)), np.uint8)


def _encoded(image: Rgb, quality: int) -> Rgb:
    # Channel order does not matter to averaging, except that JPEG treats brightness apart.
    swapped = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    settings = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, FULL_COLOUR]
    data = cv2.imencode(".jpg", swapped, settings)[1]
    again = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return again[:, :, ::-1]
