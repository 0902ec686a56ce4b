"""A follower in every order of things: whatever happens around it, its client has each event once.

Hypothesis draws what happens, one step of one actor at a time, and shortens what fails.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from hypothesis.strategies import booleans, data, integers, sampled_from

from events import sse
from events.access import Access, Ask, Session
from events.follower import Follower
from events.log import State

LIMIT = 3  # events of one read
ASK = Ask(Session("key"), None)


def frame(seq: int) -> bytes:
    return sse.frame(id=seq, event="progress", data="{}")


class World(RuleBasedStateMachine):
    """A log, its messages, a server and a client that comes and goes; each rule is a step of one.

    No message is lost, though it may come late, twice, or after the next. So nobody has to ask the
    log again: a client that waits without cause would wait for ever, and fails the test.
    """

    def __init__(self) -> None:
        super().__init__()
        self.last, self.pruned, self.ended = 0, 0, False
        self.transient: set[int] = set()
        self.superseded: set[int] = set()
        self.messages: list[int] = []
        self.got: list[int] = []
        self.is_told_to_stop = False
        self.step: Callable[[], None] | None = None
        self.connect()

    # The log

    @precondition(lambda self: not self.ended)
    @rule(final=sampled_from([False] * 5 + [True]), transient=booleans())
    def append(self, final: bool, transient: bool) -> None:
        self.last += 1
        self.ended = final
        if transient and not final:
            self.transient.add(self.last)
        self.messages.append(self.last)

    @precondition(lambda self: self.ended)
    @rule()
    def supersede(self) -> None:
        self.superseded = self.transient

    @precondition(lambda self: self.last > self.pruned + 1)
    @rule(data=data())
    def prune(self, data: Any) -> None:
        self.pruned = data.draw(integers(self.pruned + 1, self.last - 1))

    def is_final(self, seq: int) -> bool:
        return self.ended and seq == self.last

    # The messages

    @precondition(lambda self: self.messages)
    @rule(data=data(), again=booleans())
    def deliver(self, data: Any, again: bool) -> None:
        seq = data.draw(sampled_from(self.messages))
        if not again:
            self.messages.remove(seq)
        self.offer(seq)

    def offer(self, seq: int) -> None:
        if self.is_connected:
            final = self.is_final(seq)
            self.follower.offer({"stream": "a", "seq": seq, "frame": frame(seq), "final": final})

    # The server: what is done between two awaits when a stream opens, and for as long as it lasts

    @precondition(lambda self: self.step)
    @rule()
    def serve(self) -> None:
        assert self.step
        self.step()

    def read_state(self) -> None:
        self.seen = self.follower.start_reading()
        self.state = State(self.last, self.pruned, self.ended)
        self.step = self.read_events

    def read_events(self) -> None:
        numbers = set(range(max(self.seen, self.pruned) + 1, self.last + 1)) - self.superseded
        kept = sorted(numbers)
        self.events = [(seq, frame(seq), self.is_final(seq)) for seq in kept[:LIMIT]]
        self.state = State(self.state.last_seq, self.pruned, self.state.ended)
        self.is_whole = len(kept) < LIMIT
        self.step = self.refill

    def refill(self) -> None:
        self.follower.refill(self.state, self.events, whole=self.is_whole)
        self.step = self.answer if self.is_opening else self.take

    def answer(self) -> None:
        self.is_opening = False
        self.follower.ready = self.ready
        self.step = self.take
        if self.got and self.follower.is_finished:
            self.is_told_to_stop = True
            self.drop()

    def take(self) -> None:
        self.chunk = self.follower.take(0.0)
        if self.chunk or self.follower.over:
            self.step = self.send
        else:
            self.step = self.read_state if self.follower.behind else None

    def send(self) -> None:
        for id, type in re.findall(rb"id: (\d+)\nevent: (\w+)", self.chunk):
            self.receive(int(id), type.decode())
        self.step = self.take
        if self.follower.over:
            self.drop()

    def ready(self) -> None:
        if self.follower.reason == "slow":
            self.drop()
        elif self.step is None:
            self.take()

    @precondition(lambda self: self.is_connected)
    @rule()
    def beat(self) -> None:
        self.follower.look_at(0.0, 0.0)

    @precondition(lambda self: self.is_connected and self.follower.since is not None)
    @rule()
    def stall(self) -> None:
        for _ in range(2):
            self.follower.look_at(0.0, 1000.0)

    @precondition(lambda self: self.is_connected)
    @rule(reason=sampled_from(["drain", "lifetime"]))
    def end(self, reason: str) -> None:
        self.follower.end(reason)

    @invariant()
    def nothing_waits_that_nobody_takes(self) -> None:
        if self.is_connected and self.step is None:
            assert not self.follower.reason
            assert self.follower.take(0.0) == b""

    # The client

    @precondition(lambda self: not self.is_connected and not self.is_told_to_stop)
    @rule()
    def connect(self) -> None:
        cursor = self.got[-1] if self.got else None
        self.follower = Follower(ASK, Access("a", 1), cursor=cursor)
        self.follower.until = 2000.0  # by the clock of this world, where it is always 0
        self.is_connected = self.is_opening = True
        self.step = self.read_state

    @precondition(lambda self: self.is_connected)
    @rule()
    def drop(self) -> None:
        self.is_connected, self.step = False, None

    def receive(self, seq: int, type: str) -> None:
        before = self.got[-1] if self.got else 0
        assert seq > before
        skipped = set(range(before + 1, seq)) - self.superseded
        if type == "reset":
            assert self.got, "told of a loss, without a number that it could have lost anything by"
            assert before < self.pruned
        elif self.got:
            assert not skipped
        else:
            assert skipped <= set(range(self.pruned + 1))
        self.got.append(seq)

    # The end

    def teardown(self) -> None:
        self.heal()
        self.settle()
        assert self.is_told_to_stop == self.ended
        assert self.got[-1:] == [self.last][: self.last]

    def heal(self) -> None:
        """Do what is sure to happen in the end."""
        for seq in self.messages:
            self.offer(seq)

    def settle(self) -> None:
        """Let server and client go on until there is nothing to do."""
        for _ in range(1000):
            if self.step:
                self.step()
            elif self.is_connected or self.is_told_to_stop:
                return
            else:
                self.connect()
        raise AssertionError("It never comes to rest.")


class LossyWorld(World):
    """The same, where messages are lost or untrue, and the log does not always answer."""

    def __init__(self) -> None:
        super().__init__()
        self.known = 0

    @precondition(lambda self: self.messages)
    @rule(data=data())
    def lose(self, data: Any) -> None:
        self.messages.remove(data.draw(sampled_from(self.messages)))

    @precondition(lambda self: self.step in (self.read_events, self.refill))
    @rule()
    def fail(self) -> None:
        if self.is_opening:
            self.drop()
        else:
            self.take()
            self.step = None if self.step == self.read_state else self.step

    @precondition(lambda self: self.is_connected)
    @rule()
    def mislead(self) -> None:
        """Let it hear of what the log does not have: another site's, or from before a recovery."""
        self.offer(self.last + 9)

    @rule()
    def ask(self) -> None:
        self.known = self.last

    @precondition(lambda self: self.is_connected)
    @rule()
    def catch_up(self) -> None:
        self.follower.hear(self.known)
        if self.follower.behind:
            self.follower.ready()

    def heal(self) -> None:
        """Ask the log once more."""
        self.ask()
        if self.is_connected:
            self.catch_up()


@pytest.mark.parametrize("world", [World, LossyWorld])
def test_in_whatever_order_things_happen_each_event_comes_once(
    world: type[World], settings: Any
) -> None:
    settings.EVENTS_BUFFER = 2
    few = hypothesis_settings(
        deadline=None, max_examples=300, stateful_step_count=40, database=None
    )
    run_state_machine_as_test(world, settings=few)
