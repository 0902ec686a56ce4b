"""Finds thin light marks on the small copy and measures each; dark ones are found on its negative.

A mark is what a morphological top-hat leaves: lighter than its surroundings on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from restorer.analysis import luma
from restorer.arrays import Floats, Gray, Rgb

KERNEL = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
AROUND = (15, 15)  # pixels: the ground on which a mark is judged


@dataclass(frozen=True)
class Marks:
    """Candidates, one entry each per array; entry 0 is the ground. Lengths in pixels."""

    labels: NDArray[np.int32]  # (H, W): which mark a pixel belongs to
    response: Gray  # (H, W): how far a pixel stands out, 0..255
    threshold: float  # the response from which a pixel belongs to a mark
    area: Floats
    length: Floats  # along the mark's main axis
    width: Floats  # mean, over its whole length
    bend: Floats  # mean distance from its main axis
    contrast: Floats  # mean response
    peak: Floats  # largest response
    ground: Floats  # mean brightness of the ground around it, 0..255
    roughness: Floats  # deviation of the ground around it, 0..255
    evenness: Floats  # least over most opaque channel, 0..1: paint and bare paper cover all alike
    centre: Floats  # (N, 2): x, y
    axis: Floats  # (N, 2): unit vector


def find(image: Rgb, sigma: float) -> Marks:
    """Return the light marks of image (H, W, 3) uint8 whose grain is sigma (0..255)."""
    light = np.asarray(cv2.GaussianBlur(luma(image), (0, 0), 0.7), np.uint8)
    response = cv2.subtract(light, cv2.morphologyEx(light, cv2.MORPH_OPEN, KERNEL))
    threshold = max(12.0, 2.6 * sigma)
    mask = (response > threshold).astype(np.uint8)
    count, labelled, stats, centres = cv2.connectedComponentsWithStats(mask, connectivity=8)
    labels = np.asarray(labelled, np.int32)
    area = stats[:, cv2.CC_STAT_AREA].astype(np.float64)
    rows, columns = np.nonzero(mask)
    of = labels[rows, columns]
    mean = _Means(of, area, int(count))
    axis, length, bend = _shape(mean, rows, columns, centres)
    reach = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
    return Marks(
        labels=labels,
        response=np.asarray(response, np.uint8),
        threshold=threshold,
        area=area,
        length=length,
        width=np.maximum(
            1, 4 * mean(reach[rows, columns]) - 2.5
        ),  # exact for 1, 3 and 5 pixels within 0.8
        bend=bend,
        contrast=mean(response[rows, columns]),
        peak=_peaks(of, response[rows, columns], int(count)),
        ground=mean(light[rows, columns].astype(np.int16) - response[rows, columns]),
        roughness=mean(_roughness(light, mask)[rows, columns]),
        evenness=_evenness(mean, image, rows, columns),
        centre=centres,
        axis=axis,
    )


class _Means:
    """Averages values per pixel into one value per mark."""

    def __init__(self, of: NDArray[np.int32], area: Floats, count: int) -> None:
        self._of, self._area, self._count = of, np.maximum(area, 1), count

    def __call__(self, values: Floats) -> Floats:
        return np.bincount(self._of, values.astype(np.float64), self._count) / self._area


def _peaks(of: NDArray[np.int32], values: Floats, count: int) -> Floats:
    peaks = np.zeros(count)
    np.maximum.at(peaks, of, values)
    return peaks


def _shape(mean: _Means, rows: Floats, columns: Floats, centres: Floats) -> tuple[Floats, ...]:
    """Return main axis, length along it and spread across it, from each mark's second moments."""
    x, y = centres[:, 0], centres[:, 1]
    xx = np.maximum(0, mean(columns**2.0) - x**2)
    yy = np.maximum(0, mean(rows**2.0) - y**2)
    xy = mean(columns * 1.0 * rows) - x * y
    root = np.sqrt((xx - yy) ** 2 / 4 + xy**2)
    angle = np.arctan2(2 * xy, xx - yy) / 2
    axis = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    major, minor = (xx + yy) / 2 + root, np.maximum(0, (xx + yy) / 2 - root)
    return axis, np.sqrt(12 * major), np.sqrt(minor)


def _roughness(light: Gray, mask: Gray) -> Floats:
    """Return the local deviation of the ground, marks and their rims left out."""
    ground = (cv2.dilate(mask, np.ones((3, 3), np.uint8)) == 0).astype(np.float32)
    level = light.astype(np.float32)
    weight = cv2.blur(ground, AROUND) + 1e-6
    mean = cv2.blur(level * ground, AROUND) / weight
    square = cv2.blur(level * level * ground, AROUND) / weight
    return np.asarray(np.sqrt(np.maximum(square - mean * mean, 0)))


def _evenness(mean: _Means, image: Rgb, rows: Floats, columns: Floats) -> Floats:
    """Compare the channels' opacity: (mark - ground) / (white - ground)."""
    ground = cv2.morphologyEx(image, cv2.MORPH_OPEN, KERNEL)[rows, columns].astype(np.float64)
    colour = image[rows, columns].astype(np.float64)
    opacity = (colour - ground) / np.maximum(255 - ground, 12)
    channels = np.stack([mean(opacity[:, channel]) for channel in range(3)])
    return np.asarray(channels.min(axis=0) / np.maximum(channels.max(axis=0), 1e-3))
