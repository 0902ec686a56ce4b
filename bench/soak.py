"""`make soak`: ours under churn for a long time; everything must end where it began."""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial

import httpx

from . import report
from .churn import BrokenOrderError, Follower
from .client import ClientError
from .metrics import gauges
from .processes import FOLDER, Server, ServerError
from .setup import prepared, say
from .systems import Ours
from .wire import LOGGED

Sample = dict[str, float]

_EVERY = 10.0  # seconds between two samples
_WARM_UP = 30.0  # seconds of churn before the first, so that all is loaded and pools are filled
_POSTERS = 4
_PATIENCE = 30.0  # seconds for a webhook to be answered
# By how much a value may end above where it began: memory by its part; what pools hold, which
# grow when they are asked for more than before, by number; the rest by nothing.
_MEMORY_MAY_GROW = 0.1
_MAY_GROW = {"threads": 4, "open files": 8, "PostgreSQL connections": 4}


def main(arguments: Sequence[str]) -> int:
    """Churn for as long as the arguments say; 0 if nothing was lost and nothing has grown."""
    parser = argparse.ArgumentParser(prog="make soak ARGS=…", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--clients", type=int, default=300)
    parser.add_argument("--rate", type=int, default=20, help="progress webhooks a second")
    chosen = parser.parse_args(arguments)
    try:
        with prepared() as services:
            ours = Ours(services)
            ours.prepare(chosen.clients // 2)
            with ours.serving() as server:
                soak = Soak(ours, server, clients=chosen.clients, rate=chosen.rate)
                return asyncio.run(soak.run(60 * chosen.minutes))
    except (ClientError, ServerError, BrokenOrderError) as error:
        say(f"{error}")
        return 1
    except KeyboardInterrupt:
        return 130


class Soak:
    """Two clients for each of many jobs that make progress, and what the server has meanwhile."""

    def __init__(self, ours: Ours, server: Server, *, clients: int, rate: int) -> None:
        self._ours, self._server, self._rate = ours, server, rate
        self._jobs = clients // 2
        self._followers = [
            Follower(server.port, partial(ours.returning, number % self._jobs), len(LOGGED))
            for number in range(clients)
        ]
        self._samples: list[Sample] = []
        self._posts: Counter[str] = Counter()

    async def run(self, seconds: float) -> int:
        """Churn, catch up, compare; return the exit status."""
        await self._churn(_WARM_UP)
        before = await self._when_all_have_left()
        await asyncio.gather(self._churn(seconds), self._sample(seconds))
        missing = await self._catch_up()
        after = await self._when_all_have_left()
        return self._judge(before, after, missing)

    async def _churn(self, seconds: float) -> None:
        until = asyncio.get_running_loop().time() + seconds
        async with httpx.AsyncClient() as client:
            posters = (self._publish(client, until) for _ in range(_POSTERS))
            await asyncio.gather(*posters, *(each.churn(until) for each in self._followers))

    async def _publish(self, client: httpx.AsyncClient, until: float) -> None:
        while asyncio.get_running_loop().time() < until:
            job = random.randrange(self._jobs)  # noqa: S311
            body = {"progress": 0.5, "stage": f"{time.monotonic_ns()}"}
            url = f"http://127.0.0.1:{self._server.port}{self._ours.progress_target(job)}"
            self._posts[await _status(client, url, body)] += 1
            await asyncio.sleep(random.expovariate(self._rate / _POSTERS))

    async def _sample(self, seconds: float) -> None:
        until = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < until:
            await asyncio.sleep(_EVERY)
            self._samples.append(await asyncio.to_thread(self._now))

    def _now(self) -> Sample:
        channels, subscribers = self._ours.services.subscriptions()
        return {
            "KiB of memory": self._server.memory(),
            "threads": self._server.threads(),
            "open files": self._server.files(),
            "PostgreSQL connections": self._ours.services.connections(),
            "channels in Valkey": channels,
            "subscribers of those": subscribers,
            **gauges(self._server.port),
        }

    async def _when_all_have_left(self) -> Sample:
        await asyncio.to_thread(self._server.settle)
        return await asyncio.to_thread(self._now)

    async def _catch_up(self) -> int:
        """Let every client read the rest of its stream; return how many could not."""
        await asyncio.to_thread(self._server.settle)
        last_seqs = self._ours.services.last_seqs()
        caught_up = await asyncio.gather(
            *(
                follower.catch_up(last_seqs[self._ours.stream_name(number % self._jobs)])
                for number, follower in enumerate(self._followers)
            )
        )
        return caught_up.count(False)

    def _judge(self, before: Sample, after: Sample, missing: int) -> int:
        grown = [name for name in after if _has_grown(name, before, after)]
        (FOLDER / "soak.json").write_text(json.dumps([before, *self._samples, after], indent=1))
        say(self._table(before, after, grown))
        counts = sum((follower.counts for follower in self._followers), Counter[str]())
        say(f"\nclients: {dict(counts)}; webhooks by answer: {dict(self._posts)}")
        say(f"{missing} of {len(self._followers)} clients miss events; none came twice or too soon")
        say(f"grown: {', '.join(grown) or 'nothing'}")
        return 1 if missing or grown or self._posts.keys() - {"200"} else 0

    def _table(self, before: Sample, after: Sample, grown: Sequence[str]) -> str:
        during = self._samples or [before]
        columns = (before, during[0], during[len(during) // 2], during[-1], after)
        lines = [
            [name, *(f"{each.get(name, 0):,.0f}" for each in columns), "GROWN" * (name in grown)]
            for name in after
        ]
        return report.table(["", "before", "first", "middle", "last", "all left", ""], lines)


async def _status(client: httpx.AsyncClient, url: str, body: dict[str, object]) -> str:
    try:
        return str((await client.post(url, json=body, timeout=_PATIENCE)).status_code)
    except httpx.TransportError as error:
        say(f"a webhook was not answered: {error!r}")
        return "none"


def _has_grown(name: str, before: Sample, after: Sample) -> bool:
    began = before.get(name, 0)
    if name == "KiB of memory":
        return after[name] > began * (1 + _MEMORY_MAY_GROW)
    return after[name] > began + _MAY_GROW.get(name, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
