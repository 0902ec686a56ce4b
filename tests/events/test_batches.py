"""Many questions of one moment in one call."""

from __future__ import annotations

import asyncio

import pytest

from events import batches
from events.batches import Batch


class Calls:
    """Answers with the double, and remembers what it was asked together."""

    def __init__(self) -> None:
        self.made: list[list[int]] = []
        self.begun = asyncio.Event()

    async def __call__(self, questions: list[int]) -> list[int | Exception]:
        self.made.append(questions)
        self.begun.set()
        await asyncio.sleep(0)
        if 13 in questions:
            raise ConnectionError
        return [KeyError(number) if number < 0 else number * 2 for number in questions]


def asked(batch: Batch[int, int], *questions: int) -> list[asyncio.Task[int]]:
    return [asyncio.create_task(batch.ask(question)) for question in questions]


async def test_a_lone_question_is_asked_at_once() -> None:
    calls = Calls()
    assert await Batch(calls).ask(2) == 4
    assert calls.made == [[2]]


async def test_a_crowd_shares_its_calls() -> None:
    calls = Calls()
    batch = Batch(calls)
    answers = await asyncio.gather(
        *(batch.ask(number) for number in range(1, 1001) if number != 13)
    )
    assert answers == [number * 2 for number in range(1, 1001) if number != 13]
    assert [len(questions) for questions in calls.made] == [500, 499]


async def test_who_comes_while_a_call_is_under_way_is_in_the_next() -> None:
    calls = Calls()
    batch = Batch(calls)
    first = asyncio.create_task(batch.ask(1))
    await calls.begun.wait()
    assert await asyncio.gather(first, *map(batch.ask, (2, 3))) == [2, 4, 6]
    assert calls.made == [[1], [2, 3]]


async def test_each_gets_the_error_that_is_its_own() -> None:
    batch = Batch(Calls())
    good, bad = asked(batch, 1, -1)
    with pytest.raises(KeyError):
        await bad
    assert await good == 2


async def test_a_call_that_fails_fails_all_of_its_questions_and_no_later_one() -> None:
    batch = Batch(Calls())
    for question in asked(batch, 13, 1):
        with pytest.raises(ConnectionError):
            await question
    assert await batch.ask(1) == 2


async def test_who_went_away_is_not_asked_for() -> None:
    calls = Calls()
    batch = Batch(calls)
    gone, stays = asked(batch, 1, 2)
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == 4
    assert calls.made == [[2]]


async def test_an_answer_for_which_nobody_waits_any_more_is_not_lost() -> None:
    refused: list[int] = []
    calls = Calls()
    batch = Batch(calls, drop=refused.append)
    gone, stays = asked(batch, 1, 2)
    await calls.begun.wait()
    gone.cancel()
    assert await stays == 4
    assert refused == [2]


async def test_an_answer_on_its_way_to_who_goes_away_is_not_lost() -> None:
    refused: list[int] = []
    batch = Batch(Calls(), drop=refused.append)

    async def first() -> None:
        await batch.ask(1)
        gone.cancel()

    going = asyncio.create_task(first())
    (gone,) = asked(batch, 2)
    await going
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert refused == [4]


async def test_a_crowd_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "LONGEST", 0.01)
    calls = Calls()
    batch = Batch(calls)
    crowd = asked(batch, 0, 1)
    while not calls.made:
        assert len(crowd) < batches.SIZE
        crowd += asked(batch, 1)
        await asyncio.sleep(0.0001)
    await asyncio.gather(*crowd)
