"""Finding the addresses of guests: asked for while a running guest has none, and never otherwise.

A guest gets its address some seconds after its start, and nothing tells when. So a machine that was just started
is looked at soon, then less and less often; once an address is known, or the machine stops, nobody asks any more.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Awaitable, Callable
from uuid import UUID

from skerry.errors import SkerryError

_log = logging.getLogger(__name__)
FIRST_WAIT_S = 1.0
_GROWTH = 1.5
_LONGEST_WAIT_S = 60.0


class AddressFinder:
    """Looks at machines that have no address yet; `look` notes what it finds, and tells whether it found any."""

    def __init__(self, look: Callable[[UUID], Awaitable[bool]], *, first_wait_s: float = FIRST_WAIT_S) -> None:
        self._look = look
        self._first_wait_s = first_wait_s
        self._wanted: dict[UUID, float] = {}  # the wait that comes after the next look
        self._due: list[tuple[float, UUID]] = []
        self._news = asyncio.Event()

    def want(self, uuid: UUID, *, at_once: bool = False) -> None:
        """Look for the addresses of a machine until there are some."""
        if uuid in self._wanted and not at_once:
            return
        self._wanted[uuid] = self._first_wait_s
        wait = 0.0 if at_once else self._first_wait_s
        heapq.heappush(self._due, (asyncio.get_running_loop().time() + wait, uuid))
        self._news.set()

    def forget(self, uuid: UUID) -> None:
        """Do not look any more."""
        self._wanted.pop(uuid, None)

    async def run(self) -> None:
        """Look, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            self._news.clear()
            if not self._due:
                await self._news.wait()
            due, uuid = self._due[0]
            if due > loop.time():
                await self._sleep(due - loop.time())
            else:
                heapq.heappop(self._due)
                await self._try(uuid)

    async def _sleep(self, wait_s: float) -> None:
        """Until then, or until there is something new."""
        try:
            async with asyncio.timeout(wait_s):
                await self._news.wait()
        except TimeoutError:
            return

    async def _try(self, uuid: UUID) -> None:
        wait = self._wanted.get(uuid)
        if wait is None:
            return
        try:
            found = await self._look(uuid)
        except SkerryError as exc:
            _log.debug("the addresses of %s cannot be told now: %s", uuid, exc)
            found = False
        if uuid not in self._wanted:
            return
        if found:
            self.forget(uuid)
        else:
            self._wanted[uuid] = min(wait * _GROWTH, _LONGEST_WAIT_S)
            heapq.heappush(self._due, (asyncio.get_running_loop().time() + wait, uuid))
