"""From a commit anywhere to the open streams of every process: quickly by the channel layer,
certainly by the log."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer

from . import access, log, messages, replay
from .access import Access, Ask
from .batches import Batch
from .conf import settings
from .follower import Follower
from .messages import Packet
from .metrics import counters, latency
from .problems import Problem
from .reads import read

logger = logging.getLogger(__name__)

RECONNECT = 1.0  # seconds
# Seconds between two looks at the clock for every follower: one timer for all of them. A timer
# each took 37 to 68 % of a core for 5,000 streams, one for all about 3 % (measured).
TICK = 0.25
_CROWD = 1000  # followers, or streams, that one question is about

T = TypeVar("T")
Opening = tuple[Ask, int | None]  # what is asked for, and the client's Last-Event-ID


class Relay:
    """A process's only subscriber: hears the group and hands each event to those who follow."""

    def __init__(self) -> None:
        self._followers: defaultdict[str, list[Follower]] = defaultdict(list)
        self._of_user: Counter[int] = Counter()
        self._opening: Batch[Opening, Follower] = Batch(self._open_all, drop=self.leave)
        self._replay: Batch[Follower, int] = Batch(replay.fill)
        # While streams are opened: which numbers were told of meanwhile, by stream.
        self._heard: dict[str, int] | None = None
        self._outbox = messages.outbox()
        self._outbox.hand_over = self.hand_over
        self._tasks = [
            asyncio.create_task(task(), name=f"events-{task.__name__.strip('_')}")
            for task in (self._listen, self._tick, self._catch_up, self._recheck)
        ]
        self._loop = asyncio.get_running_loop()
        # Seconds that this process was there to serve. While it, or its machine, stands still no
        # client can be seen to read; by any other clock it would have stopped reading.
        self.clock = 0.0
        self.closing = False
        self.empty = asyncio.Event()  # set while nobody follows anything
        self.empty.set()
        self.drains = False  # whether the signals of shutdown reach it
        # Set when the first subscription stands, or has failed: from then on nobody waits for it.
        self.subscribed = asyncio.Event()

    async def open(self, ask: Ask, *, cursor: int | None) -> Follower:
        """Return a follower who has taken in what the log has beyond the cursor, and has a place.

        Whoever asks has to see to it that the place is left, whatever happens. Raises the
        authority's refusal, Problem, and what the database raises.
        """
        self._refuse_if_full()
        await self.subscribed.wait()
        return await self._opening.ask((ask, cursor))

    async def _open_all(self, openings: list[Opening]) -> list[Follower | Exception]:
        """Look into the log once for all of them, and note what is told of meanwhile.

        The subscription stands; so nothing falls between.
        """
        self._heard = {}
        try:
            answers, reading = await read(_look, openings)
            replay.count()
            return [
                self._opened(opening, answer, reading)
                for opening, answer in zip(openings, answers, strict=True)
            ]
        finally:
            self._heard = None

    def _opened(
        self,
        opening: Opening,
        answer: Access | Exception,
        reading: replay.Reading,
    ) -> Follower | Exception:
        if isinstance(answer, Exception):
            return answer
        try:
            follower = self.follow(opening[0], answer, cursor=opening[1])
        except Problem as problem:
            return problem
        counters.replayed += replay.refill(follower, reading)
        assert self._heard is not None
        follower.hear(self._heard.get(follower.stream, 0))
        return follower

    def follow(self, ask: Ask, permitted: Access, *, cursor: int | None) -> Follower:
        """Give a follower a place.

        Raises Problem where there are as many as may be: only now is it known who came meanwhile.
        """
        self._refuse_if_full()
        self._refuse_if_many(permitted.user)
        follower = Follower(ask, permitted, cursor=cursor)
        self._followers[follower.stream].append(follower)
        self._of_user[permitted.user] += 1
        self.empty.clear()
        counters.opened += 1
        counters.open += 1
        if self.closing:
            follower.end("drain")
        return follower

    def _refuse_if_full(self) -> None:
        if counters.open >= settings.EVENTS_MAX_STREAMS:
            detail = "This server has as many open streams as it takes. Come back in a moment."
            raise Problem(503, "server_full", detail, wait=random.randint(2, 10))  # noqa: S311

    def _refuse_if_many(self, user: int) -> None:
        most = settings.EVENTS_MAX_STREAMS_PER_USER
        if self._of_user[user] >= most:
            detail = f"You may have up to {most} open streams at a time. Close one first."
            raise Problem(429, "too_many_streams", detail, wait=30)

    def leave(self, follower: Follower) -> None:
        """Give up the follower's place; a second time changes nothing."""
        followers = self._followers.get(follower.stream, [])
        if follower not in followers:
            return
        followers.remove(follower)
        if not followers:
            del self._followers[follower.stream]
        self._forget(follower)
        if not self._followers:
            self.empty.set()

    def release(self, follower: Follower) -> None:
        """Have the place left as soon as the loop comes to it; for whatever thread."""
        try:
            self._loop.call_soon_threadsafe(self.leave, follower)
        except RuntimeError:  # the loop has ended, so that nobody else is at it
            self.leave(follower)

    def _forget(self, follower: Follower) -> None:
        user = follower.user
        self._of_user[user] -= 1
        if not self._of_user[user]:
            del self._of_user[user]
        counters.open -= 1
        counters.closed[(follower.over and follower.reason) or "disconnect"] += 1

    async def fill(self, follower: Follower) -> int:
        """Have the follower take in what it lacks of the log; return how many events that were.

        Raises what the database raises.
        """
        return await self._replay.ask(follower)

    async def read_on(self, follower: Follower) -> bytes:
        """Return the next bytes of a follower from which nothing can be taken; none if none wait.

        A log that cannot be read now is asked again with the next catching up.
        """
        chunk = b""
        while not chunk and follower.behind:
            try:
                await self.fill(follower)
            except Exception:
                # Not for ever: what came meanwhile, a heartbeat or the end, does not come again.
                return follower.take(self.clock)
            chunk = follower.take(self.clock)
        return chunk

    def close(self) -> None:
        """Have every follower say goodbye; new ones are sent away at once."""
        self.closing = True
        for follower in self._all():
            follower.end("drain")

    def _all(self) -> list[Follower]:
        """Return every follower, whatever comes and goes meanwhile."""
        return [follower for followers in self._followers.values() for follower in followers]

    async def _listen(self) -> None:
        """Receive for ever. Never cancelled for a time-out: that loses messages (measured)."""
        layer: Any = get_channel_layer()
        while True:
            try:
                channel = await self._subscribe(layer)
                while True:
                    packet = await layer.receive(channel)
                    if packet.get("origin") != self._outbox.name:
                        self.hand_over(packet)
            except Exception as error:
                self.subscribed.set()
                logger.warning("The broker does not answer; events come from the log: %r", error)
                await self._start_anew(layer)

    async def _subscribe(self, layer: Any) -> str:
        async with asyncio.timeout(messages.PATIENCE * 4):
            channel: str = await layer.new_channel()
            await layer.group_add(messages.GROUP, channel)
        self.subscribed.set()
        return channel

    async def _start_anew(self, layer: Any) -> None:
        """Leave nothing of a subscription that failed, and wait before the next."""
        with suppress(Exception):
            async with asyncio.timeout(messages.PATIENCE):
                await layer.flush()
        await asyncio.sleep(RECONNECT)

    def hand_over(self, packet: Packet) -> None:
        """Offer each of the packet's events to everybody who follows its stream."""
        found = False
        for message in packet["messages"]:
            stream, seq = message["stream"], message["seq"]
            if self._heard is not None:
                self._heard[stream] = max(seq, self._heard.get(stream, 0))
            if followers := self._followers.get(stream):
                found = True
                for follower in tuple(followers):
                    follower.offer(message)
        if found:
            latency.observe(time.time() - packet["at"])

    async def _tick(self) -> None:
        """Give every follower its heartbeats, and its end."""
        while True:
            pause = min(TICK, settings.EVENTS_HEARTBEAT / 2)
            await asyncio.sleep(pause)
            self.clock += pause
            now = time.monotonic()
            for follower in self._all():
                if follower.due <= now:
                    self._look_at(follower, now)

    def _look_at(self, follower: Follower, now: float) -> None:
        follower.look_at(now, self.clock)
        if follower.reason == "slow":
            # Now: it may be a response that Django dropped, which the garbage collector finds late.
            self.leave(follower)

    async def _catch_up(self) -> None:
        """Ask the log, in one query for a crowd, which followed streams have moved on unheard."""
        while True:
            await asyncio.sleep(settings.EVENTS_CATCH_UP)
            try:
                for crowd in _crowds(list(self._followers)):
                    self._compare(await read(log.moved, self._seen(crowd)))
                self._go_on()
            except Exception:
                logger.exception("The event log does not answer")

    def _seen(self, streams: list[str]) -> dict[str, int]:
        """Return up to which number everybody who follows a stream has it."""
        return {
            stream: _least(followers)
            for stream in streams
            if (followers := self._followers.get(stream))
        }

    def _compare(self, states: dict[str, log.State]) -> None:
        counters.queries += 1
        for stream, state in states.items():
            for follower in tuple(self._followers.get(stream, ())):
                counters.caught_up += follower.hear(state.last_seq)

    def _go_on(self) -> None:
        """Have those read on who could not when they were to."""
        for follower in self._all():
            if follower.behind:
                follower.ready()

    async def _recheck(self) -> None:
        """Ask again whether those who follow still may, and end what they may not."""
        while True:
            await asyncio.sleep(settings.EVENTS_RECHECK)
            try:
                for crowd in _crowds(self._all()):
                    await self._cut_off(await _refused(crowd))
            except Exception:
                logger.exception("Who may follow could not be asked")

    async def _cut_off(self, followers: list[Follower]) -> None:
        """End who may not follow any more. A stream whose subject is gone ends by saying so."""
        if not followers:
            return
        gone = await read(log.deleted, {follower.stream for follower in followers})
        for follower in followers:
            if follower.stream in gone:
                # Nobody may have told it yet: the broker may be down.
                follower.hear(gone[follower.stream])
            else:
                follower.end("revoked")


def _least(followers: list[Follower]) -> int:
    # Most streams have one follower. Whatever the loop does here delays what happens meanwhile.
    if len(followers) == 1:
        return followers[0].seen
    return min(follower.seen for follower in followers)


def _crowds(everybody: list[T]) -> Iterator[list[T]]:
    """Yield them by the thousand, about as many as one query is asked for.

    What a query of five thousand leaves behind in memory was a KiB for each stream (measured).
    """
    return (everybody[at : at + _CROWD] for at in range(0, len(everybody), _CROWD))


def _look(openings: list[Opening]) -> tuple[list[Access | Exception], replay.Reading]:
    """Ask who may follow, and read what they have missed."""
    answers = access.authority().answer([ask for ask, _ in openings])
    cursors = replay.lowest(
        (answer.stream, cursor or 0)
        for (_, cursor), answer in zip(openings, answers, strict=True)
        if isinstance(answer, Access)
    )
    return answers, replay.read(cursors)


async def _refused(followers: list[Follower]) -> list[Follower]:
    """Return those who may not follow any more."""
    answers = await read(access.authority().answer, [follower.ask for follower in followers])
    pairs = zip(followers, answers, strict=True)
    return [follower for follower, answer in pairs if isinstance(answer, Exception)]


_relays: WeakKeyDictionary[asyncio.AbstractEventLoop, Relay] = WeakKeyDictionary()


def current() -> Relay:
    """Return the relay of the running event loop, started with its first stream."""
    loop = asyncio.get_running_loop()
    ours = _relays.get(loop)
    if ours is None:
        ours = _relays[loop] = Relay()
    return ours


def is_closing() -> bool:
    """Tell whether the streams of the running event loop are being ended, since it is to stop."""
    ours = _relays.get(asyncio.get_running_loop())
    return ours is not None and ours.closing
