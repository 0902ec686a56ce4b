"""Fills masked pixels from their surroundings, in strips, and blends the rim."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from restorer.arrays import Floats, Mask, Rgb
from restorer.strips import map_strips

FINEST = 1.5  # pixels per pixel of the small copy
SHIFT = 9  # pixels of the small copy: how far beside the grain for a filled place is taken from
MAX_DETAIL = 14.0  # of 255
RADIUS = 3.0  # pixels of the small copy
OVERLAP = 48  # pixels of the picture


def filled(image: Rgb, mask: Mask, *, tick: Callable[[float], None]) -> Rgb:
    """Return image (H, W, 3) uint8 with the masked parts filled; mask is that of a small copy."""
    factor = max(1.0, max(image.shape[:2]) / max(mask.shape))
    cross = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    grown = np.asarray(cv2.dilate(mask, cross), np.uint8)

    def fill(strip: Rgb, first: int, last: int) -> Rgb:
        part = _part(grown, image.shape[:2], first, last)
        return _inpainted(strip, part, factor) if part.any() else strip

    return map_strips(image, fill, overlap=OVERLAP, tick=tick)


def _part(mask: Mask, shape: tuple[int, ...], first: int, last: int) -> Mask:
    """Return rows first to last of the mask, enlarged to the picture's size."""
    height, width = shape
    scale = mask.shape[0] / height
    top, bottom = int(first * scale), min(mask.shape[0], int(np.ceil(last * scale)) + 1)
    rows = np.arange(first, last)
    nearest = np.clip(((rows + 0.5) * scale).astype(int), top, bottom - 1)
    columns = np.clip(((np.arange(width) + 0.5) * mask.shape[1] / width).astype(int), 0, None)
    return np.ascontiguousarray(mask[nearest][:, columns])


def _inpainted(strip: Rgb, mask: Mask, factor: float) -> Rgb:
    """Return strip filled under mask, with grain from beside, the rim blended over one pixel."""
    new = _ground(strip, mask, factor) + _texture(strip, mask, round(SHIFT * factor))
    weight = cv2.GaussianBlur(mask, (0, 0), 0.8).astype(np.float32)[:, :, None] / 255
    np.maximum(weight, mask[:, :, None] > 0, out=weight)
    blended = strip + (new - strip) * weight
    return np.asarray(np.clip(np.rint(blended), 0, 255), np.uint8)


def _ground(strip: Rgb, mask: Mask, factor: float) -> Floats:
    """Return Navier-Stokes inpainting (Bertalmio 2001) of strip, done no finer than it needs.

    Its time grows with the square of the radius, and what it fills in is smooth anyway.
    """
    shrink = max(1.0, factor / FINEST)
    height, width = mask.shape
    size = (max(1, round(width / shrink)), max(1, round(height / shrink)))
    small = cv2.resize(strip, size, interpolation=cv2.INTER_AREA)
    covered = (cv2.resize(mask, size, interpolation=cv2.INTER_AREA) > 0).astype(np.uint8)
    filled_in = cv2.inpaint(small, covered, RADIUS * factor / shrink, cv2.INPAINT_NS)
    ground = cv2.resize(filled_in, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(ground, np.float32)


def _texture(strip: Rgb, mask: Mask, shift: int) -> Floats:
    """Return fine detail (H, W, 3) for the masked pixels, copied from the nearest ground beside.

    Inpainting alone leaves smooth smears in grass or grain.
    """
    detail = strip.astype(np.float32) - cv2.GaussianBlur(strip, (0, 0), 1.5)
    # Near other marks and edges detail is not texture.
    detail = np.clip(detail, -MAX_DETAIL, MAX_DETAIL)
    free = cv2.dilate(mask, np.ones((5, 5), np.uint8)) == 0
    texture, todo = np.zeros_like(detail), mask > 0
    for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, -1)):
        moved = (down * shift, right * shift)
        usable = todo & np.roll(free, moved, (0, 1))
        texture[usable] = np.roll(detail, moved, (0, 1))[usable]
        todo &= ~usable
    return np.asarray(texture)
