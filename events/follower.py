"""One client's place in the relay: what it has seen, what waits for it, and when it must go."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from time import monotonic, time
from typing import TYPE_CHECKING

from . import sse
from .access import Access, Ask, until_of
from .conf import settings
from .metrics import counters

if TYPE_CHECKING:
    from .log import State
    from .messages import Message

# Milliseconds. After a shutdown all clients come back; the jitter keeps them from coming at once.
RETRY = 3000
RETRY_SPREAD = (500, 5000)
# Ends after which a client is to come back; after the others that would be of no use.
_SEE_YOU = frozenset({"lifetime", "drain"})
_CHUNK = 64 * 1024  # bytes; more in one write would exceed what servers hold before they wait


def _nothing() -> None:
    """Wake nobody: the follower is not served yet."""


def _unknown() -> int:
    """Tell nothing of what waits in a socket: always the same, as if none of it was taken."""
    return 0


class Follower:
    """What waits for one client, in bounded number, and how far that client has come.

    It does no input or output. Whoever serves it names `ready`, which is called when there is
    something to take, and calls `take` until that returns nothing; while it is `behind` then, the
    log has more. It may also name `unsent`, which tells how many bytes wait for the client.
    """

    __slots__ = (
        "_beats", "_ending", "_frames", "_heard", "_sent", "_unsent", "ask", "behind", "due",
        "has_cursor", "over", "ready", "reason", "seen", "since", "stream", "unsent", "until",
        "user",
    )  # fmt: skip

    def __init__(self, ask: Ask, access: Access, *, cursor: int | None) -> None:
        self.ask = ask.narrowed(access.stream)
        self.stream = access.stream
        self.user = access.user
        # The last number that was handed over, waits here, or that the client brought.
        self.seen = cursor or 0
        self.has_cursor = cursor is not None
        self.until, self._ending = _lifetime(ask)
        # When the relay has to look at it: both by the monotonic clock.
        heartbeat = settings.EVENTS_HEARTBEAT * random.uniform(0.5, 1)  # noqa: S311
        self.due = min(monotonic() + heartbeat, self.until)
        self.behind = True  # until its first look into the log
        self.reason = ""  # why it ends, once it does
        self.over = False  # whether the last bytes have been taken
        # When what it took last was taken, by the relay's clock, until it asks for more.
        self.since: float | None = None
        self.ready: Callable[[], None] = _nothing
        self.unsent: Callable[[], int] = _unknown
        self._unsent: int | None = None  # what that told when it was asked last, since `since`
        self._sent = self.seen  # what has been taken
        self._heard = 0  # the highest number that it could not use, and that no read may have yet
        self._frames: list[tuple[int, bytes]] = []
        self._beats = False

    def offer(self, message: Message) -> None:
        """Queue the event if it is next in line; a gap, or one too many, sends it to the log."""
        seq = message["seq"]
        if seq <= self.seen or self.reason:
            return
        if self.behind or seq > self.seen + 1:
            self.hear(seq)
        elif len(self._frames) >= settings.EVENTS_BUFFER:
            self._drop(seq)
        else:
            self._queue(seq, message["frame"], final=message["final"])
            self.ready()

    def hear(self, seq: int) -> int:
        """Learn that the stream has come to this number; return how many are news to it."""
        news = seq - max(self.seen, self._heard)
        if news <= 0 or self.reason:
            return 0
        self._heard = seq
        self.behind = True
        self.ready()
        return news

    def start_reading(self) -> int:
        """Return beyond which number the log is to be read now.

        What it heard of before is in the log then, or nowhere: another site's that shares the
        broker, or one that a recovered database has lost. Asking again would never end.
        """
        self._heard = 0
        return self.seen

    def refill(
        self, state: State, events: Iterable[tuple[int, bytes, bool]], *, whole: bool
    ) -> int:
        """Take in what the log has beyond `seen`; return how many events that were.

        `state` was read before the events. `whole`: nothing was left out of them.
        """
        if self.has_cursor and (self.seen > state.last_seq or self.seen < state.pruned_seq):
            self._reset(state)
            return 0
        count = len(self._frames)
        for seq, frame, final in events:
            if seq > self.seen and not self.reason and len(self._frames) < settings.EVENTS_BUFFER:
                self._queue(seq, frame, final=final)
        full = len(self._frames) >= settings.EVENTS_BUFFER
        if whole and not full:
            # Superseded events are gone from the log; whoever missed them missed nothing.
            self.seen = max(self.seen, state.last_seq)
            self._end_with(state)
        self.behind = self.seen < max(state.last_seq, self._heard) and not self.reason
        return len(self._frames) - count

    def look_at(self, now: float, clock: float) -> None:
        """End it when its time is up or its client reads no more; else let a heartbeat follow.

        `now` is the monotonic clock's, `clock` the relay's.
        """
        if self._is_stalled(clock):
            self._abandon()
        elif now >= self.until:
            self.end(self._ending)
        elif not self.over:
            self._beats = True
            self.ready()
        self.due = now + settings.EVENTS_HEARTBEAT
        if now < self.until:
            self.due = min(self.due, self.until)

    def end(self, reason: str) -> None:
        """Say goodbye as soon as what waits is gone."""
        if not self.reason:
            self.reason = reason
            self.behind = False
            self.ready()

    def take(self, clock: float) -> bytes:
        """Return the next bytes to send, none if nothing waits; `over` says that they are the last.

        `clock` is the relay's; `since` remembers it while the bytes are under way.
        """
        chunk = self._chunk() or self._comment()
        if self.reason and not self._frames and not self.over:
            self.over = True
            chunk += self._farewell()
        # The last bytes have still to leave, and after them the mark that they were the last.
        self.since = clock if chunk or self.over else None
        self._unsent = None
        return chunk

    def unserve(self) -> None:
        """Forget whoever served it."""
        self.ready, self.unsent = _nothing, _unknown

    @property
    def has_more(self) -> bool:
        """Whether there is something to take, or may be: an end, or what only the log has."""
        return bool(self._frames or self.behind or self.reason)

    @property
    def is_finished(self) -> bool:
        """Whether there is nothing to send, and nothing will be: the log has ended where it is."""
        return self.reason == "final" and not self._frames

    def _is_stalled(self, clock: float) -> bool:
        """Tell whether bytes have waited too long for a client that takes none of them.

        A slow one takes some between two looks, long before there is room for more.
        """
        if self.since is None:
            return False
        before, self._unsent = self._unsent, self.unsent()
        if before is None:
            return False
        if self._unsent < before:
            self.since = clock
        return bool(clock - self.since > settings.EVENTS_STALL)

    def _abandon(self) -> None:
        """Give up a client that has stopped reading: it costs a buffer, then its connection."""
        self._frames = []
        self.behind, self.over = False, True
        self.reason = "slow"
        self.ready()

    def _queue(self, seq: int, frame: bytes, *, final: bool) -> None:
        self._frames.append((seq, frame))
        self.seen = seq
        if final:
            self.reason = "final"

    def _drop(self, seq: int) -> None:
        """Give up what waits: the log has it, and will be read when the client reads again."""
        counters.dropped += 1
        self._frames = []
        self.seen = self._sent
        self._heard = seq
        self.behind = True

    def _reset(self, state: State) -> None:
        """Say aloud that the log does not reach back, or not so far: never skip in silence."""
        self.seen = state.last_seq
        data = f'{{"last_event_id":{state.last_seq}}}'
        frame = sse.frame(id=state.last_seq, event="reset", data=data)
        self._frames.append((state.last_seq, frame))
        self.behind = self.seen < self._heard
        self._end_with(state)

    def _end_with(self, state: State) -> None:
        if state.ended and self.seen == state.last_seq:
            self.reason = self.reason or "final"

    def _chunk(self) -> bytes:
        """Return as many waiting frames as fit into one write."""
        if not self._frames:
            return b""
        count = _fitting(self._frames) if len(self._frames) > 1 else 1
        taken, self._frames = self._frames[:count], self._frames[count:]
        self._sent = taken[-1][0]
        self.has_cursor = True
        self._beats = False
        counters.sent += count
        return taken[0][1] if count == 1 else b"".join([frame for _, frame in taken])

    def _comment(self) -> bytes:
        due, self._beats = self._beats, False
        return sse.HEARTBEAT if due else b""

    def _farewell(self) -> bytes:
        if self.reason not in _SEE_YOU:
            return b""
        return sse.retry(random.randint(*RETRY_SPREAD))  # noqa: S311


def _fitting(frames: list[tuple[int, bytes]]) -> int:
    """Return how many frames fit into one write: one at least, and the last may go beyond."""
    size = count = 0
    while count < len(frames) and size < _CHUNK:
        size += len(frames[count][1])
        count += 1
    return count


def _lifetime(ask: Ask) -> tuple[float, str]:
    """Return when the follower has to end, by the monotonic clock, and why."""
    now = monotonic()
    life = now + settings.EVENTS_LIFETIME * random.uniform(0.8, 1.2)  # noqa: S311
    until = until_of(ask)
    expiry = now + until - time() if until is not None else life
    return (expiry, "expired") if expiry < life else (life, "lifetime")
