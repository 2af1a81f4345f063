"""What waits to be sent to one listener: bounded, and coalesced where only the latest matters."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Literal
from uuid import UUID

from skerry.manager.access import Access
from skerry.manager.sight import PERMISSION_TO_SEE
from skerry.manager.types import Fact, ObjectKind, SamplesOfHost, TaskProgress

_FACTS = 1000
_LINES = 200  # of a task's log, in one piece of progress; all of them are in its log


class Subscriber:
    """One listener. Facts that it does not take in time are lost, and it is told so."""

    def __init__(self, user: str, access: Access, *, limit: int = _FACTS) -> None:
        self.user = user
        self.access = access
        self._limit = limit
        self._facts: deque[Fact] = deque()
        self._progress: dict[UUID, TaskProgress] = {}
        self._samples: dict[str, SamplesOfHost] = {}
        self._lost = False
        self._ended = False
        self._news = asyncio.Event()

    def allows(self, kind: ObjectKind, pool_id: UUID | None) -> bool:
        """Whether the listener may see things of a kind in a pool."""
        return self.access.allows(PERMISSION_TO_SEE[kind], pool_id)

    def put_fact(self, fact: Fact) -> None:
        """A fact comes next."""
        if not self._lost:
            self._facts.append(fact)
        if len(self._facts) > self._limit:
            self.lose()
        self._news.set()

    def put_progress(self, progress: TaskProgress) -> None:
        """Tell how far a task is; what waited of the same task is replaced, its log lines are kept."""
        waiting = self._progress.get(progress.task)
        if waiting is not None and waiting.lines:
            lines = (*waiting.lines, *progress.lines)[-_LINES:]
            progress = progress.model_copy(update={"lines": lines})
        self._progress[progress.task] = progress
        self._news.set()

    def put_samples(self, samples: SamplesOfHost) -> None:
        """Tell what is used; what waited of the same host is replaced."""
        self._samples[samples.host] = samples
        self._news.set()

    def lose(self) -> None:
        """Forget the facts that wait: the listener has to list anew."""
        self._facts.clear()
        self._lost = True
        self._news.set()

    def end(self) -> None:
        """Nothing comes any more."""
        self._ended = True
        self._news.set()

    async def next(self) -> Fact | TaskProgress | SamplesOfHost | Literal["lost"] | None:
        """What is to be sent next, facts first; None at the end."""
        while not self._ended:
            if self._lost:
                self._lost = False
                return "lost"
            if self._facts:
                return self._facts.popleft()
            if self._progress:
                return self._progress.pop(next(iter(self._progress)))
            if self._samples:
                return self._samples.pop(next(iter(self._samples)))
            self._news.clear()
            await self._news.wait()
        return None
