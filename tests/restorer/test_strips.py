"""Strips join without a seam."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from restorer import strips
from restorer.inpainting import filled
from tests.restorer import pictures


@pytest.mark.parametrize("pixels", [1, 5_000, 30_000, 10**9])
def test_a_filter_in_strips_gives_what_it_gives_on_the_whole(
    pixels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strips, "STRIP_PIXELS", pixels)
    photo, heard = pictures.photo("rocket"), list[float]()
    joined = strips.map_strips(
        photo,
        lambda strip, *_: np.asarray(cv2.blur(strip, (9, 9)), np.uint8),
        overlap=8,
        tick=heard.append,
    )
    assert np.array_equal(joined, cv2.blur(photo, (9, 9)))
    assert heard == sorted(heard)
    assert heard[-1] == 1


@pytest.mark.parametrize("factor", [1, 3])
def test_a_mask_of_a_small_copy_lands_on_the_same_place_of_a_large_picture(
    factor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strips, "STRIP_PIXELS", 40_000)
    image = np.full((200 * factor, 300 * factor, 3), 90, np.uint8)
    mask = np.zeros((200, 300), np.uint8)
    mask[150:156, 40:260] = 255
    image[150 * factor : 156 * factor, 40 * factor : 260 * factor] = 255
    repaired = filled(image, mask, tick=lambda part: None)
    assert np.abs(repaired.astype(int) - 90).max() <= 3
