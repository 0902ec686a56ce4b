"""What a real uvicorn writes, its access log included."""

from __future__ import annotations

import subprocess
import sys

import httpx2

from tests.services import PATIENCE, wait_for_port

from .system import ROOT, clean_environment

SECRET = "s3cret-_that-nobody-may-read"
CALLS = [
    ("GET", f"/api/v1/events/x?token={SECRET}", "/api/v1/events/x?token=…"),
    # A stream drops its query before anything is logged; other addresses have it blanked.
    ("GET", f"/api/v1/events?%74oken={SECRET}&x=1", "/api/v1/events"),
    ("GET", f"/api/v1/photos?%74oken={SECRET}&x=1", "/api/v1/photos?%74oken=…&x=1"),
    # There is no database here, so that this one ends in a traceback.
    (
        "POST",
        f"/api/v1/webhooks/runpod-completion/{SECRET}",
        "/api/v1/webhooks/runpod-completion/…",
    ),
]


def test_the_access_log_shows_calls_without_their_secrets(own: dict[str, str]) -> None:
    output = output_of_a_server_that_is_called(own)
    for method, _, shown in CALLS:
        assert f'"{method} {shown} HTTP/1.1"' in output
    assert "Traceback" in output
    assert "INFO uvicorn.error: Started server process" in output
    assert SECRET not in output


def test_without_an_access_log_there_is_none(own: dict[str, str]) -> None:
    output = output_of_a_server_that_is_called(own, "--no-access-log")
    assert "runpod-completion/…" in output
    assert "HTTP/1.1" not in output
    assert SECRET not in output


def output_of_a_server_that_is_called(own: dict[str, str], *options: str) -> str:
    command = [sys.executable, "-m", "uvicorn", "photorestore.asgi:application"]
    process = subprocess.Popen(
        [*command, "--lifespan", "off", "--port", own["PORT"], *options],
        cwd=ROOT,
        env=clean_environment() | own,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        wait_for_port(int(own["PORT"]))
        with httpx2.Client(
            base_url=f"http://127.0.0.1:{own['PORT']}", trust_env=False, timeout=PATIENCE
        ) as client:
            for method, path, _ in CALLS:
                client.request(method, path, json={})
    finally:
        process.terminate()
        output, _ = process.communicate(timeout=PATIENCE)
    return output
