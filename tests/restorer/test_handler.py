"""The handler as RunPod calls it: a job in, a JSON-safe answer out, over real HTTP."""

from __future__ import annotations

import base64
import io
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from restorer import delivery, pipeline, progress, source
from restorer import handler as handler_module
from restorer.handler import handler, run
from tests.restorer import pictures
from tests.restorer.endpoint import DEADLINE
from tests.restorer.pictures import SAMPLES


@dataclass
class Site:
    """A web site of this test: serves files, and keeps what is posted to it."""

    url: str = ""
    files: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    posts: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    puts: list[tuple[str, str, bytes]] = field(default_factory=list)
    status: int = 200
    hold: threading.Event | None = None


@pytest.fixture
def site() -> Iterator[Site]:
    here = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = here.files.get(self.path, (404, b""))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            here.posts.append((time.monotonic(), json.loads(body)))
            if here.hold is not None:
                here.hold.wait(10)
            self.send_response(here.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            here.puts.append((self.path, self.headers["Content-Type"], body))
            self.send_response(here.status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield here
    server.shutdown()
    thread.join()
    server.server_close()


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> str:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return base64.b64encode(buffer.getvalue()).decode()


def job(**fields: object) -> dict[str, Any]:
    return {"id": "job-1", "input": fields}


def small() -> str:
    return encoded(Image.fromarray(pictures.gradient(40, 60)))


def opened(answer: dict[str, Any]) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(answer["image_base64"])))


def test_a_photo_in_base64_comes_back_restored() -> None:
    data = (SAMPLES / "portrait-1961.jpg").read_bytes()
    answer = handler(job(image_base64=base64.b64encode(data).decode()))
    assert set(answer) == {
        "image_base64",
        "format",
        "width",
        "height",
        "seconds",
        "stages",
        "model",
    }
    assert (answer["format"], answer["width"], answer["height"]) == ("jpeg", 512, 600)
    assert opened(answer).format == "JPEG"
    assert opened(answer).size == (512, 600)
    assert answer["model"] == "photorestore-cpu 1"
    assert [set(stage) for stage in answer["stages"]] == [{"name", "seconds", "note"}] * 6


def test_an_answer_is_plain_json() -> None:
    answer = handler(job(image_base64=small()))
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer


@pytest.mark.parametrize("odd", [float("nan"), np.float32(1), b"x", {1, 2}, "half \ud83d"])
def test_what_json_cannot_carry_becomes_an_error(
    monkeypatch: pytest.MonkeyPatch, odd: object
) -> None:
    monkeypatch.setattr(handler_module, "MODEL", odd)
    answer = handler(job(image_base64=small()))
    assert answer == {"error": "Something went wrong while restoring the photo."}


def test_a_picture_too_large_for_the_body_is_made_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    data = base64.b64encode((SAMPLES / "rocket.jpg").read_bytes()).decode()
    whole = handler(job(image_base64=data))
    monkeypatch.setattr(delivery, "MAX_INLINE", len(whole["image_base64"]) // 2)
    smaller = handler(job(image_base64=data))
    assert len(smaller["image_base64"]) < len(whole["image_base64"]) * 2 / 3
    assert opened(smaller).size == opened(whole).size


def test_a_result_stays_below_ten_mebibytes() -> None:
    body = {"output": {"image_base64": delivery.inline(bytes(delivery.MAX_INLINE))}}
    assert len(json.dumps(body)) < 10 * 1024 * 1024 - 100_000


# upload_url


def test_the_picture_is_left_at_the_address_that_the_job_names(site: Site) -> None:
    answer = handler(job(image_base64=small(), upload_url=f"{site.url}/bucket/a?signature=s3cret"))
    assert set(answer) == {
        "image_url",
        "format",
        "width",
        "height",
        "seconds",
        "stages",
        "model",
    }
    assert answer["image_url"] == f"{site.url}/bucket/a"
    ((path, kind, picture),) = site.puts
    assert (path, kind) == ("/bucket/a?signature=s3cret", "image/jpeg")
    assert Image.open(io.BytesIO(picture)).size == (60, 40)


def test_a_picture_for_an_address_need_not_be_made_smaller(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "MAX_INLINE", 500)
    data = base64.b64encode((SAMPLES / "rocket.jpg").read_bytes()).decode()
    assert "too large" in handler(job(image_base64=data))["error"]
    answer = handler(job(image_base64=data, upload_url=f"{site.url}/a"))
    assert answer["image_url"] == f"{site.url}/a"


@pytest.mark.parametrize(("status", "tries"), [(307, 1), (403, 1), (500, 3), (503, 3)])
def test_where_the_upload_fails_the_picture_goes_into_the_result(
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    status: int,
    tries: int,
) -> None:
    monkeypatch.setattr(delivery, "_SECONDS_BETWEEN", 0.0)
    site.status = status
    answer = handler(job(image_base64=small(), upload_url=f"{site.url}/a?signature=s3cret"))
    assert opened(answer).size == (60, 40)
    assert "image_url" not in answer
    assert len(site.puts) == tries
    assert str(status) in caplog.text
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "ftp://a/", "nonsense", "http://[", 7, ""])
def test_a_wrong_upload_address_does_not_lose_the_picture(
    monkeypatch: pytest.MonkeyPatch, url: object
) -> None:
    monkeypatch.setattr(delivery, "_SECONDS_BETWEEN", 0.0)
    assert "image_base64" in handler(job(image_base64=small(), upload_url=url))


# Where the photo comes from


def test_a_photo_is_fetched_from_its_address(site: Site) -> None:
    site.files["/photo"] = (200, (SAMPLES / "rocket.jpg").read_bytes())
    assert handler(job(image_url=f"{site.url}/photo"))["width"] == 640


def test_a_data_uri_is_taken_too() -> None:
    assert handler(job(image_base64="data:image/png;base64," + small()))["width"] == 60


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_a_photo_is_enlarged_as_asked(scale: int) -> None:
    answer = handler(job(image_base64=small(), scale=scale))
    assert (answer["width"], answer["height"]) == (60 * scale, 40 * scale)
    assert opened(answer).size == (60 * scale, 40 * scale)


@pytest.mark.parametrize("scale", [0, 3, -1, "2", 2.5, True, [2], float("nan")])
def test_another_scale_is_refused(scale: object) -> None:
    assert handler(job(image_base64=small(), scale=scale)) == {
        "error": "The scale must be 1, 2 or 4."
    }


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({}, "no input"),
        ({"input": None}, "no input"),
        ({"input": []}, "no input"),
        ({"input": {}}, "names no photo"),
        ({"input": {"image_url": 7}}, "names no photo"),
        ({"input": {"image_url": "ftp://example.org/a.jpg"}}, "must start with http"),
        ({"input": {"image_url": "file:///etc/passwd"}}, "must start with http"),
        ({"input": {"image_url": "http://"}}, "could not be fetched"),
        ({"input": {"image_url": "http://127.0.0.1:1/a.jpg"}}, "could not be fetched"),
        ({"input": {"image_base64": "%%%"}}, "base64 text is damaged"),
        ({"input": {"image_base64": base64.b64encode(b"hello").decode()}}, "not a picture"),
    ],
)
def test_a_job_that_cannot_be_done_says_why(wrong: dict[str, Any], words: str) -> None:
    answer = handler(wrong)
    assert list(answer) == ["error"]
    assert words in answer["error"]


def test_a_job_that_is_no_job_is_answered_too() -> None:
    assert "no input" in handler(None)["error"]  # type: ignore[arg-type]


def test_an_address_without_a_photo_is_named_with_its_status(site: Site) -> None:
    assert "answered 404" in handler(job(image_url=f"{site.url}/gone"))["error"]


def test_a_page_instead_of_a_photo_is_refused(site: Site) -> None:
    site.files["/page"] = (200, b"<html>not a picture</html>")
    assert "not a picture" in handler(job(image_url=f"{site.url}/page"))["error"]


def test_a_truncated_file_is_refused() -> None:
    data = (SAMPLES / "rocket.jpg").read_bytes()[:9000]
    answer = handler(job(image_base64=base64.b64encode(data).decode()))
    assert "damaged" in answer["error"]


def test_a_file_above_the_limit_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MAX_BYTES", 50_000)
    site.files["/photo"] = (200, bytes(60_000))
    assert "too large" in handler(job(image_url=f"{site.url}/photo"))["error"]
    assert "too large" in handler(job(image_base64="A" * 80_000))["error"]


def test_a_result_above_100_megapixels_is_refused_before_any_pixel_is_decoded() -> None:
    huge = encoded(Image.new("1", (6000, 3000)))
    answer = handler(job(image_base64=huge, scale=4))
    assert "6000 by 3000 pixels, enlarged 4 times" in answer["error"]
    assert "100 million" in answer["error"]


def test_running_out_of_memory_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    def stage(*args: object) -> tuple[Any, str]:
        raise MemoryError

    monkeypatch.setattr(pipeline, "STAGES", [("stage", 1.0, stage)])
    assert "memory" in handler(job(image_base64=small()))["error"]


def test_an_unexpected_failure_is_logged_and_told_without_its_details(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def stage(*args: object) -> tuple[Any, str]:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(pipeline, "STAGES", [("stage", 1.0, stage)])
    answer = handler(job(image_base64=small()))
    assert answer == {"error": "Something went wrong while restoring the photo."}
    assert "secret detail" in caplog.text
    assert "job-1" in caplog.text


@pytest.fixture
def to_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let also the last second's progress be told, of which short jobs have no other."""
    monkeypatch.setattr(progress, "SECONDS_BEFORE_END", 0.0)


@pytest.mark.usefixtures("to_the_last")
def test_progress_is_posted_in_order_and_never_after_the_answer(site: Site) -> None:
    data = base64.b64encode((SAMPLES / "portrait-1961.jpg").read_bytes()).decode()
    handler(job(image_base64=data, progress_url=f"{site.url}/progress"))
    answered, posts = time.monotonic(), [post for _, post in site.posts]
    assert posts[0] == {"progress": 0.0, "stage": "fetch"}
    assert {"jpeg blocks", "damage", "noise"} <= {post["stage"] for post in posts}
    fractions = [post["progress"] for post in posts]
    assert fractions == sorted(fractions)
    assert all(0 <= fraction <= 1 for fraction in fractions)
    assert all(at <= answered for at, _ in site.posts)


@pytest.mark.usefixtures("to_the_last")
def test_posts_are_at_most_two_a_second_beside_the_first_of_each_stage(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now))
    with progress.posting(f"{site.url}/progress") as report:
        for step in range(200):
            now = step / 100
            report(step / 200, "noise")
        report(1.0, "colour")
        until(lambda: len(site.posts) >= 5)
    assert [post["stage"] for _, post in site.posts] == [*["noise"] * 4, "colour"]


@pytest.mark.parametrize("seconds", [3.0, 90.0])
def test_nothing_is_posted_in_the_last_second(
    site: Site, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    """Work that looks as if it took so long in all, told about at three moments."""
    moment = [1000.0]
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: moment[0]))
    with progress.posting(f"{site.url}/progress") as report:
        for left, stage in ((seconds, "one"), (1.01, "two"), (0.99, "three")):
            moment[0] = 1000.0 + seconds - left
            report(1 - left / seconds, stage)
        moment[0] = 2000.0
        report(0.5, "slower than it looked")
        until(lambda: len(site.posts) >= 3)
    assert [post["stage"] for _, post in site.posts] == ["one", "two", "slower than it looked"]


@pytest.mark.usefixtures("to_the_last")
def test_what_is_still_queued_at_the_end_is_dropped(site: Site) -> None:
    site.hold = hold = threading.Event()
    report: Any

    def answer_once_it_closes() -> None:
        report.__self__._closed.wait()
        hold.set()

    with progress.posting(f"{site.url}/progress") as report:
        report(0.0, "one")
        until(lambda: len(site.posts) == 1)
        report(0.5, "two")
        report(0.9, "three")
        threading.Thread(target=answer_once_it_closes).start()
    assert hold.is_set()
    assert [post["stage"] for _, post in site.posts] == ["one"]


def test_a_receiver_that_fails_does_not_break_the_restore_and_is_logged_once(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.status = 500
    data = base64.b64encode((SAMPLES / "portrait-1961.jpg").read_bytes()).decode()
    answer = handler(job(image_base64=data, progress_url=f"{site.url}/progress"))
    assert "image_base64" in answer
    assert len(site.posts) > 1
    assert caplog.text.count("Progress could not be posted") == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "ftp://a/", "nonsense", 7, "http://["])
def test_a_wrong_progress_address_does_not_break_the_restore(url: object) -> None:
    assert "image_base64" in handler(job(image_base64=small(), progress_url=url))


def test_a_callback_hears_what_is_posted(site: Site) -> None:
    heard: list[tuple[float, str]] = []
    run(
        job(image_base64=small(), progress_url=f"{site.url}/progress"),
        lambda fraction, stage: heard.append((fraction, stage)),
    )
    assert heard[0] == (0.0, "fetch")
    assert {post["stage"] for _, post in site.posts} <= {stage for _, stage in heard}
    assert list(dict.fromkeys(stage for _, stage in heard))[1:] == [
        name for name, _, _ in pipeline.STAGES
    ]


def test_a_callback_that_fails_is_answered_with_an_error() -> None:
    def broken(fraction: float, stage: str) -> None:
        raise ValueError

    assert "error" in run(job(image_base64=small()), broken)


def test_handlers_run_beside_each_other() -> None:
    answers: list[dict[str, Any]] = []
    data = base64.b64encode((SAMPLES / "astronaut.jpg").read_bytes()).decode()
    threads = [
        threading.Thread(target=lambda: answers.append(handler(job(image_base64=data))))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({answer["image_base64"] for answer in answers}) == 1


def test_an_upside_down_photo_is_turned_and_loses_its_exif() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn right
    exif[0x010F] = "Maker"
    exif.get_ifd(0x8825)[1] = "N"  # GPS
    answer = handler(
        job(image_base64=encoded(Image.fromarray(pictures.gradient(40, 60)), "JPEG", exif=exif))
    )
    assert (answer["width"], answer["height"]) == (40, 60)
    assert not opened(answer).getexif()
    assert b"Maker" not in base64.b64decode(answer["image_base64"])


def test_the_model_name_is_the_one_that_is_published() -> None:
    assert handler_module.MODEL == "photorestore-cpu 1"


def until(true: Any) -> None:
    """Wait for a fact that another thread brings about; fail after a while."""
    deadline = time.monotonic() + DEADLINE
    while not true():
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)


def test_a_transparent_picture_comes_back_as_png_with_its_transparency() -> None:
    pixels = np.dstack([pictures.gradient(40, 60), np.full((40, 60), 128, np.uint8)])
    pixels[:20, :, 3] = 0
    answer = handler(job(image_base64=encoded(Image.fromarray(pixels)), scale=2))
    assert answer["format"] == "png"
    alpha = np.asarray(opened(answer).getchannel("A"))
    assert alpha.shape == (80, 120)
    assert (alpha[0, 0], alpha[-1, -1]) == (0, 128)
