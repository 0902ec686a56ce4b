"""Follows the stream argv[1] by httpx-sse, which comes back with the last id until 204 stops it."""

from __future__ import annotations

import os
import sys
import time

import httpx
from httpx_sse import connect_sse


def main(url: str) -> None:
    """Follow the stream to its end."""
    headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
    with httpx.Client(headers=headers, timeout=180, trust_env=False) as client:
        while follow(client, url) != httpx.codes.NO_CONTENT:
            time.sleep(0.1)


def follow(client: httpx.Client, url: str) -> int:
    """Read one response, and return its status; 0 for none."""
    try:
        with connect_sse(client, "GET", url) as source:
            if source.response.status_code == httpx.codes.OK:
                # A `retry:` alone is no event, but to httpx-sse.
                for event in filter(lambda event: event.data, source.iter_sse()):
                    client.headers["Last-Event-ID"] = event.id
                    sys.stdout.write(f"{event.id} {event.event}\n")
                    sys.stdout.flush()
            return source.response.status_code
    except httpx.ConnectError:
        return 0


if __name__ == "__main__":
    main(sys.argv[1])
