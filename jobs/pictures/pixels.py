"""Pixels of every kind, made upright L, RGB or RGBA."""

from __future__ import annotations

import io
from contextlib import suppress

from django.utils.translation import gettext as _
from PIL import Image, ImageCms, ImageOps

from .limits import PictureError, limits


def upright(image: Image.Image) -> tuple[Image.Image, bytes | None]:
    """Return the pixels as L, RGB or RGBA, turned as EXIF says, and the profile they are in."""
    profile: bytes | None = image.info.get("icc_profile")
    with suppress(Exception):  # a picture with EXIF that cannot be read is still a picture
        ImageOps.exif_transpose(image, in_place=True)
    try:
        plain, profile = _plain(image, profile)
    except ValueError as error:
        message = _("The picture's kind of pixels (%(mode)s) is not supported.")
        message %= {"mode": image.mode}
        raise PictureError("unsupported_pixels", f"{message} {limits()}") from error
    space = {"L": b"GRAY"}.get(plain.mode, b"RGB ")
    return plain, profile if profile and profile[16:20] == space else None


def _plain(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, bytes | None]:
    if image.mode in ("L", "RGB", "RGBA"):
        return image, profile
    if image.mode.startswith("I"):
        # 16 bits a pixel; a plain conversion would clip at 255.
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L"), profile
    if image.mode in ("CMYK", "LAB"):
        return _to_srgb(image, profile), None
    if "A" in image.mode or "a" in image.mode or "transparency" in image.info:
        return image.convert("RGBA"), profile
    return image.convert("L" if image.mode == "1" else "RGB"), profile


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return CMYK or Lab pixels as sRGB, by their profile where they have a usable one."""
    return (profile and by_profile(image, profile)) or image.convert("RGB")


def by_profile(image: Image.Image, profile: bytes) -> Image.Image | None:
    """Return the pixels as sRGB; None where the profile is of no use."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return None
