"""honcho's manager, made sure of: whatever is killed, nothing is left behind and nothing unseen."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from contextlib import suppress
from datetime import datetime
from typing import Any

import honcho.manager
import honcho.process
from honcho.printer import Message

# Seconds between a polite request to stop and a forced one; all must be gone within five.
honcho.manager.KILL_WAIT = 3

_LOOK = 0.5  # seconds between two looks at honcho's own processes
_PR_SET_PDEATHSIG = 1  # prctl(2)
_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Process(honcho.process.Process):  # type: ignore[misc]
    """honcho's process beside each of ours: ends with the manager, and ours ends with it."""

    def run(self, *arguments: Any, **options: Any) -> None:
        """Run the command, deaf to what stops it, and end with whoever started us."""
        for number in _STOPS:
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
        die_with_parent()
        self._child_ctor = _popen
        super().run(*arguments, **options)


def _popen(*arguments: Any, **options: Any) -> Any:
    return honcho.process.Popen(*arguments, preexec_fn=_begin, **options)


def _begin() -> None:
    """Give the command the signals as they are by default; exec would keep them ignored."""
    for number in _STOPS:
        signal.signal(number, signal.SIG_DFL)
    die_with_parent()


def die_with_parent() -> None:
    """Ask the kernel for SIGKILL when the parent dies; elsewhere than on Linux nobody does."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Manager(honcho.manager.Manager):  # type: ignore[misc]
    """Stops at any moment, and notices when one of honcho's own processes is killed."""

    def __init__(self, printer: Any) -> None:
        super().__init__(printer)
        self._process_ctor = Process
        self._stop_wanted = False

    def _start(self) -> None:
        # A child that hears a stop before it is itself would take it for the manager's.
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
        super()._start()
        # Only now: a process with threads had better not fork.
        threading.Thread(target=self._watch, daemon=True).start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)

    def terminate(self) -> None:
        """Stop all processes, those that are just being started as soon as they are there."""
        self._stop_wanted = True
        if super()._all_started():
            super().terminate()

    def _all_started(self) -> bool:
        started: bool = super()._all_started()
        if started and self._stop_wanted:
            super().terminate()
        return started

    def _watch(self) -> None:
        gone: set[str] = set()
        while len(gone) < len(self._processes):
            for name, process in self._processes.items():
                beside = process.get("process")
                if name not in gone and beside and beside.pid and not beside.is_alive():
                    gone.add(name)
                    if beside.exitcode:
                        self._report(name, beside.exitcode, process.get("pid"))
            threading.Event().wait(_LOOK)

    def _report(self, name: str, status: int, pid: int | None) -> None:
        """Say what the killed process would have said at its end, and end its command."""
        if pid:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        message = {"type": "stop", "data": {"returncode": status}, "name": name}
        self.events.put(Message(time=datetime.now(), colour=None, **message))  # noqa: DTZ005
