# /// script
# dependencies = ["httpx", "httpx-sse"]
# ///
"""Restores a photo and writes the result beside it: python restore.py old.jpg"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from httpx_sse import ServerSentEvent, connect_sse

SITE = os.environ.get("PHOTORESTORE_URL", "http://127.0.0.1:8000")
PAUSE = 3  # seconds before coming back, as the server asks for


def main(path: Path) -> None:
    """Upload the photo, follow its job, fetch the result."""
    headers = {"Authorization": f"Bearer {os.environ['PHOTORESTORE_TOKEN']}"}
    with httpx.Client(base_url=SITE, headers=headers, timeout=60) as client:
        job = upload(client, path)
        for event in events(client, job["events_url"]):
            job = event.json()
            print(event.event, job["progress"], flush=True)
        if job["status"] != "completed":
            sys.exit(job["error"]["message"])
        print(fetch(client, job["restore"], path))


def upload(client: httpx.Client, path: Path) -> Any:
    """Return the new job."""
    with path.open("rb") as photo:
        answer = client.post("/api/v1/photos", files={"image": photo}, data={"restore": "true"})
    if answer.is_error:
        sys.exit(answer.json()["detail"])
    return answer.json()["job"]


def events(client: httpx.Client, url: str) -> Iterator[ServerSentEvent]:
    """Yield each event once, and come back with the last id until nothing more will come: 204."""
    last = ""
    while True:
        try:
            with connect_sse(client, "GET", url, headers={"Last-Event-ID": last}) as source:
                if source.response.status_code == httpx.codes.NO_CONTENT:
                    return
                if source.response.is_client_error:
                    source.response.raise_for_status()
                # What is no stream, such as a proxy's 502, is a TransportError of httpx-sse's.
                # A `retry:` alone is no event, but to httpx-sse.
                for event in filter(lambda event: event.data, source.iter_sse()):
                    last = event.id
                    yield event
        except httpx.TransportError:
            pass  # the server is away, or is being restarted, or the line was silent
        time.sleep(PAUSE)


def fetch(client: httpx.Client, restore: Any, path: Path) -> Path:
    """Write the result beside the photo."""
    result = path.with_name(f"{path.name}.restored.{restore['format'].lower()}")
    result.write_bytes(client.get(restore["image_url"]).raise_for_status().content)
    return result


if __name__ == "__main__":
    if len(sys.argv) != 2 or "PHOTORESTORE_TOKEN" not in os.environ:
        sys.exit("Say which photo: PHOTORESTORE_TOKEN=pr_… python restore.py old.jpg")
    main(Path(sys.argv[1]))
