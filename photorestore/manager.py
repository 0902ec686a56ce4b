"""honcho's manager, made sure of: whatever is killed, nothing is left behind and nothing unseen."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import suppress
from time import monotonic
from typing import Any

import honcho.manager
import honcho.process

# Seconds between a polite request to stop and a forced one; all must be gone within five.
honcho.manager.KILL_WAIT = 3

_LAST_WAIT = 1.0  # seconds after that, until honcho's own processes go too
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
    """Stops at any moment, whatever of honcho's own processes is killed.

    They tell of theirs through one queue, and one that is killed may leave that locked for all.
    """

    returncode: Any = None

    def __init__(self, printer: Any) -> None:
        super().__init__(printer)
        self._process_ctor = Process
        self._stop_wanted = False
        self._end: float | None = None  # when all have to be gone, once one is or a stop is wanted

    def _start(self) -> None:
        # A child that hears a stop before it is itself would take it for the manager's.
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
        super()._start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)

    def terminate(self) -> None:
        """Stop all processes, those that are just being started as soon as they are there."""
        self._stop_wanted = True
        if self._are_known():
            super().terminate()

    def _all_started(self) -> bool:
        """Tell it to honcho, which asks ten times a second, and see to what that would miss."""
        self._note_the_dead()
        self._end_in_time()
        started = self._are_known()
        if started and self._stop_wanted:
            super().terminate()
        return started

    def _are_known(self) -> bool:
        """Tell whether each process has been started, or has failed to."""
        return all(each.get("pid") or "returncode" in each for each in self._processes.values())

    def _note_the_dead(self) -> None:
        for name, each in self._processes.items():
            beside = each.get("process")
            if "returncode" not in each and beside and beside.exitcode:
                self._note(name, each)

    def _note(self, name: str, each: dict[str, Any]) -> None:
        """Say what the killed process would have said at its end, and end its command."""
        if each.get("pid"):
            with suppress(ProcessLookupError):
                os.killpg(each["pid"], signal.SIGKILL)
        status = each["returncode"] = each["process"].exitcode
        if self.returncode is None:
            self.returncode = status
        self._system_print(f"{name} stopped (rc={status})\n")

    def _end_in_time(self) -> None:
        if self._end is None and (self._stop_wanted or self._any_stopped()):
            self._end = monotonic() + honcho.manager.KILL_WAIT + _LAST_WAIT
        if self._end is not None and monotonic() > self._end:
            self._kill_the_rest()

    def _kill_the_rest(self) -> None:
        """Kill what is left, with honcho's own processes, whose ends nobody has to tell of."""
        for each in self._processes.values():
            if "returncode" not in each and "process" in each:
                each["process"].kill()
