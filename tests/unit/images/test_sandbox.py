"""The end of a sandbox, as far as bubblewrap told of it; that it is waited for is in the tests of sessions."""

from __future__ import annotations

import asyncio
import os

import psutil

from skerry.images.sandbox import whole_end


async def _ends_after(told: bytes) -> None:
    async with asyncio.timeout(60):
        async with whole_end() as info:
            os.write(info, told)


async def test_a_sandbox_that_never_began_is_not_waited_for() -> None:
    async with asyncio.timeout(60):
        async with whole_end():
            pass


async def test_a_sandbox_that_was_killed_while_it_told_of_itself_is_not_waited_for() -> None:
    await _ends_after(b'{\n    "child-pi')


async def test_another_process_that_has_the_number_now_is_not_waited_for() -> None:
    await _ends_after(b'{\n    "child-pid": %d,' % os.getpid())


async def test_a_number_that_nobody_has_any_more_is_not_waited_for() -> None:
    free = next(number for number in range(2, 1 << 22) if not psutil.pid_exists(number))

    await _ends_after(b'{\n    "child-pid": %d,' % free)
