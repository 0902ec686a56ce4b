"""The whole system as `make run` starts it, in processes of its own."""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests.services import PATIENCE

ROOT = Path(__file__).resolve().parent.parent.parent
SERVED = "PhotoRestore is at "


class System:
    """A running `python -m photorestore.local`: its output by line, its processes by name."""

    def __init__(self, *arguments: str, env: dict[str, str]) -> None:
        command = [sys.executable, "-m", "photorestore.local", *arguments]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            # All accounts of all tests are made from one address.
            env=clean_environment() | {"ACCOUNTS_SIGN_UPS": "10000"} | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self._queue: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._queue.put(line.rstrip("\n"))
        self.process.stdout.close()
        self._queue.put(None)

    def wait_for(self, text: str, *, within: float = PATIENCE) -> str:
        """Return the first new line that has the text; AssertionError with the output otherwise."""
        until = time.monotonic() + within
        while (left := until - time.monotonic()) > 0:
            try:
                line = self._queue.get(timeout=left)
            except queue.Empty:
                break
            if line is None:
                break
            self.lines.append(line)
            if text in line:
                return line
        raise AssertionError(f"{text!r} never came. Output:\n" + "\n".join(self.lines))

    def site(self) -> str:
        """Wait until the site is served and return its address."""
        return self.wait_for(SERVED).partition(SERVED)[2].strip()

    def descendants(self) -> list[psutil.Process]:
        """Return every process that was started for it."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def part(self, pattern: str) -> psutil.Process:
        """Return its process whose command line matches."""
        commands = self.commands()
        found = [process for process, command in commands.items() if re.search(pattern, command)]
        assert len(found) == 1, commands
        return found[0]

    def commands(self) -> dict[psutil.Process, str]:
        """Return the command line of each, but of those that are just ending."""
        found = {}
        for process in self.descendants():
            with suppress(psutil.NoSuchProcess):
                found[process] = " ".join(process.cmdline())
        return found

    def finish(self, *, within: float = PATIENCE) -> int:
        """Wait for its end, gather the rest of its output, and return the exit status."""
        status = self.process.wait(timeout=within)
        self._reader.join(timeout=within)
        while not self._queue.empty():
            line = self._queue.get()
            if line is not None:
                self.lines.append(line)
        return status

    def stop(self) -> None:
        """Stop it, whatever state it is in."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.finish()


def clean_environment() -> dict[str, str]:
    """Return the environment of somebody who has set nothing."""
    ours = re.compile(
        "SECRET_KEY|DEBUG|ALLOWED_HOSTS|PORT$|PUBLIC_URL|DATABASE_URL|REDIS_URL|MEDIA_ROOT|RUNPOD_"
        "|EVENTS_|METRICS_|LOCAL_ENDPOINT_|RESTORER_|CORS_|API_|ACCOUNTS_|EMAIL_|FORWARDED_ALLOW_IPS"
        "|WEBHOOKS_"
        "|DJANGO_SETTINGS_MODULE|PHOTO$|COV_"
    )
    return {name: value for name, value in os.environ.items() if not ours.match(name)}


@contextmanager
def running(*arguments: str, **env: str) -> Iterator[System]:
    """Run the system while the context lasts."""
    system = System(*(arguments or ("run",)), env=env)
    try:
        yield system
    finally:
        system.stop()


def manage(env: dict[str, str], *arguments: str) -> str:
    """Return what `manage.py` prints for the arguments."""
    command = [sys.executable, "manage.py", *arguments]
    answer = subprocess.run(
        command, cwd=ROOT, env=clean_environment() | env, capture_output=True, text=True, check=True
    )
    assert answer.stderr == ""
    return answer.stdout.strip()


def create_token(env: dict[str, str]) -> str:
    """Return what `manage.py create_token demo` prints."""
    return manage(env, "create_token", "demo")


def left(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Return those that still run. A zombie has ended, and waits for init to take note."""
    return [process for process in processes if _runs(process)]


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False  # gone between the two
