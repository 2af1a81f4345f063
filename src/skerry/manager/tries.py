"""Wrong passwords are slowed down, per user and per address, in bounded memory.

A few wrong tries are free: people mistype. Then each wrong one doubles the wait until the next is looked at, up to
a limit; a right one forgets them. Who only knows a name can keep its owner waiting so, but never longer than that.
Tries for the same user or from the same address are looked at one after the other, so many at once do not get by.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from skerry.errors import TooManyTries
from skerry.turns import Turns

FREE = 4
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0
_FORGET_S = 15 * 60.0
_MOST = 10_000  # users and addresses remembered; the oldest are forgotten first


@dataclass
class _Tries:
    wrong: int = 0
    last: float = 0.0

    def wait_s(self) -> float:
        """How long after the last wrong try the next one is looked at."""
        if self.wrong < FREE:
            return 0.0
        return min(FIRST_WAIT_S * 2.0 ** min(self.wrong - FREE, 16), LONGEST_WAIT_S)


class WrongTries:
    """Remembers wrong tries by key, such as `user:anna` or `address:192.0.2.7`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tries: OrderedDict[str, _Tries] = OrderedDict()
        self._turns = Turns()

    @asynccontextmanager
    async def one(self, *keys: str) -> AsyncIterator[None]:
        """Look at one try, and say how it was, before the next one with any of these keys.

        Raises:
            TooManyTries: one of the keys has to wait.
        """
        async with self._turns.take(*keys):
            self.check(*keys)
            yield

    def check(self, *keys: str) -> None:
        """Raise while one of the keys has to wait.

        Raises:
            TooManyTries: the hint says for how long.
        """
        now = self._clock()
        waits = [tries.last + tries.wait_s() - now for key in keys if (tries := self._tries.get(key)) is not None]
        left = max(waits, default=0.0)
        if left > 0:
            error = TooManyTries(
                "too many wrong passwords", hint=f"try again in {left:.0f} s" if left >= 1 else None
            )
            error.retry_after_s = left
            raise error

    def wrong(self, *keys: str) -> None:
        """Count a wrong try."""
        now = self._clock()
        for key in keys:
            tries = self._tries.pop(key, None)
            if tries is None or now - tries.last > _FORGET_S:
                tries = _Tries()
            tries.wrong += 1
            tries.last = now
            self._tries[key] = tries
        while len(self._tries) > _MOST:
            self._tries.popitem(last=False)

    def right(self, *keys: str) -> None:
        """Forget the wrong tries of these keys."""
        for key in keys:
            self._tries.pop(key, None)
