"""Blocking calls run in threads, and a stuck one costs no more than itself."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from skerry.errors import InvalidState, TimedOut, Unavailable
from skerry.hypervisor.calls import CallPool


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """Lets stuck calls return, at the latest when the test ends."""
    event = threading.Event()
    yield event
    event.set()


async def until(true: object) -> None:
    assert callable(true)
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.001)


async def stick(pool: CallPool, release: threading.Event) -> None:
    with pytest.raises(TimedOut):
        await pool.run(release.wait, deadline_s=0.01)


async def test_a_call_gives_its_result() -> None:
    pool = CallPool()

    assert await pool.run(lambda: 6 * 7, deadline_s=10) == 42

    pool.close()


async def test_a_call_gives_its_error() -> None:
    pool = CallPool()

    def fail() -> None:
        raise InvalidState("not now")

    with pytest.raises(InvalidState, match="not now"):
        await pool.run(fail, deadline_s=10)

    pool.close()


async def test_more_calls_than_threads_all_end() -> None:
    pool = CallPool(threads=2)

    results = await asyncio.gather(*(pool.run(lambda n=n: n, deadline_s=10) for n in range(50)))  # type: ignore[misc]

    assert results == list(range(50))
    pool.close()


async def test_no_more_threads_than_allowed_run_at_once() -> None:
    pool = CallPool(threads=3)
    lock, now, most = threading.Lock(), 0, 0

    def work() -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        threading.Event().wait(0.005)
        with lock:
            now -= 1

    await asyncio.gather(*(pool.run(work, deadline_s=10) for _ in range(20)))

    assert most <= 3
    pool.close()


async def test_stuck_calls_leave_room_for_others(release: threading.Event) -> None:
    pool = CallPool(threads=2)

    for _ in range(5):
        await stick(pool, release)

    assert await pool.run(lambda: "alive", deadline_s=10) == "alive"
    assert pool.stuck == 5
    pool.close()


async def test_calls_that_waited_behind_stuck_ones_still_run(release: threading.Event) -> None:
    pool = CallPool(threads=1)
    stuck = asyncio.create_task(stick(pool, release))
    await until(lambda: pool._open == 1)

    assert await pool.run(lambda: "after", deadline_s=10) == "after"

    await stuck
    pool.close()


async def test_a_stuck_call_that_returns_late_is_forgotten(release: threading.Event) -> None:
    pool = CallPool()
    await stick(pool, release)

    release.set()

    await until(lambda: pool.stuck == 0)
    pool.close()


async def test_too_many_stuck_calls_are_said_aloud(release: threading.Event) -> None:
    pool = CallPool(threads=2, most_stuck=3)
    for _ in range(3):
        await stick(pool, release)

    with pytest.raises(Unavailable, match="3 calls to the hypervisor never came back"):
        await pool.run(lambda: None, deadline_s=10)

    pool.close()


async def test_a_call_that_never_began_is_never_done(release: threading.Event) -> None:
    pool = CallPool(threads=1)
    done: list[str] = []
    first = asyncio.create_task(pool.run(release.wait, deadline_s=10))
    await until(lambda: pool._open == 1)

    with pytest.raises(TimedOut):
        await pool.run(lambda: done.append("second"), deadline_s=0.01)
    release.set()
    await first
    await pool.run(lambda: done.append("third"), deadline_s=10)

    assert done == ["third"]
    pool.close()


async def test_a_cancelled_caller_leaves_the_pool_whole(release: threading.Event) -> None:
    pool = CallPool(threads=1)
    caller = asyncio.create_task(pool.run(release.wait, deadline_s=10))
    await until(lambda: pool._open == 1)

    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller

    assert await pool.run(lambda: "alive", deadline_s=10) == "alive"
    pool.close()


async def test_a_closed_pool_takes_no_calls() -> None:
    pool = CallPool()
    pool.close()
    pool.close()

    with pytest.raises(Unavailable):
        await pool.run(lambda: None, deadline_s=10)
