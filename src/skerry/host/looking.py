"""Looking at things that were touched: many touches that come close together are one look."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable

from skerry.errors import SkerryError, Unavailable

_log = logging.getLogger(__name__)
_RETRY_S = 1.0  # before a look that failed is tried again; doubles
_LONGEST_RETRY_S = 30.0


class Looking:
    """Looks at things by key; one look at a time for each, and one more where it was touched meanwhile."""

    def __init__(self, *, retry_s: float = _RETRY_S) -> None:
        self._retry_s = retry_s
        self._touched: set[Hashable] = set()
        self._tasks: dict[Hashable, asyncio.Task[None]] = {}

    def touch(self, key: Hashable, look: Callable[[], Awaitable[None]]) -> None:
        """Look at a thing soon."""
        self._touched.add(key)
        if key not in self._tasks:
            task = asyncio.create_task(self._run(key, look), name=f"look at {key}")
            self._tasks[key] = task
            task.add_done_callback(lambda done: self._done(key, done))

    async def stop(self) -> None:
        """End all looks; may be called twice."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _run(self, key: Hashable, look: Callable[[], Awaitable[None]]) -> None:
        wait = self._retry_s
        while key in self._touched:
            self._touched.discard(key)
            try:
                await look()
            except Unavailable:
                return  # the hypervisor went away: all is listed anew when it is back
            except SkerryError as exc:
                _log.warning("cannot look at %s, and try again in %g s: %s", key, wait, exc)
                self._touched.add(key)
                await asyncio.sleep(wait)
                wait = min(2 * wait, _LONGEST_RETRY_S)

    def _done(self, key: Hashable, task: asyncio.Task[None]) -> None:
        self._tasks.pop(key, None)
        self._touched.discard(key)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a look at %s failed unexpectedly", key, exc_info=error)
