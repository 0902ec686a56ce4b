"""The processes that readers and writers share: web servers and a broker; and the harm to them."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import redis

from tests.e2e.system import ROOT, clean_environment
from tests.services import PATIENCE, free_port, start_valkey, wait_for_port
from tests.streams import eventually


class Site:
    """A broker, and some web servers over a database that is there already."""

    def __init__(self, database: str, folder: Path, servers: int, env: dict[str, str]) -> None:
        self._broker_port, *self.ports = [free_port() for _ in range(1 + servers)]
        self._broker_id = 0
        self._database = database
        self._log = folder / "web.log"
        self._servers: dict[int, subprocess.Popen[bytes]] = {}
        self.env = clean_environment() | {
            "DATABASE_URL": database,
            "MEDIA_ROOT": str(folder / "media"),
            "REDIS_URL": f"redis://127.0.0.1:{self._broker_port}/0",
            **env,
        }

    async def start(self) -> None:
        """Start everything, and wait until it answers."""
        self._start_broker()
        await asyncio.gather(*map(self._start_server, self.ports))

    async def stop(self) -> None:
        """Ask every server to end, and see that it does: what it has not let go holds it up."""
        await asyncio.gather(*(self._end_server(port, signal.SIGTERM) for port in self.ports))

    def kill(self) -> None:
        """End whatever runs."""
        for server in self._servers.values():
            server.kill()
            server.wait()
        if self._broker_id:
            self._signal_broker(signal.SIGKILL)

    def log(self) -> str:
        """Return what the servers have said."""
        return self._log.read_text()

    async def kill_a_server(self, chance: random.Random) -> None:
        """Kill one, and start it again at its port."""
        await self._restart_server(chance.choice(self.ports), signal.SIGKILL)

    async def stop_a_server(self, chance: random.Random) -> None:
        """Ask one to end, and start it again at its port."""
        await self._restart_server(chance.choice(self.ports), signal.SIGTERM)

    async def break_the_broker(self, chance: random.Random) -> None:
        """Kill the broker for a while, keep it from speaking, or break off its subscriptions."""
        match chance.choice(["kill", "mute", "break off"]):
            case "kill":
                self._signal_broker(signal.SIGKILL)
                await asyncio.sleep(chance.uniform(0, 1))
                self._start_broker()
            case "mute":
                self._signal_broker(signal.SIGSTOP)
                await asyncio.sleep(chance.uniform(0, 1))
                self._signal_broker(signal.SIGCONT)
            case "break off":
                with redis.Redis(port=self._broker_port) as broker:
                    broker.client_kill_filter(_type="pubsub")

    async def wait_until_all_listen(self) -> None:
        """Wait until every server has found the broker again."""
        await asyncio.to_thread(eventually, self._all_listen)

    def _all_listen(self) -> bool:
        with redis.Redis(port=self._broker_port) as broker:
            groups = broker.pubsub_channels("*__group__events")
            return [count for _, count in broker.pubsub_numsub(*groups)] == [len(self.ports)]

    async def pause_a_server(self, chance: random.Random) -> None:
        """Let one stand still for a while, as on a machine that is too busy."""
        server = self._servers[chance.choice(self.ports)]
        server.send_signal(signal.SIGSTOP)
        await asyncio.sleep(chance.uniform(0, 2))
        server.send_signal(signal.SIGCONT)

    async def hold_up_the_log(self, chance: random.Random) -> None:
        """Let nobody read or write events for a while."""
        async with await psycopg.AsyncConnection.connect(self._database) as connection:
            await connection.execute("LOCK TABLE events_event IN ACCESS EXCLUSIVE MODE")
            await asyncio.sleep(chance.uniform(0, 2))

    async def break_from_the_database(self, chance: random.Random) -> None:
        """Break the servers' connections to the database; the writers keep theirs."""
        with psycopg.connect(self._database, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'web'"
            )

    async def _restart_server(self, port: int, number: signal.Signals) -> None:
        await self._end_server(port, number)
        await self._start_server(port)

    async def _start_server(self, port: int) -> None:
        command = [sys.executable, "-m", "tests.e2e.streams.web", str(port)]
        env = self.env | {"PGAPPNAME": "web"}
        with self._log.open("ab") as log:
            self._servers[port] = subprocess.Popen(  # noqa: ASYNC220
                command, cwd=ROOT, env=env, stdout=log, stderr=log
            )
        await asyncio.to_thread(wait_for_port, port)

    async def _end_server(self, port: int, number: signal.Signals) -> None:
        server = self._servers[port]
        server.send_signal(number)
        status = await asyncio.to_thread(server.wait, PATIENCE)
        assert status == -number, f"A server ended with the status {status}."

    def _start_broker(self) -> None:
        """Start it from this thread: it lives no longer than the thread that started it."""
        start_valkey(self._broker_port)
        with redis.Redis(port=self._broker_port) as broker:
            self._broker_id = int(broker.info("server")["process_id"])

    def _signal_broker(self, number: signal.Signals) -> None:
        os.kill(self._broker_id, number)
