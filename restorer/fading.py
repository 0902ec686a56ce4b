"""Evidence that a print has faded: no true black, dull whites, and one warm cast over both."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from restorer.analysis import luma, small_copy
from restorer.arrays import Floats, Gray, Rgb

WHITEST = 99.7  # percent: beyond are glints, and paper bared by a tear
SIDE = 700  # pixels; large enough for tones, small enough for a 5 pixel median to drop scratches


@dataclass(frozen=True)
class Tones:
    """Darkest and lightest values of a photo per channel (R, G, B), 0..255, and what they tell.

    toe is the depth of the shadows, as a part of the whole range: a faded print has all its
    shadows close to its lifted black, where haze and soft light trail off.
    """

    black: Floats
    white: Floats
    toe: float
    monochrome: bool

    @property
    def lifted(self) -> float:
        """How far the darkest channel is from true black."""
        return float(self.black.min())

    @property
    def faded(self) -> bool:
        """Whether all the signs of an aged colour print agree."""
        return self.dull and self._warm(self.black, 7) and self._warm(self.white, 15)

    @property
    def dull(self) -> bool:
        """Whether black is lifted, white is dull and the shadows pile up on the black."""
        return self.lifted >= 14 and float(self.white.min()) <= 222 and self.toe <= 0.1

    def _warm(self, tone: Floats, least: float) -> bool:
        """Dyes fade from the cyan end: what is left is red, or yellow, never green or blue."""
        return bool(tone[0] >= tone[1:].max() and np.ptp(tone) >= least)


def measure(image: Rgb, alpha: Gray | None = None) -> Tones:
    """Return the tones of image (H, W, 3) uint8; transparent pixels do not count."""
    pixels = _pixels(image, alpha)
    low, shadow, light, high = np.percentile(pixels, [0.3, 3, 97, WHITEST], axis=0)
    toe = float(np.mean(shadow - low) / max(1.0, float(np.mean(light - shadow))))
    return Tones(low, high, toe, _monochrome(pixels))


def _pixels(image: Rgb, alpha: Gray | None) -> Rgb:
    """Return the opaque pixels (N, 3) of a small copy without thin marks and grain."""
    small = cv2.medianBlur(small_copy(image, SIDE), 5)
    if alpha is None:
        return np.asarray(small.reshape(-1, 3), np.uint8)
    size = (small.shape[1], small.shape[0])
    opaque = cv2.resize(alpha, size, interpolation=cv2.INTER_NEAREST) > 128
    return np.asarray(small[opaque] if opaque.any() else small.reshape(-1, 3), np.uint8)


def _monochrome(pixels: Rgb) -> bool:
    """Whether colour is nothing but a function of brightness, as in a toned or grey print."""
    colours = pixels.reshape(-1, 1, 3)
    bins = luma(colours).reshape(-1) // 8
    chroma = cv2.cvtColor(colours, cv2.COLOR_RGB2YCrCb).reshape(-1, 3)[:, 1:].astype(np.float64)
    count = np.maximum(1, np.bincount(bins, minlength=32))
    spread = 0.0
    for channel in chroma.T:
        mean = np.bincount(bins, channel, 32) / count
        spread += float(np.mean((channel - mean[bins]) ** 2))
    return spread < 2 * 2.5**2
