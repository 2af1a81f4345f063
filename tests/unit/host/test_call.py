"""Calls of operations: answers remembered, deadlines kept, errors all ours."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest
from pydantic import TypeAdapter

from skerry.errors import BadInput, NotFound, SkerryError, TimedOut
from skerry.host.call import Calls, parse_arguments, progress_of_call
from skerry.host.operation import Operation, Pace, Permission, Target
from skerry.host.types import Frozen
from skerry.progress import Collected, Progress


class Number(Frozen):
    value: int


async def never(host: object, args: Number) -> int:
    raise AssertionError("calls are given what they do")


DOUBLE = Operation(
    "test.double",
    Target.HOST,
    Permission.HOST_VIEW,
    Pace.QUICK,
    "Double a number.",
    Number,
    TypeAdapter(int),
    never,
)


class Doubling:
    """Work that counts how often it was done, and waits until it is let go."""

    def __init__(self) -> None:
        self.done = 0
        self.undone = 0
        self.begun = asyncio.Event()
        self.go = asyncio.Event()
        self.fails: Exception | None = None

    async def __call__(self) -> int:
        self.begun.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.undone += 1
            raise
        self.done += 1
        if self.fails:
            raise self.fails
        return 42


@pytest.fixture
def work() -> Doubling:
    return Doubling()


@pytest.fixture
def calls() -> Calls:
    return Calls()


async def called(
    calls: Calls,
    work: Callable[[], Awaitable[int]],
    *,
    value: int = 21,
    call_id: str | None = None,
    deadline_s: float = 30.0,
    progress: Progress | None = None,
) -> int:
    return await calls.run(
        DOUBLE, Number(value=value), work, call_id=call_id, deadline_s=deadline_s, progress=progress
    )


async def test_a_call_gives_the_result(calls: Calls, work: Doubling) -> None:
    work.go.set()

    assert await called(calls, work) == 42


async def test_a_repeated_id_gets_the_first_answer(calls: Calls, work: Doubling) -> None:
    work.go.set()

    answers = [await called(calls, work, call_id="a") for _ in range(3)]

    assert answers == [42, 42, 42]
    assert work.done == 1


async def test_a_call_without_an_id_is_done_each_time(calls: Calls, work: Doubling) -> None:
    work.go.set()

    await called(calls, work)
    await called(calls, work)

    assert work.done == 2


async def test_a_call_that_runs_is_joined(calls: Calls, work: Doubling) -> None:
    both = asyncio.gather(called(calls, work, call_id="a"), called(calls, work, call_id="a"))
    await work.begun.wait()
    work.go.set()

    assert await both == [42, 42]
    assert work.done == 1


async def test_a_failed_call_is_done_anew(calls: Calls, work: Doubling) -> None:
    work.go.set()
    work.fails = NotFound("no such number")
    with pytest.raises(NotFound, match="no such number"):
        await called(calls, work, call_id="a")
    work.fails = None

    assert await called(calls, work, call_id="a") == 42


async def test_an_id_belongs_to_one_question(calls: Calls, work: Doubling) -> None:
    work.go.set()
    await called(calls, work, call_id="a")

    with pytest.raises(BadInput, match="another call"):
        await called(calls, work, value=7, call_id="a")


async def test_arguments_are_of_the_operations_kind(calls: Calls, work: Doubling) -> None:
    with pytest.raises(BadInput, match=r"test\.double takes Number, not Frozen"):
        await calls.run(DOUBLE, Frozen(), work, call_id=None, deadline_s=1, progress=None)


async def test_a_passed_deadline_cancels_the_operation(calls: Calls, work: Doubling) -> None:
    with pytest.raises(TimedOut, match=r"test\.double took longer than 0\.01 s"):
        await called(calls, work, deadline_s=0.01)

    assert work.undone == 1


async def test_a_cancelled_caller_waits_until_the_work_is_undone(calls: Calls, work: Doubling) -> None:
    task = asyncio.create_task(called(calls, work))
    await work.begun.wait()

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert work.undone == 1


async def test_an_operation_goes_on_while_somebody_waits(calls: Calls, work: Doubling) -> None:
    patient = asyncio.create_task(called(calls, work, call_id="a"))
    await work.begun.wait()
    with pytest.raises(TimedOut):
        await called(calls, work, call_id="a", deadline_s=0.01)

    work.go.set()

    assert await patient == 42


async def test_an_unforeseen_error_is_logged_and_told_without_its_words(
    calls: Calls, work: Doubling, caplog: pytest.LogCaptureFixture
) -> None:
    work.go.set()
    work.fails = ZeroDivisionError("secret")

    with caplog.at_level(logging.ERROR), pytest.raises(SkerryError) as caught:
        await called(calls, work)

    assert "secret" not in caught.value.message
    assert "test.double" in caught.value.message
    assert "ZeroDivisionError" in caplog.text


async def test_work_tells_its_progress_to_the_caller(calls: Calls) -> None:
    async def work() -> int:
        progress_of_call().step("halve")
        return 42

    progress = Collected()
    await called(calls, work, progress=progress)

    assert progress.steps == ["halve"]


async def test_stopping_cancels_what_runs(calls: Calls, work: Doubling) -> None:
    caller = asyncio.create_task(called(calls, work))
    await work.begun.wait()

    await calls.stop()

    with pytest.raises(TimedOut, match="is ending"):
        await caller
    assert work.undone == 1


async def test_only_so_many_answers_are_remembered(calls: Calls, work: Doubling) -> None:
    work.go.set()
    for number in range(600):
        await called(calls, work, call_id=f"id {number}")

    await called(calls, work, call_id="id 0")

    assert work.done == 601


def test_an_unknown_operation_is_not_found() -> None:
    with pytest.raises(NotFound, match=r"no operation 'vm\.fly'"):
        parse_arguments("vm.fly", "{}")
