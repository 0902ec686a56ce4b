"""The client of every comparison, written in C, and what it answers."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from .processes import FOLDER, OTHER_CORE, die_with_us
from .wire import Post

SOURCE = Path(__file__).with_name("client.c")
BINARY = FOLDER / "client"
_SHORTEST = 0.2  # seconds


class ClientError(Exception):
    """The client could not be made, or ended."""


@dataclass(frozen=True)
class Quantiles:
    """Of a measurement's milliseconds."""

    p50: float
    p95: float
    p99: float
    max: float


@dataclass(frozen=True)
class Effort:
    """How much of its core the client took, and how much of it was taken by anybody."""

    client_share: float
    core_share: float


@dataclass(frozen=True)
class Opened:
    """What came of opening streams."""

    asked: int
    open: int
    refused_status: int
    seconds: float
    per_second: float
    open_ms: Quantiles
    effort: Effort


@dataclass(frozen=True)
class Published:
    """What came of posts. `lost`: acknowledged, and never read by a stream that should."""

    posted: int
    acked: int
    refused_status: int
    lost: int
    per_second: float
    latency_ms: Quantiles
    first_ms: Quantiles
    last_ms: Quantiles
    effort: Effort


@dataclass(frozen=True)
class Drained:
    """How streams ended: `seconds` until the last that did, `open` that did not."""

    clean: int
    broken: int
    open: int
    seconds: float


def build() -> None:
    """Compile the client where it is older than its source. Raises ClientError."""
    if BINARY.exists() and BINARY.stat().st_mtime > SOURCE.stat().st_mtime:
        return
    compiler = shutil.which("cc")
    if compiler is None:
        raise ClientError("The client is written in C, and here is no compiler: apt install gcc")
    command = [compiler, "-O2", "-Wall", "-Wextra", "-o", str(BINARY), str(SOURCE)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise ClientError(f"The client does not compile:\n{answer.stderr}")


class Client:
    """A running client. Its streams stay open until they are told to leave."""

    def __init__(self, port: int, *, patience: float = 5.0) -> None:
        self._patience = patience  # seconds of quiet after which what is awaited is lost
        self._process = subprocess.Popen(
            [str(BINARY), str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=die_with_us,
        )

    def open(
        self, requests: Sequence[bytes], *, at_once: int, mark: str = "", within: float = 120.0
    ) -> Opened:
        """Open a stream for each request, so many in flight, each until the mark or a byte."""
        answer, effort = self._say(f"open {_streams(requests)} {at_once} {within} {mark}")
        return Opened(
            asked=answer["asked"],
            open=answer["open"],
            refused_status=answer["refused_status"],
            seconds=answer["seconds"],
            per_second=answer["per_second"],
            open_ms=_quantiles(answer["open_ms"]),
            effort=effort,
        )

    def publish_at_rate(self, posts: Sequence[Post], *, rate: int, seconds: float) -> Published:
        """Post in turn, so many a second, whether or not the ones before are through."""
        return self._publish(posts, f"rate {rate} 0 {seconds}")

    def publish_at_once(
        self, posts: Sequence[Post], *, at_once: int, seconds: float, count: int = 0
    ) -> Published:
        """Post in turn with so many in flight, for so many seconds or a number of posts."""
        return self._publish(posts, f"at_once {at_once} {count} {seconds}")

    def publish_one_by_one(self, posts: Sequence[Post], *, count: int) -> Published:
        """Post in turn, each when everybody has read the one before it."""
        return self._publish(posts, f"one_by_one 1 {count} 60")

    def abandon(self, requests: Sequence[bytes], *, at_once: int, microseconds: int) -> int:
        """Ask for each stream and reset it before its first byte; return how many times so."""
        answer, _ = self._say(f"abandon {_streams(requests)} {at_once} {microseconds}")
        return int(answer["before_first_byte"])

    def hold(self, seconds: float) -> int:
        """Read what comes for so long; return how many times something came."""
        return int(self._say(f"hold {seconds}")[0]["reads"])

    def drain(self, seconds: float) -> Drained:
        """Wait until the server has ended every stream."""
        answer, _ = self._say(f"drain {seconds}")
        return Drained(answer["clean"], answer["broken"], answer["open"], answer["seconds"])

    def reset(self) -> None:
        """Leave all streams with a TCP reset."""
        self._say("reset")

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()

    def _publish(self, posts: Sequence[Post], plan: str) -> Published:
        answer, effort = self._say(f"publish {_posts(posts)} {plan} {self._patience}")
        return Published(
            posted=answer["posted"],
            acked=answer["acked"],
            refused_status=answer["refused_status"],
            lost=answer["lost"],
            per_second=answer["per_second"],
            latency_ms=_quantiles(answer["latency_ms"]),
            first_ms=_quantiles(answer["first_ms"]),
            last_ms=_quantiles(answer["last_ms"]),
            effort=effort,
        )

    def _say(self, command: str) -> tuple[dict[str, Any], Effort]:
        assert self._process.stdin
        assert self._process.stdout
        before = psutil.cpu_times(percpu=True)[OTHER_CORE]
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise ClientError(f"The client ended at: {command}")
        answer: dict[str, Any] = json.loads(line)
        busy = _busy(before, psutil.cpu_times(percpu=True)[OTHER_CORE])
        return answer, Effort(answer["client_share"], busy)


def _busy(before: Any, after: Any) -> float:
    """Return the busy share of a core; 0 where too little passed to tell, by ticks of 10 ms."""
    passed = sum(after) - sum(before)
    idle = after.idle + after.iowait - before.idle - before.iowait
    return 1 - idle / passed if passed > _SHORTEST else 0.0


def _quantiles(found: dict[str, float] | None) -> Quantiles:
    return Quantiles(**found) if found else Quantiles(0, 0, 0, 0)


def _streams(requests: Sequence[bytes]) -> Path:
    path = FOLDER / "streams"
    path.write_bytes(b"".join(b"%d\n%b" % (len(request), request) for request in requests))
    return path


def _posts(posts: Sequence[Post]) -> Path:
    path = FOLDER / "posts"
    path.write_bytes(
        b"".join(
            b"%d %d %b\n%b" % (post.stream, len(post.request), post.mark.encode(), post.request)
            for post in posts
        )
    )
    return path
