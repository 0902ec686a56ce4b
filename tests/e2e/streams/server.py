"""A web server as in production, and a process beside it that writes what its clients get."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.system import ROOT, clean_environment
from tests.services import PATIENCE, free_port, start_valkey, wait_for_port

from . import database as databases


class Server:
    """One process of uvicorn, at the same port whenever it is started."""

    def __init__(self, env: dict[str, str], log: Path) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.env = env | {"PUBLIC_URL": self.address}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process
        return self._process.pid

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [
            *(sys.executable, "-m", "uvicorn", "photorestore.asgi:application"),
            *("--port", str(self.port), "--lifespan", "off", "--no-access-log"),
            *("--log-level", "warning", "--timeout-graceful-shutdown", "20"),
        ]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=self.env, stdout=log, stderr=log
            )
        wait_for_port(self.port)

    def be_there(self) -> None:
        """Start it, if it does not run."""
        if self._process is None or self._process.poll() is not None:
            self.start()

    def stop(self) -> None:
        """Ask it to end, and see that it does."""
        assert self._process
        self._process.terminate()
        assert self._process.wait(PATIENCE) == -signal.SIGTERM, self.log()

    def kill(self) -> None:
        """End it, if it runs."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def log(self) -> str:
        """Return what it has said."""
        return self._log.read_text()


class Scribe:
    """Somebody with jobs, and the process that appends to their streams."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        told = self._answer()
        self.token: str = told["token"]
        self.session: str = told["session"]
        self.jobs: list[str] = told["jobs"]

    @property
    def bearer(self) -> dict[str, str]:
        """The header by which they are known."""
        return {"Authorization": f"Bearer {self.token}"}

    def append(self, job: str, type: str = "progress", *, final: bool = False) -> int:
        """Append an event to the job's stream, and return its number once it is committed."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"job": job, "type": type, "final": final}) + "\n")
        self._process.stdin.flush()
        return int(self._answer())

    def _answer(self) -> Any:
        assert self._process.stdout
        return json.loads(self._process.stdout.readline())


@contextmanager
def serving(database: str, folder: Path, **settings: str) -> Iterator[Server]:
    """Run a server over the database, with a broker of its own, while the context lasts."""
    env = clean_environment() | {
        "DATABASE_URL": database,
        "MEDIA_ROOT": str(folder / "media"),
        "REDIS_URL": start_valkey(),
        **settings,
    }
    server = Server(env, folder / "web.log")
    try:
        server.start()
        yield server
    finally:
        server.kill()


@contextmanager
def serving_alone(folder: Path, **settings: str) -> Iterator[Server]:
    """Run a server over a new SQLite while the context lasts."""
    address = f"sqlite:///{folder / 'db.sqlite3'}"
    databases.migrate(address)
    with serving(address, folder, **settings) as server:
        yield server


@contextmanager
def writing(server: Server, *, jobs: int = 1, **settings: str) -> Iterator[Scribe]:
    """Have somebody with so many jobs, whose streams can be written to while the context lasts."""
    env = server.env | settings
    command = [sys.executable, "-m", "tests.e2e.streams.scribe", str(jobs)]
    with subprocess.Popen(
        command, cwd=ROOT, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            yield Scribe(process)
        finally:
            process.kill()
