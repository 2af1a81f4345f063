"""Wrong passwords are slowed down."""

from __future__ import annotations

import asyncio

import pytest

from skerry.errors import TooManyTries
from skerry.manager.tries import FREE, LONGEST_WAIT_S, WrongTries


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tries(clock: Clock) -> WrongTries:
    return WrongTries(clock)


def wrong(tries: WrongTries, times: int) -> None:
    for _ in range(times):
        tries.wrong("user:anna", "address:192.0.2.7")


def test_a_few_mistakes_are_free(tries: WrongTries) -> None:
    wrong(tries, FREE - 1)

    tries.check("user:anna", "address:192.0.2.7")


def test_more_of_them_have_to_wait_and_the_wait_ends(tries: WrongTries, clock: Clock) -> None:
    wrong(tries, FREE)

    with pytest.raises(TooManyTries) as refusal:
        tries.check("user:anna")
    assert refusal.value.hint == "try again in 1 s"

    clock.now += 1
    tries.check("user:anna")


def test_another_name_from_the_same_address_waits_as_well(tries: WrongTries) -> None:
    wrong(tries, FREE)

    with pytest.raises(TooManyTries):
        tries.check("user:bert", "address:192.0.2.7")
    tries.check("user:bert", "address:192.0.2.8")


def test_the_wait_doubles_up_to_a_limit_so_that_nobody_is_locked_out(tries: WrongTries, clock: Clock) -> None:
    wrong(tries, 1000)

    with pytest.raises(TooManyTries):
        tries.check("user:anna")
    clock.now += LONGEST_WAIT_S
    tries.check("user:anna")


def test_the_right_password_forgets_the_wrong_ones(tries: WrongTries) -> None:
    wrong(tries, FREE)

    tries.right("user:anna", "address:192.0.2.7")

    tries.check("user:anna", "address:192.0.2.7")


def test_mistakes_of_long_ago_do_not_count(tries: WrongTries, clock: Clock) -> None:
    wrong(tries, FREE - 1)
    clock.now += 3600

    wrong(tries, 1)

    tries.check("user:anna")


def test_memory_is_bounded(tries: WrongTries) -> None:
    for number in range(30_000):
        tries.wrong(f"user:{number}")

    assert len(tries._tries) == 10_000


async def test_many_tries_at_once_are_counted_like_one_after_the_other(tries: WrongTries) -> None:
    looked_at = 0

    async def guess(name: str, address: str) -> None:
        nonlocal looked_at
        async with tries.one(f"user:{name}", f"address:{address}"):
            looked_at += 1
            await asyncio.sleep(0)  # the database is read, and argon2 computes
            tries.wrong(f"user:{name}", f"address:{address}")

    guesses = [guess("anna", f"192.0.2.{number}") for number in range(10)]
    guesses += [guess(f"user{number}", "192.0.2.77") for number in range(10)]
    ends = await asyncio.gather(*guesses, return_exceptions=True)

    assert looked_at == 2 * FREE
    assert sum(isinstance(end, TooManyTries) for end in ends) == 20 - 2 * FREE
