"""Many touches, one look."""

import asyncio
import logging

import pytest

from skerry.errors import HostError, Unavailable
from skerry.host.looking import Looking


class Thing:
    """Something to look at, whose looks can be held up and can fail."""

    def __init__(self) -> None:
        self.looks = 0
        self.failures: list[Exception] = []
        self.begun = asyncio.Event()
        self.go = asyncio.Event()

    async def look(self) -> None:
        self.looks += 1
        self.begun.set()
        await self.go.wait()
        if self.failures:
            raise self.failures.pop(0)


@pytest.fixture
def thing() -> Thing:
    return Thing()


@pytest.fixture
def looking() -> Looking:
    return Looking(retry_s=0.001)


async def settled(looking: Looking) -> None:
    while looking._tasks:
        await asyncio.wait(list(looking._tasks.values()))
        await asyncio.sleep(0)


async def test_touches_during_a_look_are_one_more_look(looking: Looking, thing: Thing) -> None:
    looking.touch("a", thing.look)
    await thing.begun.wait()
    for _ in range(10):
        looking.touch("a", thing.look)
    thing.go.set()
    await settled(looking)

    assert thing.looks == 2


async def test_things_are_looked_at_side_by_side(looking: Looking, thing: Thing) -> None:
    other = Thing()
    looking.touch("a", thing.look)
    looking.touch("b", other.look)

    await thing.begun.wait()
    await other.begun.wait()

    await looking.stop()


async def test_a_look_that_failed_is_tried_again(looking: Looking, thing: Thing) -> None:
    thing.failures = [HostError("busy"), HostError("busy")]
    thing.go.set()

    looking.touch("a", thing.look)
    await settled(looking)

    assert thing.looks == 3


async def test_nothing_is_tried_while_the_hypervisor_is_away(looking: Looking, thing: Thing) -> None:
    thing.failures = [Unavailable("away")]
    thing.go.set()

    looking.touch("a", thing.look)
    await settled(looking)
    assert thing.looks == 1

    looking.touch("a", thing.look)
    await settled(looking)
    assert thing.looks == 2


async def test_a_bug_is_logged_and_ends_one_look_only(
    looking: Looking, thing: Thing, caplog: pytest.LogCaptureFixture
) -> None:
    thing.failures = [ZeroDivisionError("oops")]
    thing.go.set()

    with caplog.at_level(logging.ERROR):
        looking.touch("a", thing.look)
        await settled(looking)
    looking.touch("a", thing.look)
    await settled(looking)

    assert "oops" in caplog.text
    assert thing.looks == 2


async def test_stopping_ends_all_looks(looking: Looking, thing: Thing) -> None:
    looking.touch("a", thing.look)
    await thing.begun.wait()

    await looking.stop()
    await looking.stop()

    assert not looking._tasks
