"""When guests are asked for their addresses: often while they are expected to change, and now and then for ever.

A guest gets its address some seconds after its start, and nothing tells when; another card, IPv6 or a new lease
may come later. So a machine is looked at soon after anything about it or its cards changed, then less and less
often: each minute while it has no address at all, and each five minutes once it has one.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from uuid import UUID

from skerry.errors import SkerryError

_log = logging.getLogger(__name__)
FIRST_WAIT_S = 1.0
_LONGEST_WITHOUT_S = 60.0
_LONGEST_WITH_S = 300.0  # a look takes some milliseconds; of a thousand machines, 1 % of a core


@dataclass
class _Followed:
    """A machine, and when it is looked at."""

    about: Hashable
    due: float
    wait: float  # after that look, till the next


class AddressFinder:
    """Looks at running machines; `look` notes what it finds, and tells whether the machine has any address."""

    def __init__(self, look: Callable[[UUID], Awaitable[bool]], *, first_wait_s: float = FIRST_WAIT_S) -> None:
        self._look = look
        self._first_wait_s = first_wait_s
        self._followed: dict[UUID, _Followed] = {}
        self._due: list[tuple[float, UUID]] = []  # also times that are no longer true
        self._news = asyncio.Event()

    def follow(self, uuid: UUID, about: Hashable = None) -> None:
        """Look for the addresses of a machine from now on; often again when `about` differs from the last time."""
        known = self._followed.get(uuid)
        if known is None or known.about != about:
            self._begin(uuid, about, self._first_wait_s)

    def again(self, uuid: UUID, *, at_once: bool = False) -> None:
        """Look often again, if the machine is followed: its addresses may be others now."""
        known = self._followed.get(uuid)
        if known is not None:
            self._begin(uuid, known.about, 0.0 if at_once else self._first_wait_s)

    def forget(self, uuid: UUID) -> None:
        """Do not look any more."""
        self._followed.pop(uuid, None)

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
                followed = self._followed.get(uuid)
                if followed is not None and followed.due == due:
                    await self._try(uuid, followed)

    def _begin(self, uuid: UUID, about: Hashable, wait: float) -> None:
        due = asyncio.get_running_loop().time() + wait
        self._plan(uuid, _Followed(about, due, self._first_wait_s))

    def _plan(self, uuid: UUID, followed: _Followed) -> None:
        self._followed[uuid] = followed
        heapq.heappush(self._due, (followed.due, uuid))
        self._news.set()

    async def _sleep(self, wait_s: float) -> None:
        """Until then, or until there is something new."""
        try:
            async with asyncio.timeout(wait_s):
                await self._news.wait()
        except TimeoutError:
            return

    async def _try(self, uuid: UUID, followed: _Followed) -> None:
        try:
            found = await self._look(uuid)
        except SkerryError as exc:
            _log.debug("the addresses of %s cannot be told now: %s", uuid, exc)
            found = False
        if self._followed.get(uuid) is followed:  # neither forgotten nor begun anew meanwhile
            wait, after = waits(followed.wait, found=found)
            self._plan(uuid, _Followed(followed.about, asyncio.get_running_loop().time() + wait, after))


def waits(planned_s: float, *, found: bool) -> tuple[float, float]:
    """How long to wait after a look, and what to plan for after the next one."""
    longest, growth = (_LONGEST_WITH_S, 4.0) if found else (_LONGEST_WITHOUT_S, 1.5)
    wait = min(planned_s, longest)
    return wait, min(wait * growth, _LONGEST_WITH_S)
