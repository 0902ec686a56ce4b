"""RunPod's own worker loop runs the image's command: it takes jobs, and posts what we return."""

from __future__ import annotations

import base64
import io
import signal
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from PIL import Image

from tests.restorer.endpoint import Endpoint, Json, Receiver
from tests.services import PATIENCE

from . import image
from .conftest import ROOT, Judges
from .worker_face import WorkerFace

PHOTO = base64.b64encode((ROOT / "restorer" / "samples" / "rocket.jpg").read_bytes()).decode()


@pytest.fixture(scope="module")
def face() -> Iterator[WorkerFace]:
    face = WorkerFace()
    thread = threading.Thread(target=face.serve_forever, args=(0.01,))
    thread.start()
    yield face
    face.shutdown()
    thread.join()
    face.server_close()


@pytest.fixture(scope="module")
def endpoint(
    face: WorkerFace, judges: Judges, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Endpoint]:
    """An endpoint whose worker is a process of the image's command."""
    folder = tmp_path_factory.mktemp("worker")
    image.build(folder)
    log = (folder / "log").open("w")
    command = [str(judges.python), *image.command()[1:]]
    worker = subprocess.Popen(command, cwd=folder, env=face.environment(), stdout=log, stderr=log)
    endpoint = Endpoint(face.handle_job)
    yield endpoint
    endpoint.close()
    worker.send_signal(signal.SIGTERM)
    worker.wait(PATIENCE)
    log.close()


def ended(endpoint: Endpoint, **input: Any) -> Json:
    answer = endpoint.http.post("/runsync", json={"input": input}, timeout=PATIENCE)
    return dict(answer.json())


def test_a_photo_is_restored(endpoint: Endpoint) -> None:
    report = ended(endpoint, image_base64=PHOTO)
    assert report["status"] == "COMPLETED", report
    picture = Image.open(io.BytesIO(base64.b64decode(report["output"]["image_base64"])))
    assert picture.size == (report["output"]["width"], report["output"]["height"]) == (640, 427)
    assert [set(stage) for stage in report["output"]["stages"]] == [{"name", "seconds", "note"}] * 6


def test_an_error_fails_the_job_with_its_sentence_alone(endpoint: Endpoint) -> None:
    report = ended(endpoint, image_base64=PHOTO, scale=3)
    assert (report["status"], report["error"]) == ("FAILED", "The scale must be 1, 2 or 4.")
    assert "output" not in report


def test_the_webhook_hears_of_it(endpoint: Endpoint, receiver: Receiver) -> None:
    endpoint.run({"image_base64": PHOTO}, webhook=receiver.url)
    body = receiver.wait(1)[0]["body"]
    assert body["status"] == "COMPLETED"
    assert body["output"]["format"] == "jpeg"


def test_progress_comes_before_the_result(endpoint: Endpoint, receiver: Receiver) -> None:
    ended(endpoint, image_base64=PHOTO, progress_url=receiver.url)
    posts = [call["body"] for call in receiver.calls]
    assert posts[0] == {"progress": 0.0, "stage": "fetch"}
    assert len(posts) > 1


def test_a_worker_shows_that_it_lives(endpoint: Endpoint, face: WorkerFace) -> None:
    ended(endpoint, image_base64=PHOTO)
    assert face.pinged.wait(20)
    assert "runpod_version" in face.pings[0]


class Bucket(BaseHTTPRequestHandler):
    """Takes what is put."""

    objects: dict[str, bytes] = {}

    def do_PUT(self) -> None:
        """Keep it."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.objects[self.path] = body
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture
def bucket() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bucket)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_picture_may_go_to_a_bucket(endpoint: Endpoint, bucket: str) -> None:
    report = ended(endpoint, image_base64=PHOTO, upload_url=f"{bucket}/results/1?signature=x")
    assert report["output"]["image_url"] == f"{bucket}/results/1"
    assert "image_base64" not in report["output"]
    picture = Image.open(io.BytesIO(Bucket.objects["/results/1?signature=x"]))
    assert picture.size == (640, 427)


def test_nothing_that_a_job_is_stops_the_worker(endpoint: Endpoint) -> None:
    for input in ({}, {"image_base64": 5}, {"image_url": "http://127.0.0.1:1/"}):
        assert ended(endpoint, **input)["status"] == "FAILED"
    assert ended(endpoint, image_base64=PHOTO)["status"] == "COMPLETED"
