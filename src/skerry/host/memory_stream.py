"""A stream of bytes that greets, and repeats what it is told."""

from __future__ import annotations

import asyncio


class MemoryStream:
    """The open end of something simulated."""

    def __init__(self, greeting: bytes = b"") -> None:
        self._waiting = greeting
        self._ended = False
        self._news = asyncio.Event()

    async def read(self) -> bytes:
        """What waits to be read; empty after the end."""
        while not self._waiting and not self._ended:
            self._news.clear()
            await self._news.wait()
        data, self._waiting = self._waiting, b""
        return data

    async def write(self, data: bytes) -> None:
        """Repeat it."""
        self._waiting += data
        self._news.set()

    async def finish(self) -> None:
        """No more is told, so there is no more to repeat."""
        self._ended = True
        self._news.set()

    async def close(self) -> None:
        """End it."""
        await self.finish()
