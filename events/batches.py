"""Many questions of one moment in one call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

SIZE = 500  # questions of one call
QUIET = 0.002  # seconds without a further question, after which a crowd is complete
LONGEST = 0.1  # seconds that the first of a crowd waits for the others


class Batch(Generic[T, R]):
    """Gathers single questions and has them answered together, one call at a time.

    A question that comes alone is asked at once. Of a thousand that come together, as after a
    deploy, hundreds share a call, and so its queries.
    """

    def __init__(self, answer: Callable[[list[T]], Awaitable[Sequence[R | Exception]]]) -> None:
        self._answer = answer
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._task: asyncio.Task[None] | None = None
        self._last = 0.0  # when the last call ended, by the loop's clock

    def ask(self, question: T) -> asyncio.Future[R]:
        """Return the future answer. It raises what came in its place, or what the call raised."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="events-batch")
        return future

    async def _run(self) -> None:
        while self._waiting:
            await self._gather()
            batch, self._waiting = self._waiting[:SIZE], self._waiting[SIZE:]
            await self._call([pair for pair in batch if not pair[1].done()])
            self._last = asyncio.get_running_loop().time()
        self._task = None

    async def _gather(self) -> None:
        """Wait for the rest of a crowd, if there is one."""
        now = asyncio.get_running_loop().time
        began, count = now(), 0
        if began - self._last > LONGEST and len(self._waiting) == 1:
            return
        while count < len(self._waiting) < SIZE and now() - began < LONGEST:
            count = len(self._waiting)
            await asyncio.sleep(QUIET)

    async def _call(self, batch: list[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            answers = await self._answer([question for question, _ in batch])
        except Exception as error:
            answers = [error] * len(batch)
        for (_, future), answer in zip(batch, answers, strict=True):
            if future.done():
                continue  # its client has gone
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
