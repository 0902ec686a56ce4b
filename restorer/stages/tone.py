"""Gives a faded, yellowed print its black, its white and its colours back, and no other photo."""

from __future__ import annotations

import cv2
import numpy as np

from restorer import fading
from restorer.analysis import luma
from restorer.arrays import Rgb
from restorer.facts import Facts
from restorer.fading import Tones

BLACK = 5.0  # where the darkest tone goes: just above 0, so that no shadow is crushed
WHITE = 250.0
MAX_LIFT = 16.0  # how far beyond its brightest channel a dull white is raised
SATURATION = 1.06


def apply(image: Rgb, facts: Facts) -> tuple[Rgb, str]:
    """Return image (H, W, 3) uint8 with its tones spread again if the print has faded, and why."""
    tones = fading.measure(image, facts.alpha)
    if tones.monochrome:
        return _grey(image, tones, facts)
    if tones.faded or (facts.aged and tones.dull and tones.lifted >= 25):
        return _saturated(_spread(image, tones)), "colours had faded: cast removed"
    return image, "no fading found"


def _grey(image: Rgb, tones: Tones, facts: Facts) -> tuple[Rgb, str]:
    """Spread a monochrome print; tone or haze may be meant, so only damage proves its age."""
    if not (facts.aged and (tones.faded or (tones.dull and tones.lifted >= 25))):
        return image, "no fading found"
    grey = luma(_spread(image, tones))
    return np.repeat(grey[:, :, None], 3, axis=2), "yellowed print made neutral, contrast restored"


def _spread(image: Rgb, tones: Tones) -> Rgb:
    """Return image with a straight line per channel through its black and its white."""
    white = min(WHITE, float(tones.white.max()) + MAX_LIFT)
    steps = np.arange(256, dtype=np.float64)[:, None]
    span = np.maximum(1.0, tones.white - tones.black)
    table = BLACK + (steps - tones.black) * (white - BLACK) / span
    whole = np.clip(np.rint(table), 0, 255).astype(np.uint8)[:, None, :]
    return np.asarray(cv2.LUT(image, whole), np.uint8)


def _saturated(image: Rgb) -> Rgb:
    """Return image with a little more colour: faded dyes lose more than the ends of the scale."""
    ycc = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)
    steps = np.arange(256, dtype=np.float64)
    more = np.clip(np.rint(128 + (steps - 128) * SATURATION), 0, 255)
    table = np.stack([steps, more, more], axis=1).astype(np.uint8)[:, None, :]
    return np.asarray(cv2.cvtColor(cv2.LUT(ycc, table), cv2.COLOR_YCrCb2RGB), np.uint8)
