"""Pictures for the restorer's tests: clean ones, and damage done to them with known truth."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

PHOTOS = Path(__file__).parent / "photos"
SAMPLES = Path(__file__).parents[2] / "restorer" / "samples"

Picture = NDArray[np.uint8]


def photo(name: str) -> Picture:
    return np.array(Image.open(PHOTOS / f"{name}.jpg").convert("RGB"))


def sample(name: str) -> Picture:
    return np.array(Image.open(SAMPLES / f"{name}.jpg").convert("RGB"))


def gradient(height: int = 240, width: int = 320) -> Picture:
    """A sky at dusk: dark below, orange to blue above."""
    down = np.linspace(0, 1, height)[:, None, None]
    top, bottom = np.array([60.0, 90.0, 170.0]), np.array([240.0, 140.0, 60.0])
    sky = top * (1 - down) + bottom * down
    picture = np.repeat(sky, width, axis=1)
    picture[int(height * 0.8) :] = 12
    return picture.astype(np.uint8)


def text() -> Picture:
    page = np.full((240, 320, 3), 250, np.uint8)
    for row in range(30, 230, 25):
        cv2.putText(page, "the quick brown fox", (10, row), 0, 0.7, (20, 20, 20), 1, cv2.LINE_AA)
    return page


def wires() -> Picture:
    sky = gradient()
    for offset in range(0, 200, 25):
        cv2.line(sky, (0, 20 + offset), (319, 60 + offset // 2), (25, 25, 30), 1, cv2.LINE_AA)
    cv2.line(sky, (40, 200), (150, 5), (235, 235, 230), 1, cv2.LINE_AA)
    return sky


def stars() -> Picture:
    random = np.random.default_rng(3)
    night = np.full((300, 400, 3), 6, np.uint8)
    for x, y, light in random.integers((0, 0, 80), (400, 300, 256), (250, 3)):
        cv2.circle(night, (int(x), int(y)), 1, (int(light),) * 3, -1, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(night, (0, 0), 0.6), np.uint8)


def fog() -> Picture:
    """The astronaut behind haze: neither black nor white, but no cast."""
    return np.asarray(photo("astronaut") * 0.4 + 110, np.uint8)


def toned() -> Picture:
    """A warm-toned print in good shape: its colour is meant."""
    grey = photo("astronaut").mean(axis=2, keepdims=True) / 255
    warm = np.array([30.0, 20.0, 10.0]) + grey * np.array([215.0, 205.0, 180.0])
    return np.asarray(warm, np.uint8)


def faded(picture: Picture) -> Picture:
    """Lift black, dull white, both to the warm side, as dyes fade."""
    black, white = np.array([52.0, 34.0, 26.0]), np.array([238.0, 200.0, 176.0])
    return np.asarray(np.rint(black + picture / 255 * (white - black)), np.uint8)


def grainy(picture: Picture, sigma: float = 7) -> Picture:
    noise = np.random.default_rng(1).normal(0, sigma, picture.shape[:2])
    return np.clip(picture + noise[:, :, None], 0, 255).astype(np.uint8)


def scratched(picture: Picture) -> Picture:
    """Three long white scratches and forty specks of dust."""
    damaged, random = picture.copy(), np.random.default_rng(2)
    height, width = picture.shape[:2]
    for start, end in (((20, 0), (60, height)), ((width, 30), (width // 2, height - 20))):
        cv2.line(damaged, start, end, (245, 243, 238), 2, cv2.LINE_AA)
    for x, y in random.integers((4, 4), (width - 4, height - 4), (40, 2)):
        cv2.circle(damaged, (int(x), int(y)), 1, (245, 243, 238), -1, cv2.LINE_AA)
    return damaged


def jpeg(picture: Picture, quality: int) -> Picture:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return np.array(Image.open(buffer))


def psnr(picture: Picture, truth: Picture) -> float:
    """Peak signal to noise ratio in dB; higher is closer."""
    error = float(np.mean((picture.astype(np.float64) - truth) ** 2))
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def colour_error(picture: Picture, truth: Picture) -> float:
    """Mean distance in CIELAB (CIE76)."""
    lab = [cv2.cvtColor((p / 255).astype(np.float32), cv2.COLOR_RGB2LAB) for p in (picture, truth)]
    return float(np.sqrt(((lab[0] - lab[1]) ** 2).sum(axis=2)).mean())


def change(after: Picture, before: Picture) -> float:
    """Mean absolute difference, 0..255."""
    return float(np.abs(after.astype(np.int16) - before).mean())
