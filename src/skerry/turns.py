"""One at a time for each of many things, at no cost for those that nobody works with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from weakref import WeakValueDictionary


class Turns:
    """A lock for each key; it is there while somebody holds it or waits for it."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def take(self, *keys: str) -> AsyncIterator[None]:
        """Wait for one's turn with all of these keys; who came first is first."""
        async with AsyncExitStack() as held:
            for key in sorted(set(keys)):  # in one order, so that nobody waits for each other
                lock = self._locks.get(key)
                if lock is None:
                    lock = self._locks[key] = asyncio.Lock()
                await held.enter_async_context(lock)
            yield
