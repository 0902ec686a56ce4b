"""Tells scratches and dust from the thin things that belong to a picture, by how a mark looks.

Measured on damaged and clean photos: a mark covers all colours alike (evenness), stands out from
quiet ground (contrast over roughness), is thin, and is not one of many (crowding, as in grass).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from restorer import lines, marks
from restorer.arrays import Floats, Mask, Rgb
from restorer.fading import Tones
from restorer.marks import Marks

Chosen = NDArray[np.bool_]  # one entry per mark

CROWD = (61, 61)  # pixels
LEAST_DUST = 6  # specks
DUST_PER_PIXEL = 14e-6
MAX_BEYOND = 0.01  # of the picture
MAX_SHARE = 0.08  # of the picture: more than this is no damage but a wrong idea of it


def mask(image: Rgb, sigma: float, tones: Tones) -> Mask:
    """Return the scratches and dust of image (H, W, 3) uint8 with grain sigma: 255, else 0."""
    light = marks.find(image, sigma)
    if not tones.faded and _dust(light, sigma) < LEAST_DUST + DUST_PER_PIXEL * light.response.size:
        return np.zeros_like(light.response)
    dark = marks.find(np.asarray(255 - image, np.uint8), sigma)
    found = _drawn(light, _light(light)) | _drawn(dark, _dark(dark))
    if tones.faded:
        found |= _beyond(image, sigma, tones)
    return found if np.mean(found > 0) <= MAX_SHARE else np.zeros_like(found)


def _dust(light: Marks, sigma: float) -> int:
    """Count light specks beyond doubt on quiet ground; only on black they would be stars.

    Grain makes false marks in any detailed photo, up to ten of these; an old print has dozens.
    """
    small = (light.length <= 16) & (light.area <= 70) & (light.width <= 4.7)
    quiet = light.roughness <= max(4.0, 1.3 * sigma)
    clear = (light.peak >= max(40.0, 7 * sigma)) & (light.evenness >= 0.6)
    dust = (small & quiet & clear)[1:]
    lit = dust & (light.ground[1:] >= 30)
    return int(dust.sum()) if lit.sum() >= dust.sum() / 4 else 0


def _beyond(image: Rgb, sigma: float, tones: Tones) -> Mask:
    """Return what is lighter than a faded print's white or darker than its black, in all colours.

    Fading moves the whole picture between the two; only bare paper, dirt and holes lie outside.
    """
    calm = cv2.GaussianBlur(image, (0, 0), 0.8).astype(np.float32)
    margin = max(9.0, 1.5 * sigma)
    lighter = np.all(calm > tones.white + margin, axis=2)
    darker = np.all(calm < tones.black - margin, axis=2)
    outside = np.where(lighter | darker, 255, 0).astype(np.uint8)
    if np.mean(outside > 0) > MAX_BEYOND:
        return np.zeros_like(outside)
    return np.asarray(cv2.dilate(outside, np.ones((3, 3), np.uint8)), np.uint8)


def _drawn(found: Marks, chosen: Chosen) -> Mask:
    chosen[0] = False
    pixels = np.where(chosen[found.labels], 255, 0).astype(np.uint8)
    return lines.continued(pixels, found.response, 0.55 * found.threshold)


def _light(found: Marks) -> Chosen:
    """Scratches through the emulsion to white paper, hairs, dust on the glass."""
    stands, crowd, even = _stands(found), _crowding(found), found.evenness
    skeleton = found.area / found.width
    clear = (stands >= 6) | ((found.contrast >= 24) & (found.peak >= 50))
    thin = (found.width <= 4.5) & (skeleton <= 4.5 * found.length) & (crowd <= 0.16) & clear
    line = thin & _straight(found) & (found.length >= 36) & (stands >= 2.75) & (even >= 0.57)
    thread = thin & (skeleton >= 28) & (stands >= 3.6) & (even >= 0.62)
    return line | thread | _specks(found, crowd)


def _dark(found: Marks) -> Chosen:
    """Dark lines are mostly a picture's own: only straight, clear ones and lonely specks count."""
    stands, crowd, even = _stands(found), _crowding(found), found.evenness
    thin = (found.width <= 3.6) & (crowd <= 0.12)
    line = thin & _straight(found) & (found.length >= 30) & (stands >= 2.6) & (even >= 0.7)
    return line | _specks(found, crowd)


def _specks(found: Marks, crowd: Floats) -> Chosen:
    small = (found.length <= 30) & (found.width <= 4.7) & (found.area <= 110)
    lonely = (crowd <= 0.12) & (found.roughness <= 12) & (_stands(found) >= 4)
    return small & lonely & (found.evenness >= 0.57) & (found.peak >= 1.8 * found.threshold)


def _stands(found: Marks) -> Floats:
    return found.contrast / np.maximum(found.roughness, 1.0)


def _straight(found: Marks) -> Chosen:
    return found.bend <= np.maximum(2.4, 0.045 * found.length)


def _crowding(found: Marks) -> Floats:
    """Return the share of the ground around each mark that small marks cover."""
    small = (found.labels > 0) & (found.length[found.labels] < 30)
    share = cv2.blur(small.astype(np.float32), CROWD)
    inside = found.labels > 0
    sums = np.bincount(found.labels[inside], share[inside], len(found.area))
    return np.asarray(sums / np.maximum(found.area, 1))
