"""Pictures on their way out: whole, in part, not at all, in another format."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from PIL import Image
from rest_framework.test import APIClient

from jobs import callbacks, deletion
from jobs.models import Photo
from tests import factories

pytestmark = pytest.mark.django_db
BYTES = factories.picture()
SIZE = len(BYTES)


@pytest.fixture
def client(user: User) -> APIClient:
    client = APIClient()
    client.force_login(user)
    return client


@pytest.fixture
def photo(user: User) -> Photo:
    return factories.job(user, title="Gran", file=BYTES).photo


def get(client: APIClient, photo: Photo, query: str = "", **headers: str) -> tuple[Any, bytes]:
    """Return the answer and its body."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = client.get(f"/api/v1/photos/{photo.pk}/image{query}", headers=names)
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
    return answer, body


def test_a_picture_says_what_it_is(client: APIClient, photo: Photo) -> None:
    answer, body = get(client, photo)
    assert (answer.status_code, body) == (200, BYTES)
    assert (answer["Accept-Ranges"], answer["Content-Length"]) == ("bytes", str(SIZE))
    assert answer["ETag"].startswith(f'"{photo.pk}')


@pytest.mark.parametrize("form", ["{}", "W/{}", '"x", {}', "*"])
def test_who_has_it_gets_it_no_second_time(client: APIClient, photo: Photo, form: str) -> None:
    etag = get(client, photo)[0]["ETag"]
    answer, body = get(client, photo, If_None_Match=form.format(etag))
    assert (answer.status_code, body, answer["ETag"]) == (304, b"", etag)
    assert answer["Cache-Control"] == "private, max-age=3600"
    # Of the picture they would be, which has not 0 bytes (RFC 9110 §8.6).
    assert not {"Content-Length", "Content-Type"} & set(answer.headers)
    assert get(client, photo, If_None_Match='"x"')[0].status_code == 200


def test_who_wants_another_is_told_so(client: APIClient, photo: Photo) -> None:
    answer, _ = get(client, photo, If_Match='"x"')
    assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")


@pytest.mark.parametrize(
    ("range", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=10-", 10, SIZE),
        ("bytes=-10", SIZE - 10, SIZE),
        ("bytes=0-99999999", 0, SIZE),
        ("bytes=-99999999", 0, SIZE),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE),
    ],
)
def test_a_part_is_that_part(
    client: APIClient, photo: Photo, range: str, start: int, end: int
) -> None:
    answer, body = get(client, photo, Range=range)
    assert (answer.status_code, body) == (206, BYTES[start:end])
    assert answer["Content-Range"] == f"bytes {start}-{end - 1}/{SIZE}"
    assert answer["Content-Length"] == str(end - start)


@pytest.mark.parametrize(
    "range", ["bytes=x", "bytes=", "bytes=-", "lines=0-1", "bytes=0-1,5-6", "bytes=1-x", "0-1"]
)
def test_what_is_no_range_of_ours_is_answered_by_the_whole(
    client: APIClient, photo: Photo, range: str
) -> None:
    answer, body = get(client, photo, Range=range)
    assert (answer.status_code, body) == (200, BYTES)


@pytest.mark.parametrize(
    "range", [f"bytes={SIZE}-", "bytes=-0", "bytes=20-10", f"bytes={'9' * 40}-"]
)
def test_a_part_that_is_none_is_refused(client: APIClient, photo: Photo, range: str) -> None:
    answer, _ = get(client, photo, Range=range)
    assert (answer.status_code, answer.json()["code"]) == (416, "range_not_satisfiable")
    assert answer["Content-Range"] == f"bytes */{SIZE}"


def test_a_part_is_of_what_the_client_has(client: APIClient, photo: Photo) -> None:
    etag = get(client, photo)[0]["ETag"]
    assert get(client, photo, Range="bytes=0-9", If_Range=etag)[0].status_code == 206
    for other in ('"x"', f"W/{etag}", "Tue, 24 Nov 2026 15:26:49 GMT"):
        answer, body = get(client, photo, Range="bytes=0-9", If_Range=other)
        assert (answer.status_code, body) == (200, BYTES)


def test_a_head_has_no_range(client: APIClient, photo: Photo) -> None:
    answer = client.head(f"/api/v1/photos/{photo.pk}/image", headers={"Range": "bytes=0-9"})
    assert not b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert (answer.status_code, answer["Content-Length"]) == (200, str(SIZE))


@pytest.mark.parametrize("accept", ["image/*", "image/webp", "text/html"])
def test_a_picture_is_for_who_accepts_pictures(
    client: APIClient, photo: Photo, accept: str
) -> None:
    assert get(client, photo, Accept=accept)[0].status_code == 200


@pytest.mark.parametrize(
    ("format", "type", "kind"),
    [
        ("png", "image/png", "PNG"),
        ("webp", "image/webp", "WEBP"),
        ("jpeg", "image/jpeg", "JPEG"),
        ("jpg", "image/jpeg", "JPEG"),
    ],
)
def test_a_picture_comes_in_the_format_asked_for(
    client: APIClient, photo: Photo, format: str, type: str, kind: str
) -> None:
    for _ in range(2):  # made, then kept
        answer, body = get(client, photo, f"?format={format}")
        image = Image.open(io.BytesIO(body))
        assert (answer["Content-Type"], image.format, image.size) == (type, kind, (64, 48))
    part, _ = get(client, photo, f"?format={format}", Range="bytes=0-3", If_Range=answer["ETag"])
    assert part.status_code == 206


def test_a_transparent_picture_is_white_where_there_is_no_transparency(
    client: APIClient, user: User
) -> None:
    buffer = io.BytesIO()
    Image.new("RGBA", (8, 8), (255, 0, 0, 0)).save(buffer, "PNG")
    _, body = get(client, factories.job(user, file=buffer.getvalue()).photo, "?format=jpeg")
    assert Image.open(io.BytesIO(body)).getpixel((4, 4)) == (255, 255, 255)


def test_a_format_keeps_the_colour_profile_and_nothing_else(client: APIClient, user: User) -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo = factories.job(user, file=factories.picture(icc_profile=profile, comment=b"x")).photo
    _, body = get(client, photo, "?format=webp")
    assert set(Image.open(io.BytesIO(body)).info) <= {"icc_profile", "loop", "background"}


@pytest.mark.parametrize("format", ["gif", "", "../x", "PNG", "json"])
def test_a_format_that_we_do_not_make_is_refused(
    client: APIClient, photo: Photo, format: str
) -> None:
    answer, _ = get(client, photo, f"?format={format}")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_format")


def test_a_picture_too_long_for_a_format_is_refused(client: APIClient, user: User) -> None:
    photo = factories.job(user, file=factories.picture(size=(17_000, 4))).photo
    answer, _ = get(client, photo, "?format=webp")
    assert (answer.status_code, answer.json()["code"]) == (400, "too_large_for_format")


def test_a_deleted_photo_leaves_no_format_behind(
    client: APIClient, photo: Photo, media: Path, django_capture_on_commit_callbacks: Any
) -> None:
    get(client, photo, "?format=webp")
    get(client, photo, "?format=png")
    with django_capture_on_commit_callbacks(execute=True):
        deletion.delete(photo=photo)
    assert not [path for path in media.rglob("*") if path.is_file()]


def test_a_signed_address_gives_parts_too(photo: Photo) -> None:
    url = callbacks.photo_url(photo).removeprefix("http://127.0.0.1:8000")
    answer = APIClient().get(url, headers={"Range": "bytes=0-9"})
    assert b"".join(answer.streaming_content) == BYTES[:10]  # type: ignore[attr-defined]
