"""When guests are asked for their addresses."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from skerry.errors import Unavailable
from skerry.host.addresses import AddressFinder, waits

ONE, TWO = UUID(int=1), UUID(int=2)


class Guests:
    """Guests that have addresses after so many looks."""

    def __init__(self) -> None:
        self.looks: list[UUID] = []
        self.found_after = 3
        self.fails = False
        self.looked = asyncio.Event()

    async def look(self, uuid: UUID) -> bool:
        self.looks.append(uuid)
        self.looked.set()
        if self.fails:
            self.fails = False
            raise Unavailable("away")
        return self.looks.count(uuid) >= self.found_after

    async def until(self, looks: int) -> None:
        """Wait for so many looks."""
        async with asyncio.timeout(30):
            while len(self.looks) < looks:
                self.looked.clear()
                await self.looked.wait()


@pytest.fixture
def guests() -> Guests:
    return Guests()


@pytest.fixture
async def finder(guests: Guests) -> AsyncIterator[AddressFinder]:
    finder = AddressFinder(guests.look, first_wait_s=0.001)
    running = asyncio.create_task(finder.run())
    yield finder
    running.cancel()
    await asyncio.wait([running])


async def test_a_machine_is_looked_at_also_when_it_has_an_address(finder: AddressFinder, guests: Guests) -> None:
    finder.follow(ONE)

    await guests.until(guests.found_after + 2)


@pytest.mark.parametrize(
    ("planned", "found", "wait", "after"),
    [
        (1, False, 1, 1.5),
        (40, False, 40, 60),
        (60, False, 60, 90),
        (90, False, 60, 90),
        (1, True, 1, 4),
        (64, True, 64, 256),
        (256, True, 256, 300),
        (300, True, 300, 300),
        (300, False, 60, 90),
    ],
)
def test_a_machine_is_looked_at_less_and_less_often(
    planned: float, found: bool, wait: float, after: float
) -> None:
    assert waits(planned, found=found) == (wait, after)


async def test_a_machine_that_is_followed_already_is_not_looked_at_more_often(
    finder: AddressFinder, guests: Guests
) -> None:
    finder.follow(ONE, "one card")
    finder.follow(TWO, "one card")
    finder.follow(ONE, "one card")
    await guests.until(4)

    assert guests.looks == [ONE, TWO] * 2


@pytest.mark.parametrize("news", ["another card", "a reboot", "an agent"])
async def test_a_machine_is_looked_at_soon_again_when_something_about_it_changed(
    guests: Guests, news: str
) -> None:
    finder = AddressFinder(guests.look, first_wait_s=3600)
    finder.follow(ONE, "one card")
    finder._first_wait_s = 0.001
    running = asyncio.create_task(finder.run())

    match news:
        case "another card":
            finder.follow(ONE, "two cards")
        case "a reboot":
            finder.again(ONE)
        case "an agent":
            finder.again(ONE, at_once=True)
    await guests.until(2)

    running.cancel()
    await asyncio.wait([running])


async def test_a_forgotten_machine_is_not_looked_at(finder: AddressFinder, guests: Guests) -> None:
    finder.follow(ONE)
    finder.forget(ONE)
    finder.again(ONE, at_once=True)
    finder.follow(TWO)

    await guests.until(3)

    assert guests.looks == [TWO] * 3


async def test_a_look_that_failed_is_one_that_found_nothing(finder: AddressFinder, guests: Guests) -> None:
    guests.fails = True
    finder.follow(ONE)

    await guests.until(3)

    assert guests.looks == [ONE] * 3
