"""Every colour mode of a file becomes RGB; a profile is kept only while it is still true."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms

MAX_PROFILE_BYTES = 1_000_000
RGB_MODES = {"RGB", "RGBA", "RGBX", "RGBa", "P", "PA"}


def to_rgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, bytes | None]:
    """Return the picture in mode RGB and the ICC profile that describes it, or None for sRGB."""
    image = _eight_bits(image)
    space = _space(profile)
    if profile and space == "RGB" and image.mode in RGB_MODES:
        return _plain(image), profile if len(profile) <= MAX_PROFILE_BYTES else None
    if profile and space in {"GRAY", "CMYK", "LAB"}:
        return _through(image, profile, space), None
    return _plain(image), None


def _eight_bits(image: Image.Image) -> Image.Image:
    """Bring 16-bit, 32-bit and floating point grey to mode L; leave the rest."""
    if image.mode not in {"I", "F", "I;16", "I;16B", "I;16L", "I;16N"}:
        return image
    values = np.asarray(image).astype(np.float32)
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    scaled = values * (255.0 / _white(image.mode, float(values.max(initial=0.0))))
    return Image.fromarray(np.clip(np.rint(scaled), 0, 255).astype(np.uint8))


def _white(mode: str, brightest: float) -> float:
    """Return the value that stands for white in a deep picture."""
    if mode.startswith("I;16"):
        return 65535.0
    known = (1.0, 255.0) if mode == "F" else (255.0, 65535.0)
    return next((top for top in known if brightest <= top), brightest)


def _space(profile: bytes | None) -> str | None:
    """Return the profile's colour space; None if the profile cannot be read."""
    if not profile:
        return None
    try:
        opened = ImageCms.getOpenProfile(io.BytesIO(profile))
        return str(opened.profile.xcolor_space).strip()
    except (ImageCms.PyCMSError, OSError):
        return None


def _through(image: Image.Image, profile: bytes, space: str) -> Image.Image:
    """Convert to sRGB by the profile, or plainly where the profile does not fit the pixels."""
    mode = {"GRAY": "L", "CMYK": "CMYK", "LAB": "LAB"}[space]
    if image.mode != mode and not (mode == "L" and image.mode in {"1", "LA", "La"}):
        return _plain(image)
    try:
        opened = ImageCms.getOpenProfile(io.BytesIO(profile))
        srgb = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image.convert(mode), opened, srgb, outputMode="RGB")
    except (ImageCms.PyCMSError, ValueError):
        return _plain(image)
    return converted if converted is not None else _plain(image)


def _plain(image: Image.Image) -> Image.Image:
    if image.mode in {"P", "PA", "RGBa", "La"} and image.has_transparency_data:
        image = image.convert("RGBA")
    return image if image.mode == "RGB" else image.convert("RGB")
