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


class Process(honcho.process.Process):  # type: ignore[misc]
    """honcho's process beside each of ours: ends with the manager, and ours ends with it."""

    def run(self, *arguments: Any, **options: Any) -> None:
        """Run the command, and end with whoever started us."""
        _die_with_parent()
        self._child_ctor = _popen
        super().run(*arguments, **options)


def _popen(*arguments: Any, **options: Any) -> Any:
    return honcho.process.Popen(*arguments, preexec_fn=_die_with_parent, **options)


def _die_with_parent() -> None:
    """Ask the kernel for SIGKILL when the parent dies; elsewhere than on Linux nobody does."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Manager(honcho.manager.Manager):  # type: ignore[misc]
    """Notices, too, when one of honcho's own processes is killed, which tells nobody."""

    def __init__(self, printer: Any) -> None:
        super().__init__(printer)
        self._process_ctor = Process

    def _start(self) -> None:
        super()._start()
        # Only now: a process with threads had better not fork.
        threading.Thread(target=self._watch, daemon=True).start()

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
