"""What workers return in the field, and what is near to that."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from jobs.endpoints import OutputError, outputs
from tests import factories

PNG = factories.picture("PNG")
TEXT = base64.b64encode(PNG).decode()
OTHER = base64.b64encode(factories.picture("JPEG")).decode()
SAFE = base64.urlsafe_b64encode(PNG).decode()
URL = "https://cdn.example/out/x.png?X-Amz-Signature=00"
LINES = "\n".join(TEXT[start : start + 76] for start in range(0, len(TEXT), 76))
NOTHING: list[Any] = [None, {}, [], "", " ", False]
MP4 = base64.b64encode(b"\0\0\0\x18ftypisom\0\0\0\0isomiso2mp41").decode()


@pytest.mark.parametrize(
    "output",
    [
        # RUNPOD's table of workers
        {"image": TEXT},
        {"images": [TEXT]},
        {"output_image": TEXT},
        {"image": TEXT, "status": "success"},
        {"image_base64": TEXT, "width": 1, "height": 1},
        {
            "image_base64": TEXT,
            "model": "x4",
            "input_resolution": "1x1",
            "output_resolution": "4x4",
        },
        {"image_b64": TEXT},
        [{"base64": TEXT, "finish_reason": "SUCCESS", "seed": "1", "url": None}],
        TEXT,
        {"status": "success", "message": TEXT},
        {"images": [{"filename": "x.png", "type": "base64", "data": TEXT}]},
        # near to them
        [TEXT],
        {"output": {"images": [{"image": TEXT}]}},
        {"result": TEXT},
        {"data": {"result": [{"restored_image": TEXT}]}},
        {"imageBase64": TEXT},
        {"Image": TEXT},
        {"message": {"image": TEXT}},
        {"image_url": {"url": f"data:image/png;base64,{TEXT}"}},
        {"b64_json": TEXT},
        {"artifacts": [{"base64": TEXT}]},
        {"enhanced": TEXT},
        {"images": {"9": [TEXT]}},
        {"images": [None, "", TEXT]},
        {"images": [{"type": "base64", "data": ""}, {"type": "base64", "data": TEXT}]},
        json.dumps({"images": [TEXT]}),
        {"output": json.dumps([TEXT])},
        {"image": TEXT, "image_url": URL},
        {"input_image": OTHER, "image": TEXT},
        {"source_image": OTHER, "thumbnail": OTHER, "output": TEXT},
        {"image": TEXT, "error": None, "errors": []},
        {"image": TEXT, "seed": 10**400, "time": float("nan")},
        {"videos": [MP4], "images": [TEXT]},
        {"images": [{"filename": "x.mp4", "type": "base64", "data": OTHER}, {"data": TEXT}]},
        # base64 in its dialects
        {"image": f"data:image/png;base64,{TEXT}"},
        {"image": f"DATA:image/jpeg;base64,{TEXT}"},
        {"image": f"data:;base64,{TEXT}"},
        {"image": f"data:image/png;name=x.png;base64,{TEXT.replace('+', '%2B')}"},
        {"image": LINES},
        {"image": LINES.replace("\n", "\r\n")},
        {"image": f" \n{TEXT}\n"},
        {"image": SAFE},
        {"image": SAFE.rstrip("=")},
        {"image": TEXT.rstrip("=")},
        {"image": TEXT + "=="},
        {"image": f"b'{TEXT}'"},
        {"image": f'"{TEXT}"'},
        {"image": f"\0{TEXT}\0"},
    ],
)
def test_a_picture_is_found(output: Any) -> None:
    assert outputs.read(output).image == PNG


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_a_picture_is_known_by_its_bytes_whatever_they_are_called(format: str) -> None:
    picture = factories.picture(format)
    text = f"data:image/gif;base64,{base64.b64encode(picture).decode()}"
    assert outputs.read({"image": text}).image == picture


@pytest.mark.parametrize(
    "output",
    [
        {"image_url": URL, "cost": 0.02},
        {"success": True, "output_url": URL},
        {"status": "success", "message": URL},
        {"images": [{"filename": "x.png", "type": "s3_url", "data": URL}]},
        {"image": URL},
        {"image_urls": [URL]},
        {"url": URL},
        {"output": URL},
        {"images": [{"url": URL}]},
        {"image": {"url": URL, "content_type": "image/png"}},
        {"message": {"image_url": URL}},
        {"output": {"result": {"image_url": URL}}},
        URL,
        [URL],
        {"image": f" {URL}\n"},
        {"images": ["simulated_uploaded/x.png", URL]},
        {"image_url": URL, "video_url": "https://cdn.example/x.mp4"},
        [{"base64": None, "finish_reason": "SUCCESS", "seed": "1", "url": URL}],
    ],
)
def test_an_address_is_found(output: Any) -> None:
    result = outputs.read(output)
    assert (result.url, result.image) == (URL, b"")


@pytest.mark.parametrize(
    ("output", "code"),
    [
        *[(empty, "no_output") for empty in NOTHING],
        ({"status": "success_no_images", "images": []}, "no_output"),
        ({"images": None}, "no_output"),
        ({"image": ""}, "no_output"),
        ({"images": [{}]}, "no_output"),
        ({"images": [{"filename": "x.png", "type": "base64", "data": ""}]}, "no_output"),
        ([None], "no_output"),
        ({"output": {"images": []}}, "no_output"),
        *[(value, "unknown_output") for value in (True, 1, 1e300, float("nan"), "Hello!", [[1]])],
        ({"results": [{"success": True}]}, "unknown_output"),
        ({"input_tokens": 22, "output_tokens": 16, "text": ["Hello!"]}, "unknown_output"),
        ({"image": "Hello, world."}, "unknown_output"),
        ({"image": "aGVsbG8="}, "unknown_output"),
        ({"image": "data:text/plain;base64,aGVsbG8="}, "unknown_output"),
        ({"image": "data:image/png;base64,"}, "unknown_output"),
        ({"image": TEXT[:100] + "!" + TEXT[100:]}, "unknown_output"),
        ({"image": 7}, "unknown_output"),
        ({"images": [MP4]}, "unknown_output"),
        ({"video": "https://cdn.example/x.mp4"}, "unknown_output"),
        ({"url": "https://cdn.example/x.mp4"}, "unknown_output"),
        ({"images": [{"filename": "x.mp4", "type": "s3_url", "data": URL}]}, "unknown_output"),
        ({"files": [{"type": "video/mp4", "url": "https://cdn.example/7"}]}, "unknown_output"),
        ({"status": "success", "message": "All done."}, "unknown_output"),
        ({"input": {"image": TEXT}, "source_image": TEXT}, "unknown_output"),
        ({"webhook": "https://photos.example/hook"}, "unknown_output"),
        (json.loads("[" * 900 + "]" * 900), "unknown_output"),
        ("[" * 100_000, "unknown_output"),
        ({"outputs": ["/workspace/outputs/x.png"]}, "bad_url"),
        ({"status": "success", "message": "simulated_uploaded/x.png"}, "bad_url"),
        ({"images": [{"type": "s3_url", "data": "simulated_uploaded/x.png"}]}, "bad_url"),
        *[
            ({"image_url": url}, "bad_url")
            for url in (
                "http://cdn.example/x.png",
                "http://127.0.0.1:6379/",
                "http://169.254.169.254/latest/meta-data/",
                "https://[::1]/x.png",
                "https://localhost/x.png",
                "https://10.0.0.1/x.png",
                "https://me:secret@cdn.example/x.png",
                "https://cdn.example/a b.png",
                "HTTPS://2130706433/",
                "file:///etc/passwd",
                "gopher://127.0.0.1:6379/_FLUSHALL",
                "ftp://cdn.example/x.png",
                "//cdn.example/x.png",
                "/tmp/x.png",  # noqa: S108
                "C:\\out\\x.png",
                "s3://bucket/x.png",
                "x.png",
                "https://cdn.example/" + "x" * 10_000,
            )
        ],
        ({"errors": ["scale is required"]}, "output_error"),
        ({"error": {"message": "no"}}, "output_error"),
        ({"error": True}, "output_error"),
        ({"status": "error", "message": "no"}, "output_error"),
        ({"status": "ERROR", "message": URL}, "output_error"),
        ({"success": False, "output_url": URL}, "output_error"),
        ({"success": False, "message": "no"}, "output_error"),
        ({"output": {"error": "no"}}, "output_error"),
        ([{"error": "no"}], "output_error"),
        ({"errors": ["no"], "images": []}, "output_error"),
    ],
)
def test_what_is_no_picture_has_a_name(output: Any, code: str) -> None:
    with pytest.raises(OutputError) as caught:
        outputs.read(output)
    assert caught.value.code == code
    assert caught.value.message


@pytest.mark.parametrize(
    "output",
    [
        {"status": "error", "message": "No face was found."},
        {"error": "No face was found."},
        {"errors": ["No face was found.\ntraceback: x"]},
        {"error": {"code": 7, "message": "No face\0 was found."}},
        {"success": False, "details": ["No face was found."]},
        json.dumps({"error": "No face was found."}),
    ],
)
def test_an_error_is_told_in_the_worker_s_words(output: Any) -> None:
    with pytest.raises(OutputError, match=r"^No face was found\.$"):
        outputs.read(output)


def test_of_several_pictures_one_is_taken() -> None:
    output = {"images": [{"data": TEXT}, {"data": OTHER}]}
    assert outputs.read(output).image == PNG
    assert outputs.read(output, last=True).image == base64.b64decode(OTHER)


def test_a_damaged_picture_is_passed_over_for_the_next() -> None:
    assert outputs.read({"images": [TEXT[:200] + "!" * 8, OTHER]}).image


def test_errors_beside_a_picture_are_kept() -> None:
    result = outputs.read({"images": [{"data": TEXT}], "errors": ["out of memory"]})
    assert (result.image, result.warnings) == (PNG, ("out of memory",))


def test_an_output_with_too_much_in_it_is_not_looked_through() -> None:
    with pytest.raises(OutputError):
        outputs.read({"images": ["x"] * 20_000 + [TEXT]})


def test_an_origin_of_one_s_own_may_be_fetched_from(settings: Any) -> None:
    settings.RUNPOD_RESULT_HOSTS = ["http://127.0.0.1:9000"]
    assert outputs.read({"image": "http://127.0.0.1:9000/x"}).url == "http://127.0.0.1:9000/x"
