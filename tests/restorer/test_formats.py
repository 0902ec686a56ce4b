"""Files in and out: every colour mode, profiles, and the size of the result."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from restorer import quantisation
from restorer.decode import Photo, decode
from restorer.delivery import MAX_INLINE
from restorer.encode import encode
from restorer.errors import RestoreError
from tests.restorer import pictures

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def read(image: Image.Image, kind: str = "PNG", **options: Any) -> Photo:
    return decode(saved(image, kind, **options), scale=1)


def ramp(mode: str) -> Image.Image:
    """Black on the left, white on the right."""
    return Image.fromarray(np.tile(np.arange(256, dtype=np.uint8), (32, 1))).convert(mode)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("L", "PNG"),
        ("LA", "PNG"),
        ("P", "GIF"),
        ("RGB", "PNG"),
        ("RGBA", "PNG"),
        ("CMYK", "JPEG"),
        ("CMYK", "TIFF"),
        ("YCbCr", "JPEG"),
        ("RGB", "WEBP"),
        ("RGB", "BMP"),
        ("RGB", "HEIF"),
        ("LAB", "TIFF"),
    ],
)
def test_every_mode_becomes_rgb_that_runs_from_black_to_white(mode: str, kind: str) -> None:
    rgb = read(
        Image.merge("LAB", [ramp("L")] + [Image.new("L", (256, 32), 128)] * 2)
        if mode == "LAB"
        else ramp(mode),
        kind,
    ).rgb
    assert rgb.shape == (32, 256, 3)
    assert rgb.dtype == np.uint8
    assert rgb[:, :3].mean() < 8
    assert rgb[:, -3:].mean() > 247


def test_a_one_bit_picture_becomes_black_and_white() -> None:
    bits = Image.new("1", (10, 10))
    bits.putpixel((3, 3), 1)
    assert np.unique(read(bits).rgb).tolist() == [0, 255]


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_of_grey_become_eight(kind: str) -> None:
    deep = Image.fromarray(np.tile(np.arange(256, dtype=np.uint16) * 257, (8, 1)))
    assert read(deep, kind).rgb[0, :, 0].tolist() == list(range(256))


@pytest.mark.parametrize("top", [1.0, 255.0, 9000.0])
def test_floating_point_grey_is_scaled_to_its_white(top: float) -> None:
    deep = Image.fromarray(np.linspace(0, top, 64, dtype=np.float32).reshape(8, 8))
    rgb = read(deep, "TIFF").rgb
    assert (rgb.min(), rgb.max()) == (0, 255)


def test_a_palette_with_a_transparent_colour_has_alpha() -> None:
    palette = Image.fromarray(np.array([[0, 1]], np.uint8)).convert("P")
    alpha = read(palette, "PNG", transparency=0).alpha
    assert alpha is not None
    assert alpha.tolist() == [[0, 255]]


def test_an_opaque_alpha_channel_is_no_transparency() -> None:
    assert read(ramp("RGBA")).alpha is None


def test_an_rgb_profile_is_kept() -> None:
    photo = read(ramp("RGB"), "JPEG", icc_profile=SRGB)
    assert photo.icc_profile == SRGB
    data, _ = encode(photo.rgb, None, photo.icc_profile, max_bytes=MAX_INLINE)
    assert Image.open(io.BytesIO(data)).info["icc_profile"] == SRGB


def test_an_rgb_profile_on_a_grey_or_cmyk_picture_is_dropped() -> None:
    assert read(ramp("L"), "JPEG", icc_profile=SRGB).icc_profile is None
    assert read(ramp("CMYK"), "JPEG", icc_profile=SRGB).icc_profile is None


def test_a_profile_that_is_none_is_dropped() -> None:
    assert read(ramp("RGB"), "JPEG", icc_profile=b"nonsense" * 40).icc_profile is None


def test_a_grey_profile_is_applied_and_not_kept() -> None:
    photo = read(ramp("L"), "JPEG", icc_profile=grey_profile(gamma=1.0))
    assert photo.icc_profile is None
    # Half the light is 188 in sRGB.
    assert 180 < photo.rgb[0, 128].mean() < 196


def grey_profile(gamma: float) -> bytes:
    """A minimal ICC 2.1 profile for grey with that gamma (ICC.1:2001-04, 6.3.1.1)."""
    curve = b"curv" + bytes(4) + (1).to_bytes(4, "big") + int(gamma * 256).to_bytes(2, "big")
    white = b"XYZ " + bytes(4) + b"".join(int(v * 65536).to_bytes(4, "big") for v in D50)
    text = b"desc" + bytes(4) + (5).to_bytes(4, "big") + b"grey\0" + bytes(78)
    notice = b"text" + bytes(4) + b"none\0"
    tags, offset, body = b"", 128 + 4 + 4 * 12, b""
    for name, data in ((b"desc", text), (b"wtpt", white), (b"kTRC", curve), (b"cprt", notice)):
        data += bytes(-len(data) % 4)
        tags += name + (offset + len(body)).to_bytes(4, "big") + len(data).to_bytes(4, "big")
        body += data
    head = bytes(4) + bytes(4) + b"\2\x10\0\0" + b"mntrGRAYXYZ " + bytes(12) + b"acsp" + bytes(28)
    head += b"".join(int(v * 65536).to_bytes(4, "big") for v in D50) + bytes(48)
    whole = head + (4).to_bytes(4, "big") + tags + body
    return len(whole).to_bytes(4, "big") + whole[4:]


D50 = (0.9642, 1.0, 0.8249)


def test_a_result_is_jpeg_of_quality_95_with_full_colour() -> None:
    data, kind = encode(pictures.photo("cat"), None, None, max_bytes=MAX_INLINE)
    image = Image.open(io.BytesIO(data))
    assert kind == "jpeg"
    assert quantisation.quality(image.quantization) == 95  # type: ignore[attr-defined]
    assert {component[1:3] for component in image.layer} == {(1, 1)}  # type: ignore[attr-defined]


def test_quality_gives_way_only_as_far_as_needed() -> None:
    photo = pictures.photo("cat")
    whole = len(encode(photo, None, None, max_bytes=MAX_INLINE)[0])
    data, _ = encode(photo, None, None, max_bytes=whole * 3 // 4)
    assert whole // 2 < len(data) <= whole * 3 // 4


def test_a_transparent_result_that_is_too_large_gets_fewer_colours() -> None:
    photo = pictures.photo("cat")
    alpha = np.full(photo.shape[:2], 200, np.uint8)
    whole = len(encode(photo, alpha, None, max_bytes=MAX_INLINE)[0])
    data, kind = encode(photo, alpha, None, max_bytes=whole // 2)
    assert kind == "png"
    assert len(data) <= whole // 2
    assert Image.open(io.BytesIO(data)).has_transparency_data


def test_a_result_that_never_fits_is_an_error() -> None:
    with pytest.raises(RestoreError, match="too large to be sent"):
        encode(pictures.photo("cat"), None, None, max_bytes=500)


def test_a_picture_too_long_for_jpeg_is_png() -> None:
    assert encode(np.zeros((1, 70_000, 3), np.uint8), None, None, max_bytes=MAX_INLINE)[1] == "png"


@pytest.mark.parametrize("quality", [10, 35, 60, 75, 90, 95])
def test_the_quality_of_a_jpeg_is_read_from_its_tables(quality: int) -> None:
    found = read(ramp("RGB"), "JPEG", quality=quality).jpeg_quality
    assert found == pytest.approx(quality, abs=1)


def test_other_files_have_no_jpeg_quality() -> None:
    assert read(ramp("RGB")).jpeg_quality is None
