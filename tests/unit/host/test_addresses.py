"""Looking for addresses while there are none."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from skerry.errors import Unavailable
from skerry.host.addresses import AddressFinder

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


async def test_a_machine_is_looked_at_until_it_has_an_address(finder: AddressFinder, guests: Guests) -> None:
    finder.want(ONE)
    finder.want(ONE)
    await guests.until(3)

    finder.want(TWO)
    await guests.until(6)

    assert guests.looks == [ONE] * 3 + [TWO] * 3


async def test_a_forgotten_machine_is_not_looked_at(finder: AddressFinder, guests: Guests) -> None:
    finder.want(ONE)
    finder.forget(ONE)
    finder.want(TWO)

    await guests.until(3)

    assert guests.looks == [TWO] * 3


async def test_a_look_that_failed_is_one_that_found_nothing(finder: AddressFinder, guests: Guests) -> None:
    guests.fails = True
    finder.want(ONE)

    await guests.until(3)

    assert guests.looks == [ONE] * 3


async def test_a_machine_with_an_agent_is_looked_at_at_once(guests: Guests) -> None:
    finder = AddressFinder(guests.look, first_wait_s=3600)
    running = asyncio.create_task(finder.run())
    finder.want(TWO)

    finder.want(ONE, at_once=True)
    await guests.until(1)

    assert guests.looks == [ONE]
    running.cancel()
    await asyncio.wait([running])
