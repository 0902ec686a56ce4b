"""A client of the public API, as anybody could write it: uploads a photo, follows its events."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2

from .environment import given

_BAR = 24  # characters
_PATIENCE = 300.0  # seconds for the site to answer for the first time; a machine may be slow


def main(arguments: list[str]) -> int:
    """Restore the sample and stay, or restore a photo into a folder; return the exit status."""
    command, *rest = arguments
    if command == "welcome":
        return welcome(*rest)
    return restore(Path(rest[0]), Path(rest[1]))


def welcome(sample: str | None = None) -> int:
    """Restore the sample, if there is one, say where the site is, and wait to be stopped."""
    with _client() as client:
        _wait(client)
        if sample:
            _say(f"Restoring a sample, {Path(sample).name}, through the public API:")
            follow(client, Path(sample))
    _say("")
    _say(f"PhotoRestore is at {given('PUBLIC_URL', _site())}")
    if password := os.environ.get("DEMO_PASSWORD"):
        _say(f"Sign in as demo with the password {password}, or sign up. Ctrl-C stops everything.")
    signal.pause()
    return 0


def restore(photo: Path, folder: Path) -> int:
    """Restore the photo, write the result into the folder and print its path."""
    with _client() as client:
        _wait(client)
        job = follow(client, photo)
        if job["status"] != "completed":
            return 1
        answer = client.get(job["restore"]["image_url"]).raise_for_status()
    extension = {"image/png": "png"}.get(answer.headers["Content-Type"], "jpg")
    path = folder / f"{photo.stem}-restored.{extension}"
    path.write_bytes(answer.content)
    _say(str(path))
    return 0


def follow(client: httpx2.Client, photo: Path) -> dict[str, Any]:
    """Upload the photo, print each event of its job, then the figures; return the last snapshot."""
    started = time.monotonic()
    # A file's name may be bytes that are no text.
    name = photo.name.encode(errors="replace").decode()
    with photo.open("rb") as file:
        form = {"restore": "true", "title": Path(name).stem[:200]}
        answer = client.post("/api/v1/photos", files={"image": (name, file)}, data=form)
    created = answer.raise_for_status().json()
    snapshot, heard, streams = _last(client, created["events_url"])
    if snapshot["status"] == "completed":
        _figures(snapshot, heard, time.monotonic() - started, calls=1 + streams)
    else:
        error = snapshot["error"] or {"message": snapshot["status"]}
        _say(f"  No result: {error['message']}")
    return snapshot


def _last(client: httpx2.Client, events_url: str) -> tuple[dict[str, Any], datetime, int]:
    """Follow the stream to its end; return the last snapshot, when it came, and the connections.

    A stream may end early (a deploy, a lost connection): one comes back with the last id.
    """
    last_event_id, snapshot, streams = "0", None, 0
    while True:
        streams += 1
        headers = {"Accept": "text/event-stream", "Last-Event-ID": last_event_id}
        try:
            with client.stream("GET", events_url, headers=headers) as answer:
                answer.raise_for_status()
                for event in httpx2.EventSource(answer):
                    heard = datetime.now(UTC)
                    if not event.data:
                        continue
                    last_event_id, snapshot = event.id or last_event_id, json.loads(event.data)
                    _show(event.event, snapshot)
                    if snapshot.get("finished_at"):
                        return snapshot, heard, streams
        except httpx2.TransportError:
            _say("  The stream broke off; coming back with the last id.")
        time.sleep(1)


def _show(event: str, snapshot: dict[str, Any]) -> None:
    percent = snapshot.get("progress", 0)
    filled = round(percent / 100 * _BAR)
    bar = "█" * filled + "░" * (_BAR - filled)
    _say(f"  {bar} {percent:3d} %  {event:<10} {snapshot.get('stage') or ''}".rstrip())


def _figures(snapshot: dict[str, Any], heard: datetime, seconds: float, *, calls: int) -> None:
    finished = datetime.fromisoformat(snapshot["finished_at"].replace("Z", "+00:00"))
    delay = max((heard - finished).total_seconds(), 0) * 1000
    size = snapshot["restore"]
    _say(f"  Restored to {size['width']} × {size['height']} pixels.")
    _say(f"  API calls made      {calls} (an upload, a stream)")
    _say(f"  upload to result    {seconds:.2f} s")
    _say(f"  webhook to event    {delay:.0f} ms")


def _client() -> httpx2.Client:
    token = os.environ.get("DEMO_TOKEN")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    timeout = httpx2.Timeout(60.0, read=None)
    # The site is on this machine: no proxy of the environment's stands between.
    return httpx2.Client(base_url=_site(), headers=headers, timeout=timeout, trust_env=False)


def _site() -> str:
    return f"http://127.0.0.1:{os.environ['PORT']}"


def _wait(client: httpx2.Client) -> None:
    """Wait until the site answers; TransportError if it does not in time."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            client.get("/accounts/sign-in/", timeout=10)
        except (httpx2.NetworkError, httpx2.RemoteProtocolError, httpx2.TimeoutException):
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return


def _say(line: str) -> None:
    sys.stdout.buffer.write(line.encode(errors="backslashreplace") + b"\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
