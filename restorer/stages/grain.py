"""Calms grain by non-local means, measured first; a little of it stays, so that skin lives."""

from __future__ import annotations

import cv2
import numpy as np

from restorer import fading, noise
from restorer.arrays import Gray, Rgb
from restorer.facts import Facts
from restorer.strips import map_strips

KEPT = 0.12
LEAST_COLOUR = 1.0  # of 255: weaker grain in colour is not worth softening it
OVERLAP = 16  # pixels: half a search window and half a patch


def apply(image: Rgb, facts: Facts) -> tuple[Rgb, str]:
    """Return image (H, W, 3) uint8 with its grain calmed if it has some, and how much it had."""
    found = noise.measure(image)
    aged = facts.aged or fading.measure(image, facts.alpha).faded
    if not found.is_grain(faded=aged):
        return image, "no grain to speak of"
    coarse = _colour_sigmas(image)
    calm = map_strips(
        image,
        lambda strip, *_: _calmed(strip, found.sigma, coarse),
        overlap=OVERLAP,
        tick=facts.tick,
    )
    return calm, f"grain of {found.sigma:.1f} levels calmed"


def _colour_sigmas(image: Rgb) -> list[float]:
    """Return the grain of Cr and Cb at half size, from the middle of the picture."""
    planes = cv2.split(cv2.cvtColor(noise.middle(image), cv2.COLOR_RGB2YCrCb))[1:]
    return [noise.sigma_of(_half(np.asarray(plane, np.uint8))) for plane in planes]


def _calmed(strip: Rgb, sigma: float, coarse: list[float]) -> Rgb:
    """Denoise brightness at full size and colour at half: grain in colour is coarser."""
    light, *colours = cv2.split(cv2.cvtColor(strip, cv2.COLOR_RGB2YCrCb))
    planes = [_means(np.asarray(light, np.uint8), 1.35 * sigma)]
    for plane, deviation in zip(colours, coarse, strict=True):
        planes.append(_half_means(np.asarray(plane, np.uint8), 1.5 * deviation))
    clean = cv2.cvtColor(cv2.merge(planes), cv2.COLOR_YCrCb2RGB)
    return np.asarray(cv2.addWeighted(clean, 1 - KEPT, strip, KEPT, 0), np.uint8)


def _means(plane: Gray, strength: float) -> Gray:
    return np.asarray(cv2.fastNlMeansDenoising(plane, None, strength, 7, 19), np.uint8)


def _half_means(plane: Gray, strength: float) -> Gray:
    if strength < LEAST_COLOUR:
        return plane
    height, width = plane.shape
    calm = _means(_half(plane), strength)
    return np.asarray(cv2.resize(calm, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _half(plane: Gray) -> Gray:
    height, width = plane.shape
    size = (-(-width // 2), -(-height // 2))
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.uint8)
