"""Many questions of one moment in one call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

SIZE = 500  # questions of one call
LONGEST = 0.1  # seconds that the first of a crowd waits for the others


class Batch(Generic[T, R]):
    """Gathers single questions and has them answered together, one call at a time.

    Of a thousand that come together, as after a deploy, hundreds share a call, and so its queries.
    """

    def __init__(
        self,
        answer: Callable[[list[T]], Awaitable[Sequence[R | Exception]]],
        drop: Callable[[R], None] | None = None,
    ) -> None:
        """`drop` takes an answer for which nobody waits any more."""
        self._answer = answer
        self._drop = drop
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._task: asyncio.Task[None] | None = None

    async def ask(self, question: T) -> R:
        """Return the answer. Raises what came in its place, or what the call raised."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        self._waiting.append((question, future))
        if self._task is None:
            self._task = loop.create_task(self._run(), name="events-batch")
        try:
            return await future
        except asyncio.CancelledError:
            if not future.cancelled():  # the answer was there, and on its way to who waited
                self._refuse(future.result())
            raise

    def _refuse(self, answer: R) -> None:
        if self._drop is not None:
            self._drop(answer)

    async def _run(self) -> None:
        while self._waiting:
            await self._gather()
            batch, self._waiting = self._waiting[:SIZE], self._waiting[SIZE:]
            await self._call([pair for pair in batch if not pair[1].done()])
        self._task = None

    async def _gather(self) -> None:
        """Wait for the rest of a crowd: until a turn of the loop brings nobody new."""
        now = asyncio.get_running_loop().time
        began, count = now(), 0
        while count < len(self._waiting) < SIZE and now() - began < LONGEST:
            count = len(self._waiting)
            await asyncio.sleep(0)

    async def _call(self, batch: list[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            answers = await self._answer([question for question, _ in batch])
        except Exception as error:
            answers = [error] * len(batch)
        for (_, future), answer in zip(batch, answers, strict=True):
            if isinstance(answer, Exception):
                if not future.done():
                    future.set_exception(answer)
            elif future.done():  # its client has gone
                self._refuse(answer)
            else:
                future.set_result(answer)
