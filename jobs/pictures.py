"""Pictures from outside: checked by decoding them, and made fit to be handed out."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, Any

import pillow_heif
from django.conf import settings
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError
from PIL.JpegImagePlugin import get_sampling

pillow_heif.register_heif_opener()
# We compare sizes ourselves, before anything is decoded; Pillow's own guard only warns at first.
Image.MAX_IMAGE_PIXELS = None

# Pillow's word → (ours, extension, media type). Nothing else is ever tried.
FORMATS = {
    "JPEG": ("JPEG", "jpg", "image/jpeg"),
    "MPO": ("JPEG", "jpg", "image/jpeg"),  # a phone's JPEG with a second picture behind it
    "PNG": ("PNG", "png", "image/png"),
    "WEBP": ("WebP", "webp", "image/webp"),
    "TIFF": ("TIFF", "tif", "image/tiff"),
    "HEIF": ("HEIC", "heic", "image/heic"),
    "AVIF": ("AVIF", "avif", "image/avif"),
}
FORMATS_BY_EXTENSION = {extension: name for name, extension, _ in FORMATS.values()}
MEDIA_TYPES = {extension: media_type for _, extension, media_type in FORMATS.values()}
ALLOWED = "JPEG, PNG, WebP, TIFF, HEIC and AVIF"
PREVIEW_SIDE = 1600  # pixels, longest side
JPEG_SIDE = 65_500  # pixels; libjpeg's limit
# A picture of 100 megapixels takes up to 1.4 GB for a moment (measured): so many at once.
_decoding = threading.BoundedSemaphore(2)


class PictureError(Exception):
    """Why a file is not taken: a `code` for programs, a sentence that says what is allowed."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Picture:
    """A checked picture: `image` (encoded, upright, no metadata but the colour profile) and a
    `preview` (JPEG, at most PREVIEW_SIDE pixels a side). `width` and `height` are upright pixels,
    `format` is one of FORMATS' and says what came in; `extension` is that of `image`."""

    format: str
    original_extension: str
    width: int
    height: int
    image: bytes
    extension: str
    preview: bytes


def limits() -> str:
    """Return what is allowed, as a sentence for people."""
    megabytes = settings.PHOTOS_MAX_BYTES // 1024**2
    megapixels = settings.PHOTOS_MAX_PIXELS // 1_000_000
    return f"Allowed: {ALLOWED}, up to {megabytes} MB and {megapixels} megapixels."


def read(file: IO[bytes]) -> Picture:
    """Decode the whole file, to the last pixel, and return what may be kept and handed out.

    Raises PictureError for whatever is not one still picture within the limits.
    """
    size = file.seek(0, io.SEEK_END)
    if size == 0:
        raise PictureError("empty_file", f"The file is empty. {limits()}")
    if size > settings.PHOTOS_MAX_BYTES:
        raise PictureError("file_too_large", f"The file has {_megabytes(size)} MB. {limits()}")
    with _decoding, _open(file) as image:
        return _picture(image)


def _megabytes(size: int) -> str:
    return f"{size / 1024**2:.1f}"


@contextmanager
def _open(file: IO[bytes]) -> Iterator[Image.Image]:
    """Open the file, and call damage whatever a decoder stumbles over until it is closed."""
    file.seek(0)
    try:
        with Image.open(file, formats=[name for name in FORMATS if name != "MPO"]) as image:
            yield image
    except UnidentifiedImageError as error:
        message = f"This is not a picture that we can read. {limits()}"
        raise PictureError("not_a_picture", message) from error
    except (PictureError, MemoryError):
        raise
    except Exception as error:  # every decoder has its own
        raise _broken() from error


def _broken() -> PictureError:
    message = "The picture is damaged or cut off: it cannot be read to its end. " + limits()
    return PictureError("broken_picture", message)


def _check_header(image: Image.Image) -> None:
    """Judge the picture by what its header says, before memory is spent on its pixels."""
    if image.width < 1 or image.height < 1:
        raise PictureError("empty_picture", f"The picture has no pixels. {limits()}")
    if image.width * image.height > settings.PHOTOS_MAX_PIXELS:
        size = f"{image.width} × {image.height}"
        raise PictureError("too_many_pixels", f"The picture has {size} pixels. {limits()}")
    if _has_more(image):
        message = f"The file has several pictures, pages or frames; we restore one. {limits()}"
        raise PictureError("animated", message)


def _has_more(image: Image.Image) -> bool:
    """Whether the file has frames or pages beyond the first."""
    if image.format in ("HEIF", "MPO"):
        return False  # their further pictures are previews and depth maps
    if image.format != "TIFF":
        return bool(getattr(image, "is_animated", False))
    # Counting a TIFF's pages can take minutes; whether there is a second does not.
    try:
        image.seek(1)
    except EOFError:
        return False
    return True


def _picture(image: Image.Image) -> Picture:
    _check_header(image)
    image.load()
    assert image.format is not None
    name, extension, _ = FORMATS[image.format]
    upright, profile = _upright(image)
    encoder = _encoder(image, upright)
    kept = _encode(upright, encoder, profile, _options(image, encoder))
    return Picture(
        format=name,
        original_extension=extension,
        width=upright.width,
        height=upright.height,
        image=kept,
        extension=FORMATS[encoder][1],
        preview=_preview(upright, profile),
    )


def _options(source: Image.Image, encoder: str) -> dict[str, Any]:
    """Return how to encode: a JPEG as it was quantised, so that next to nothing is lost.

    That also leaves the restorer the tables by which it knows a strongly compressed picture.
    """
    if encoder == "PNG":
        return {"compress_level": 3}
    if source.format in ("JPEG", "MPO") and source.mode in ("L", "RGB"):
        tables, sampling = getattr(source, "quantization", None), get_sampling(source)
        if tables and (sampling >= 0 or source.mode == "L"):
            return {"qtables": tables, "subsampling": max(sampling, 0)}
    return {"quality": 95, "subsampling": 0}


def _upright(image: Image.Image) -> tuple[Image.Image, bytes | None]:
    """Return the pixels as L, RGB or RGBA, turned as EXIF says, and the profile they are in."""
    profile: bytes | None = image.info.get("icc_profile")
    with suppress(Exception):  # a picture with EXIF that cannot be read is still a picture
        ImageOps.exif_transpose(image, in_place=True)
    try:
        plain, profile = _plain(image, profile)
    except ValueError as error:
        message = f"The picture's kind of pixels ({image.mode}) is not supported. {limits()}"
        raise PictureError("unsupported_pixels", message) from error
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
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            converted = None
        if converted is not None:
            return converted
    return image.convert("RGB")


def _encoder(source: Image.Image, upright: Image.Image) -> str:
    """Return PNG for what is lossless, transparent, or too vast for a JPEG; else JPEG."""
    if source.format == "PNG" or upright.mode == "RGBA" or max(upright.size) > JPEG_SIDE:
        return "PNG"
    return "JPEG"


def _encode(
    image: Image.Image, encoder: str, profile: bytes | None, options: dict[str, Any]
) -> bytes:
    """Return the picture without any metadata but its colour profile."""
    buffer = io.BytesIO()
    _without_info(image).save(buffer, encoder, icc_profile=profile, **options)
    return buffer.getvalue()


def _without_info(image: Image.Image) -> Image.Image:
    """Pillow writes some of `info` (text, comments, EXIF) back into files; nothing stays there."""
    image.info = {}
    return image


def _preview(image: Image.Image, profile: bytes | None) -> bytes:
    small = image.copy() if max(image.size) <= PREVIEW_SIDE else image
    small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE), reducing_gap=3.0)
    if small.mode == "RGBA":
        white = Image.new("RGBA", small.size, "white")
        small = Image.alpha_composite(white, small).convert("RGB")
    buffer = io.BytesIO()
    _without_info(small).save(
        buffer, "JPEG", quality=85, icc_profile=profile, optimize=True, progressive=True
    )
    return buffer.getvalue()
