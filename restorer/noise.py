"""How much grain a photo has, measured where nothing else moves."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from restorer.analysis import luma
from restorer.arrays import Floats, Gray, Rgb

BLOCK = 16  # pixels
MAX_BLOCKS_SIDE = 1536  # pixels; the middle of a large photo tells as much as all of it


@dataclass(frozen=True)
class Noise:
    """Grain in the flattest blocks: sigma in 0..255, and how equal and how short-ranged it is."""

    sigma: float
    evenness: float  # sigma of the flattest fifth over that of the flattest twentieth
    range: float  # correlation over three pixels: none in grain, much in texture

    def is_grain(self, *, faded: bool) -> bool:
        """Whether this is the grain of a print, and not the texture of grass, sand or cloth.

        Less of it, and less even, is believed of a print whose colours have faded as well.
        """
        least, evenness = (2.0, 1.5) if faded else (4.0, 1.3)
        even = self.evenness <= evenness and abs(self.range) <= 0.15
        return least <= self.sigma <= 14 and even


NONE = Noise(0.0, 1.0, 0.0)


def measure(image: Rgb) -> Noise:
    """Return the grain of image (H, W, 3) uint8, seen at its full size."""
    light = luma(middle(image)).astype(np.float32)
    if min(light.shape) < 4 * BLOCK:
        return NONE
    detail = light - cv2.GaussianBlur(light, (0, 0), 3)
    shifted = np.roll(detail, 3, axis=1)
    return _flattest(_blocks(light), _blocks(detail), _blocks(shifted))


def sigma_of(plane: Gray) -> float:
    """Return the deviation of a plane (H, W) uint8 in its flattest tenth, 0 if it is too small."""
    level = middle(plane).astype(np.float32)
    if min(level.shape) < 4 * BLOCK:
        return 0.0
    blocks = _blocks(level - cv2.GaussianBlur(level, (0, 0), 3))
    return float(np.percentile(blocks.std(axis=1), 10))


def _flattest(tones: Floats, detail: Floats, shifted: Floats) -> Noise:
    # Grain hides in clipped black and white, and in the deepest shadows of a print.
    level = tones.mean(axis=1)
    usable = (tones.min(axis=1) > 4) & (tones.max(axis=1) < 251) & (level > 60) & (level < 235)
    if usable.sum() < 40:
        return NONE
    deviation = detail[usable].std(axis=1)
    low, sigma, high = np.percentile(deviation, [5, 10, 20])
    flat = deviation <= sigma
    product = (detail[usable][flat] * shifted[usable][flat]).mean(axis=1)
    correlation = float(np.median(product / (deviation[flat] ** 2 + 1e-3)))
    return Noise(float(sigma), float(high / (low + 0.01)), correlation)


def middle(image: Rgb) -> Rgb:
    """Return the middle of image (H, W, 3) or (H, W), at most MAX_BLOCKS_SIDE pixels a side."""
    height, width = image.shape[:2]
    top, left = max(0, (height - MAX_BLOCKS_SIDE) // 2), max(0, (width - MAX_BLOCKS_SIDE) // 2)
    return image[top : top + MAX_BLOCKS_SIDE, left : left + MAX_BLOCKS_SIDE]


def _blocks(plane: Floats) -> Floats:
    """Cut a plane (H, W) into blocks (N, BLOCK * BLOCK)."""
    rows, columns = plane.shape[0] // BLOCK, plane.shape[1] // BLOCK
    cut = plane[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK)
    return cut.transpose(0, 2, 1, 3).reshape(-1, BLOCK * BLOCK)
