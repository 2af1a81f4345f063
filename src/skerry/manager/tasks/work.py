"""What a step has at hand."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from skerry.errors import Cancelled, Unavailable
from skerry.host.operation import Operation
from skerry.host.types import Machine
from skerry.link.port import Link
from skerry.manager.store.database import Database
from skerry.progress import Progress
from skerry.values import Frozen

A = TypeVar("A", bound=Frozen)
F = TypeVar("F", bound=Frozen)
R = TypeVar("R")

_log = logging.getLogger(__name__)
_HOST_WAIT_S = 60.0  # for a host that is away while a task runs
_FIRST_WAIT_S = 0.1
_LONGEST_WAIT_S = 2.0


class Waiting(Protocol):
    """How steps learn what hosts told."""

    async def wait_for(
        self, machine_id: UUID, condition: Callable[[Machine | None], bool], *, timeout_s: float
    ) -> bool:
        """Wait until what is known of a machine (None: gone) meets a condition; False when the time is over."""


@dataclass(frozen=True)
class Tools:
    """What all tasks work with."""

    database: Database
    link: Link
    inventory: Waiting
    host_wait_s: float = _HOST_WAIT_S


@dataclass
class Work(Generic[A]):
    """What a step has at hand."""

    task_id: UUID
    user: str
    args: A
    private: str | None  # what was asked for and must not outlive the task, such as user-data with passwords
    tools: Tools
    progress: Progress
    cancelled: asyncio.Event
    results: dict[str, Any] = field(default_factory=dict)  # what earlier steps returned, by their keys
    sheltered: bool = False  # while undoing, and where there is no way back: no cancellation is seen

    def check_cancelled(self) -> None:
        """Raise Cancelled when a person cancelled the task, and there is a way back."""
        if self.cancelled.is_set() and not self.sheltered:
            raise Cancelled("the task was cancelled")

    async def call(
        self,
        host: str,
        operation: Operation[F, R],
        args: F,
        *,
        deadline_s: float = 60.0,
        call_id: str | None = None,
    ) -> R:
        """Do an operation on a host; waits a while for a host that is away. Cancelling the task ends the call.

        Raises:
            Cancelled: the task was cancelled meanwhile.
            SkerryError: whatever the operation raised.
        """
        loop = asyncio.get_running_loop()
        give_up = loop.time() + self.tools.host_wait_s
        pause = _FIRST_WAIT_S
        while True:
            self.check_cancelled()
            try:
                return await self._call_once(host, operation, args, deadline_s, call_id)
            except Unavailable as exc:
                if loop.time() >= give_up:
                    raise
                self.progress.update(None, f"waiting for {host}: {exc.message}")
            await self.sleep(pause)
            pause = min(2 * pause, _LONGEST_WAIT_S)

    async def sleep(self, seconds: float) -> None:
        """Wait, but not past a cancellation."""
        if self.sheltered:
            await asyncio.sleep(seconds)
            return
        try:
            async with asyncio.timeout(seconds):
                await self.cancelled.wait()
        except TimeoutError:
            return
        self.check_cancelled()

    async def until_cancelled(self, work: asyncio.Task[R]) -> R:
        """Wait for something that is cancelled with the task."""
        if self.sheltered:
            return await work
        stop = asyncio.create_task(self.cancelled.wait())
        try:
            await asyncio.wait([work, stop], return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                return work.result()
        finally:
            stop.cancel()
            if not work.done():
                work.cancel()
                await asyncio.wait([work])
        if not work.cancelled() and work.exception() is None:
            return work.result()  # it was done at the last moment
        raise Cancelled("the task was cancelled")

    async def _call_once(
        self, host: str, operation: Operation[F, R], args: F, deadline_s: float, call_id: str | None
    ) -> R:
        call = self.tools.link.call(
            host, operation, args, deadline_s=deadline_s, progress=self.progress, call_id=call_id
        )
        return await self.until_cancelled(asyncio.ensure_future(call))
