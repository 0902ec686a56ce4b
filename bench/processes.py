"""Servers: started on one core, measured, and ended whatever happens."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "var" / "bench"
# The server has a core of its own; client, broker and database share the other.
SERVER_CORE, OTHER_CORE = 0, 1
_QUIET = 0.03  # of a core, below which a server does nothing more
# Its input ends when nobody is left who could write to it.
_WATCHER = """
import os, signal, sys
from contextlib import suppress
watched = os.pidfd_open(int(sys.argv[1]))
sys.stdin.read()
with suppress(ProcessLookupError):
    signal.pidfd_send_signal(watched, signal.SIGQUIT)
"""
_watchers: dict[int, subprocess.Popen[bytes]] = {}  # by the process that each watches


class ServerError(Exception):
    """A server did not start, or ended."""


class Server:
    """A server's process and all that it has started."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], port: int) -> None:
        self.port = port
        self._log = FOLDER / "server.log"
        with self._log.open("wb") as log:
            self._root = psutil.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_alone,
            )

    def wait_until_it_listens(self, *, within: float = 30.0) -> None:
        """Wait for its port. Raises ServerError with its last words."""
        wait_for(lambda: self._listens() or self.is_gone(), within=within)
        if not self._listens():
            words = self._log.read_text(errors="replace")[-2000:]
            raise ServerError(f"The server does not listen.\n{words}")

    def memory(self) -> float:
        """Return KiB in use: each page shared with other processes by its part (PSS)."""
        return sum(_memory(process) for process in self._processes())

    def threads(self) -> int:
        """Return the number of its threads."""
        return sum(int(process.num_threads()) for process in self._processes())

    def files(self) -> int:
        """Return the number of its open files and sockets."""
        return sum(int(process.num_fds()) for process in self._processes())

    def cpu_seconds(self) -> float:
        """Return the processor time that it has taken so far."""
        times = [process.cpu_times() for process in self._processes()]
        return float(sum(time.user + time.system for time in times))

    def settle(self, *, within: float = 20.0) -> None:
        """Wait until it has nothing more to do."""
        until = time.monotonic() + within
        while time.monotonic() < until:
            before = self.cpu_seconds()
            time.sleep(0.3)
            if self.cpu_seconds() - before < 0.3 * _QUIET:
                return

    def terminate(self) -> None:
        """Send SIGTERM, as a deploy does."""
        self._root.send_signal(signal.SIGTERM)

    def is_gone(self) -> bool:
        """Tell whether its process has ended."""
        return self._root.poll() is not None

    def stop(self) -> None:
        """End all of it, now: its session is its own, and whatever it has started is in that."""
        with suppress(ProcessLookupError):
            os.killpg(self._root.pid, signal.SIGKILL)
        psutil.wait_procs(self._processes(), timeout=10)
        self._root.wait()

    def _listens(self) -> bool:
        """Tell whether it is this server, and no other, that has the port."""
        return any(
            each.status == psutil.CONN_LISTEN and each.laddr.port == self.port
            for process in self._processes()
            for each in _connections(process)
        )

    def _processes(self) -> list[psutil.Process]:
        try:
            return [self._root, *self._root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []


def _connections(process: psutil.Process) -> list[Any]:
    with suppress(psutil.NoSuchProcess):
        return process.net_connections("tcp4")
    return []


def free_port() -> int:
    """Return a TCP port that nobody uses at the moment, below those that clients are given."""
    for port in range(24000, 25000):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise ServerError("No port between 24000 and 25000 is free.")


def wait_for(condition: Callable[[], bool], *, within: float) -> bool:
    """Wait until the condition holds; False where it does not in so many seconds."""
    until = time.monotonic() + within
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def die_with_us() -> None:
    """Ask Linux for SIGKILL when this run is killed; PR_SET_PDEATHSIG of prctl(2)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def end_with_us(pid: int | None) -> None:
    """Have the process end when this one has, however that ends, though it is no child of ours.

    PostgreSQL's first process is none: pg_ctl has started it. SIGQUIT ends it without ado.
    """
    if sys.platform == "linux" and pid and pid not in _watchers:
        command = [sys.executable, "-c", _WATCHER, str(pid)]
        # A session of its own: what stops all of ours does not stop it.
        watcher = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
        _watchers[pid] = watcher


def _alone() -> None:
    die_with_us()
    os.sched_setaffinity(0, {SERVER_CORE})


def _memory(process: psutil.Process) -> float:
    full = process.memory_full_info()
    return float(getattr(full, "pss", full.rss)) / 1024
