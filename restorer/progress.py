"""Posts a job's progress to an address, in order, from a thread that never delays the work."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx2

logger = logging.getLogger(__name__)

Progress = Callable[[float, str], None]  # fraction of the work done 0..1, name of the stage

SECONDS_BETWEEN_POSTS = 0.5
# None is sent when less than that is left, as far as one can tell: it would only meet the result.
SECONDS_BEFORE_END = 1.0
TIMEOUT = httpx2.Timeout(2.0)


@contextmanager
def posting(url: str | None) -> Iterator[Progress]:
    """Yield a callback that posts {"progress", "stage"} to url; nothing is sent once it is left."""
    if not url or not url.lower().startswith(("http://", "https://")):
        yield _ignore
        return
    poster = _Poster(url)
    try:
        yield poster.report
    finally:
        poster.close()


def _ignore(fraction: float, stage: str) -> None:
    pass


class _Poster:
    """One thread, one connection, one queue: reports arrive in the order they were made."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._reports: queue.SimpleQueue[dict[str, object] | None] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._last = (-SECONDS_BETWEEN_POSTS, "")
        self._started = time.monotonic()
        self._thread = threading.Thread(target=self._send_all, daemon=True)
        self._thread.start()

    def report(self, fraction: float, stage: str) -> None:
        """Queue a post if the stage is new or half a second has passed since the last one.

        None in the last second: the work that is left takes as long as that done so far, by parts.
        """
        now = time.monotonic()
        last, last_stage = self._last
        if (now - self._started) * (1 - fraction) < SECONDS_BEFORE_END * fraction:
            return
        if stage == last_stage and now - last < SECONDS_BETWEEN_POSTS:
            return
        self._last = (now, stage)
        self._reports.put({"progress": round(fraction, 3), "stage": stage})

    def close(self) -> None:
        """Drop what is queued and wait for the post under way, so that none follows the result."""
        self._closed.set()
        self._reports.put(None)
        self._thread.join()

    def _send_all(self) -> None:
        with httpx2.Client(timeout=TIMEOUT) as client:
            failed = False
            while (report := self._reports.get()) is not None and not self._closed.is_set():
                failed = not self._sent(client, report, quiet=failed) or failed

    def _sent(self, client: httpx2.Client, report: dict[str, object], *, quiet: bool) -> bool:
        """Post one report; a failure is logged unless quiet, and never raised."""
        try:
            client.post(self._url, json=report).raise_for_status()
        except Exception as error:  # a lost report costs nothing, a dead thread all the later ones
            if not quiet:
                logger.warning("Progress could not be posted: %s", type(error).__name__)
            return False
        return True
