"""Runs what would leave things behind if it were cut off, such as half a guest: TERM and HUP end it in order."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine
from typing import Any

from skerry.cli import output

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


def run_until_told(work: Coroutine[Any, Any, None]) -> None:
    """Run it to its end, or until somebody asks this process to end: then it is cancelled, and cleans up.

    The process ends then, with the status that shells give to such an end, 143 or 129. Threads are not waited for:
    one may read from a pipe into which nobody writes.
    """
    asyncio.run(_until_told(work))


async def _until_told(work: Coroutine[Any, Any, None]) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    told: list[signal.Signals] = []

    def on_signal(number: signal.Signals) -> None:
        if not told:  # a terminal that goes away says so twice; what is being cleaned up must not be cancelled
            task.cancel()
        told.append(number)

    heard = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]  # nohup
    for number in heard:
        loop.add_signal_handler(number, on_signal, number)
    try:
        await work
    except asyncio.CancelledError:
        if not told:
            raise
        output.say(f"stopped by {told[0].name}")
        os._exit(128 + told[0])
    finally:
        for number in heard:
            loop.remove_signal_handler(number)
