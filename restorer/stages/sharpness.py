"""Takes back a slight blur, if every strong edge agrees that there is one; never adds a halo."""

from __future__ import annotations

import cv2
import numpy as np

from restorer.analysis import luma
from restorer.arrays import Floats, Gray, Rgb
from restorer.facts import Facts
from restorer.strips import map_strips

LEAST_BLUR = 1.5  # standard deviation in pixels: sharp photos have edges of 0.6 to 1.2
MOST_BLUR = 3.5  # beyond this nothing is left to bring back
STEPS = 8
OVERLAP = 24  # pixels
MIDDLE = 2048  # pixels


def apply(image: Rgb, facts: Facts) -> tuple[Rgb, str]:
    """Return image (H, W, 3) uint8 deblurred if its edges are wide, and how wide they were."""
    width = blur_width(image)
    if width is None or width < LEAST_BLUR:
        return image, "sharp enough"
    if width > MOST_BLUR:
        return image, "too soft to sharpen without inventing detail"
    sharp = map_strips(
        image, lambda strip, *_: _sharpened(strip, width), overlap=OVERLAP, tick=facts.tick
    )
    return sharp, f"blur of {width:.1f} pixels taken back"


def blur_width(image: Rgb) -> float | None:
    """Return the Gaussian width in pixels of the sharper strong edges, or None if there are few.

    A known blur b changes a gradient of width s by sqrt(s^2 + b^2) / s (Zhuo and Sim, 2011).
    """
    light = cv2.GaussianBlur(luma(_middle(image)).astype(np.float32), (0, 0), 1.0)
    first, second = _gradient(light), _gradient(cv2.GaussianBlur(light, (0, 0), 1.5))
    peaks = (first >= cv2.dilate(first, np.ones((3, 3), np.uint8))) & (first > 12)
    if peaks.sum() < 200:
        return None
    ratio = np.maximum(first[peaks] / np.maximum(second[peaks], 1e-3), 1.001)
    widths = np.sqrt(np.maximum(1.5**2 / (ratio**2 - 1) - 1.0, 0.0))
    return float(np.percentile(widths, 20))


def _middle(image: Rgb) -> Rgb:
    height, width = image.shape[:2]
    top, left = max(0, (height - MIDDLE) // 2), max(0, (width - MIDDLE) // 2)
    return image[top : top + MIDDLE, left : left + MIDDLE]


def _gradient(light: Floats) -> Floats:
    return np.hypot(cv2.Sobel(light, cv2.CV_32F, 1, 0), cv2.Sobel(light, cv2.CV_32F, 0, 1)) / 4


def _sharpened(strip: Rgb, width: float) -> Rgb:
    """Richardson-Lucy deconvolution of the brightness; colour keeps its own softness."""
    ycc = cv2.cvtColor(strip, cv2.COLOR_RGB2YCrCb)
    ycc[:, :, 0] = _deconvolved(np.ascontiguousarray(ycc[:, :, 0]), 0.85 * width)
    return np.asarray(cv2.cvtColor(ycc, cv2.COLOR_YCrCb2RGB), np.uint8)


def _deconvolved(light: Gray, width: float) -> Gray:
    seen = light.astype(np.float32) + 1
    guess = seen.copy()
    for _ in range(STEPS):
        guess *= cv2.GaussianBlur(seen / cv2.GaussianBlur(guess, (0, 0), width), (0, 0), width)
    # Within what the neighbourhood shows already there can be no halo.
    around = np.ones((5, 5), np.uint8)
    bounded = np.clip(guess - 1, cv2.erode(light, around), cv2.dilate(light, around))
    return np.asarray(np.rint(bounded), np.uint8)
