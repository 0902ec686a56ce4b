"""What is taken as a picture, and what leaves it before it is handed out."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import pytest
from PIL import ExifTags, Image, ImageChops, ImageCms
from PIL.PngImagePlugin import PngInfo

from jobs import pictures
from tests.factories import picture

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def read(data: bytes) -> pictures.Picture:
    return pictures.read(io.BytesIO(data))


def refusal(data: bytes) -> str:
    with pytest.raises(pictures.PictureError) as caught:
        read(data)
    assert "Allowed: JPEG, PNG, WebP, TIFF, HEIC and AVIF, up to" in caught.value.message
    return caught.value.code


def with_exif(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Make] = "Camera"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    return exif


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize(
    ("encoder", "name"),
    [
        ("JPEG", "JPEG"),
        ("PNG", "PNG"),
        ("WEBP", "WebP"),
        ("TIFF", "TIFF"),
        ("HEIF", "HEIC"),
        ("AVIF", "AVIF"),
    ],
)
def test_the_six_formats_are_read(encoder: str, name: str) -> None:
    found = read(picture(encoder))
    assert (found.format, found.width, found.height) == (name, 64, 48)
    assert opened(found.image).size == opened(found.preview).size == (64, 48)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK"])
def test_every_kind_of_pixels_is_read(mode: str) -> None:
    encoder = "TIFF" if mode == "CMYK" else "PNG"
    image = Image.linear_gradient("L").resize((64, 48))
    if mode == "I;16":
        image = image.convert("I").point(lambda value: value * 257).convert("I;16")
    else:
        image = image.convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, encoder)
    shown = opened(read(buffer.getvalue()).preview).convert("L").tobytes()
    assert min(shown) < 60
    assert max(shown) > 150


@pytest.mark.parametrize("quality", [30, 60, 90])
@pytest.mark.parametrize("progressive", [False, True])
def test_an_upright_jpeg_loses_no_pixel(quality: int, progressive: bool) -> None:
    data = picture(
        size=(640, 480),
        quality=quality,
        progressive=progressive,
        exif=with_exif(),
        comment=b"Elm Street",
        icc_profile=SRGB,
    )
    found = opened(read(data).image)
    assert found.tobytes() == opened(data).tobytes()
    assert found.info["icc_profile"] == SRGB
    assert not found.getexif()


def test_a_jpeg_that_is_turned_is_encoded_as_it_was() -> None:
    data = picture(size=(640, 480), quality=60, exif=with_exif(6))
    before, after = opened(data), opened(read(data).image)
    assert after.quantization == before.quantization  # type: ignore[attr-defined]
    turned = before.transpose(Image.Transpose.ROTATE_270)
    assert max(ImageChops.difference(turned, after).tobytes()) <= 8


@pytest.mark.parametrize("tail", [b"ftypmp42 GPS +52.1+4.3", picture(comment=b"GPS +52.1+4.3")])
def test_what_follows_the_picture_in_its_file_is_gone(tail: bytes) -> None:
    found = read(picture() + tail)
    assert b"GPS" not in found.image + found.preview


def test_a_png_loses_nothing() -> None:
    data = picture("PNG")
    found = read(data)
    assert opened(found.image).tobytes() == opened(data).tobytes()


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_a_png_is_not_encoded_anew(mode: str) -> None:
    data = png(mode, icc_profile=None if mode == "L" else SRGB, exif=with_exif())
    found = read(data)
    assert chunks_of(found.image) == [
        chunk for chunk in chunks_of(data) if chunk[0] in (b"IHDR", b"iCCP", b"IDAT", b"IEND")
    ]
    assert opened(found.image).tobytes() == opened(data).tobytes()


def test_what_is_packed_with_a_png_s_pixels_is_gone() -> None:
    pixels = b"\0ab\0cd"
    for packed in (
        zlib.compress(pixels) + b"GPS +52.1+4.3",
        zlib.compress(pixels + b"GPS +52.1+4.3", level=0),
    ):
        found = read(grey(packed))
        assert opened(found.image).tobytes() == b"abcd"
        assert b"GPS" not in found.image
    assert chunks_of(read(grey(zlib.compress(pixels))).image)[1][1] == zlib.compress(pixels)


def test_a_png_that_viewers_may_refuse_is_encoded_anew() -> None:
    data = bytearray(grey(zlib.compress(b"\0ab\0cd")))
    data[data.index(b"IEND") - 5] ^= 1  # in the checksum of the pixels
    found = read(bytes(data))
    assert opened(found.image).tobytes() == b"abcd"
    for type, content, checksum in chunks_of(found.image):
        assert zlib.crc32(type + content) == checksum


@pytest.mark.parametrize(
    ("depth", "colours", "interlaced", "rows"),
    [(16, 2, 0, b"\0aabbccddeeff\0gghhiijjkkll"), (8, 0, 1, b"\0a\0b\0cd")],
    ids=["16 bits", "interlaced"],
)
def test_an_unusual_png_is_encoded_as_others_are(
    depth: int, colours: int, interlaced: int, rows: bytes
) -> None:
    data = grey(zlib.compress(rows), depth=depth, colours=colours, interlaced=interlaced)
    found = read(data)
    assert opened(found.image).tobytes() == opened(data).tobytes()
    assert chunks_of(found.image)[0][1] == struct.pack(">IIBBBBB", 2, 2, 8, colours, 0, 0, 0)


def test_a_png_s_profile_that_cannot_be_read_is_gone() -> None:
    broken = chunk(b"iCCP", b"GPS +52.1+4.3\0\0not packed")
    data = grey(zlib.compress(b"\0ab\0cd"), before=broken)
    assert broken in data
    assert b"GPS" not in read(data).image


def test_chunks_that_nobody_knows_are_gone() -> None:
    data = picture("PNG")
    secret = data[:-12] + chunk(b"priV", b"GPS +52.1+4.3") + data[-12:]
    found = read(secret)
    assert b"GPS" not in found.image + found.preview


def test_a_picture_with_exif_that_cannot_be_read_is_still_a_picture() -> None:
    assert read(picture("WEBP", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")).width == 64


def test_a_picture_too_wide_for_a_jpeg_is_handed_out_as_a_png() -> None:
    found = read(picture("PNG", size=(70_000, 2)))
    assert (found.extension, opened(found.image).size) == ("png", (70_000, 2))


def test_a_tiff_of_many_pages_is_refused() -> None:
    page = Image.new("L", (1, 1))
    buffer = io.BytesIO()
    page.save(buffer, "TIFF", save_all=True, append_images=[page] * 500)
    assert refusal(buffer.getvalue()) == "animated"


@pytest.mark.parametrize("encoder", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_gps_and_camera_are_gone_and_the_profile_is_kept(encoder: str) -> None:
    data = picture(encoder, exif=with_exif(), icc_profile=SRGB)
    assert opened(data).getexif(), "the picture that is tested says nothing"
    found = read(data)
    for handed_out in (found.image, found.preview):
        image = opened(handed_out)
        assert not image.getexif()
        assert b"Camera" not in handed_out
        assert image.info["icc_profile"] == SRGB


def test_heic_loses_its_metadata_too() -> None:
    data = picture("HEIF", exif=with_exif().tobytes())
    assert b"Camera" in data
    assert b"Camera" not in read(data).image


def test_comments_and_text_are_gone() -> None:
    jpeg = read(picture(comment=b"Grandma, 12 Elm Street"))
    assert b"Elm Street" not in jpeg.image + jpeg.preview
    text = PngInfo()
    text.add_text("Description", "Grandma, 12 Elm Street")
    png = read(picture("PNG", pnginfo=text))
    assert b"Elm Street" not in png.image + png.preview


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_picture_is_turned_upright(orientation: int) -> None:
    found = read(picture(exif=with_exif(orientation)))
    expected = (64, 48) if orientation < 5 else (48, 64)
    assert (found.width, found.height) == expected
    assert opened(found.image).size == opened(found.preview).size == expected


def test_a_large_picture_has_a_small_preview() -> None:
    found = read(picture(size=(3200, 100)))
    assert opened(found.image).size == (3200, 100)
    assert opened(found.preview).size == (1600, 50)


def test_transparency_is_kept_and_shown_on_white() -> None:
    image = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    found = read(buffer.getvalue())
    assert opened(found.image).mode == "RGBA"
    assert opened(found.preview).getpixel((4, 4)) == (255, 255, 255)


def test_a_phone_s_jpeg_with_a_second_picture_is_a_jpeg() -> None:
    buffer = io.BytesIO()
    main, second = Image.new("RGB", (64, 48), "red"), Image.new("RGB", (8, 8), "blue")
    main.save(buffer, "MPO", save_all=True, append_images=[second])
    found = read(buffer.getvalue())
    assert (found.format, found.width) == ("JPEG", 64)
    assert opened(found.image).format == "JPEG"


def test_an_empty_file_is_refused() -> None:
    assert refusal(b"") == "empty_file"


@pytest.mark.parametrize("data", [b"Dear diary", b"%PDF-1.7", b"\xff\xd8\xff", b"\x00" * 100])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    assert refusal(data) in ("not_a_picture", "broken_picture")


def test_other_pictures_are_refused() -> None:
    assert refusal(picture("GIF", mode="P")) == "not_a_picture"
    assert refusal(picture("BMP")) == "not_a_picture"


@pytest.mark.parametrize("encoder", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_file_is_refused(encoder: str, share: float) -> None:
    data = picture(encoder, size=(640, 480))
    assert refusal(data[: int(len(data) * share)]) == "broken_picture"


def animation(encoder: str) -> bytes:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "green", "blue")]
    buffer = io.BytesIO()
    frames[0].save(buffer, encoder, save_all=True, append_images=frames[1:])
    return buffer.getvalue()


@pytest.mark.parametrize("encoder", ["PNG", "WEBP", "AVIF", "TIFF"])
def test_several_frames_or_pages_are_refused(encoder: str) -> None:
    assert refusal(animation(encoder)) == "animated"


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def chunks_of(data: bytes) -> list[tuple[bytes, bytes, int]]:
    """The type, content and checksum of each."""
    found, at = [], 8
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        (checksum,) = struct.unpack_from(">I", data, at + 8 + length)
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length], checksum))
        at += 12 + length
    return found


def png(mode: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((64, 48)).convert(mode).save(buffer, "PNG", **options)
    return buffer.getvalue()


def grey(
    packed: bytes, *, depth: int = 8, colours: int = 0, interlaced: int = 0, before: bytes = b""
) -> bytes:
    """A PNG of two by two pixels, grey if not said otherwise, from what is packed in it."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, depth, colours, 0, 0, interlaced))
    pixels = chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + before + pixels


def test_a_decompression_bomb_is_refused_before_it_is_decoded() -> None:
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\x00" * 10_000_000, 9)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels)
    assert refusal(bomb + chunk(b"IEND", b"")) == "too_many_pixels"


def test_lab_pixels_are_read_by_their_profile() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    red = Image.new("RGB", (16, 16), (200, 30, 30))
    image = ImageCms.profileToProfile(red, srgb, lab, outputMode="LAB")
    assert image
    buffer = io.BytesIO()
    image.save(buffer, "TIFF", icc_profile=lab.tobytes())
    shown = opened(read(buffer.getvalue()).image)
    assert shown.mode == "RGB"
    assert max(ImageChops.difference(shown, red).tobytes()) < 12


def test_a_profile_of_another_kind_of_pixels_is_not_kept() -> None:
    found = read(picture("TIFF", mode="L", icc_profile=SRGB))
    assert "icc_profile" not in opened(found.image).info


def test_a_picture_without_pixels_is_refused() -> None:
    header = struct.pack(">IIBBBBB", 0, 10, 8, 2, 0, 0, 0)
    empty = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IEND", b"")
    assert refusal(empty) in ("empty_picture", "not_a_picture", "broken_picture")


def test_a_file_beyond_the_limit_is_refused(settings: Any) -> None:
    settings.PHOTOS_MAX_BYTES = 1024 * 1024
    assert refusal(picture() + bytes(1024 * 1024)) == "file_too_large"


def test_the_largest_picture_that_is_allowed_is_taken(settings: Any) -> None:
    settings.PHOTOS_MAX_PIXELS = 64 * 48
    assert read(picture()).width == 64
    assert refusal(picture(size=(65, 48))) == "too_many_pixels"
