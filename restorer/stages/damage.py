"""Repairs scratches, dust and creases: found on a small copy, filled in at full size."""

from __future__ import annotations

import cv2

from restorer import fading, noise, scratches
from restorer.analysis import small_copy
from restorer.arrays import Rgb
from restorer.facts import Facts
from restorer.inpainting import filled


def apply(image: Rgb, facts: Facts) -> tuple[Rgb, str]:
    """Return image (H, W, 3) uint8 with scratches and dust filled in, and how many there were."""
    tones = fading.measure(image, facts.alpha)
    # Whiskers and rigging look like scratches; only on what is a print do we believe our eyes.
    if not noise.measure(image).is_grain(faded=tones.faded):
        return image, "no scratches found"
    small = small_copy(image)
    mask = scratches.mask(small, noise.measure(small).sigma, tones)
    count = cv2.connectedComponents(mask)[0] - 1
    if count == 0:
        return image, "no scratches found"
    return filled(image, mask, tick=facts.tick), f"{count} scratches and specks repaired"
