"""One at a time for each key."""

from __future__ import annotations

import asyncio

import pytest

from skerry.turns import Turns


class Work:
    """Notes who works, and works until told to end."""

    def __init__(self, turns: Turns) -> None:
        self.at_work: list[str] = []
        self.done: list[str] = []
        self._turns = turns
        self._may_end: dict[str, asyncio.Event] = {}

    def begin(self, name: str, *keys: str) -> asyncio.Task[None]:
        self._may_end[name] = asyncio.Event()
        return asyncio.create_task(self._work(name, *keys))

    async def end(self, name: str) -> None:
        self._may_end[name].set()
        await settled()

    async def _work(self, name: str, *keys: str) -> None:
        async with self._turns.take(*keys):
            self.at_work.append(name)
            await self._may_end[name].wait()
            self.at_work.remove(name)
        self.done.append(name)


async def settled() -> None:
    """Everything that can go on without waiting has done so."""
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture
def turns() -> Turns:
    return Turns()


@pytest.fixture
def work(turns: Turns) -> Work:
    return Work(turns)


async def test_who_wants_the_same_waits_and_who_wants_something_else_does_not(work: Work) -> None:
    tasks = [work.begin("one", "a"), work.begin("two", "a"), work.begin("three", "b")]
    await settled()
    assert work.at_work == ["one", "three"]

    await work.end("one")

    assert work.at_work == ["three", "two"]
    await work.end("two")
    await work.end("three")
    await asyncio.gather(*tasks)


async def test_two_who_want_two_things_in_another_order_do_not_wait_for_each_other(work: Work) -> None:
    tasks = [work.begin("one", "a", "b"), work.begin("two", "b", "a")]
    await settled()

    await work.end("one")
    await work.end("two")

    await asyncio.gather(*tasks)
    assert work.done == ["one", "two"]


async def test_who_gives_up_waiting_leaves_the_turn_to_the_next(work: Work) -> None:
    one, two, three = work.begin("one", "a"), work.begin("two", "a", "b"), work.begin("three", "a")
    await settled()

    two.cancel()
    await work.end("one")

    assert work.at_work == ["three"]
    await work.end("three")
    await asyncio.gather(one, three)


async def test_things_that_nobody_works_with_are_forgotten(turns: Turns) -> None:
    for number in range(100):
        async with turns.take(str(number)):
            pass

    assert len(turns._locks) == 0
