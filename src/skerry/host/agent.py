"""The agent of one hypervisor: it offers operations, and tells what happens.

A host is put together from a hypervisor and storage behind their ports: `skerry.host.real` does it with libvirt,
`skerry.host.simulated` in memory.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TypeVar
from uuid import UUID

from skerry.errors import SkerryError, Unavailable
from skerry.host.call import Calls
from skerry.host.claims import Claims
from skerry.host.guest_oses import GuestOses
from skerry.host.inventory import INACTIVE, Inventory
from skerry.host.operation import ByteStream, Operation
from skerry.host.port import Action, HypervisorPort
from skerry.host.storage import HostStorage
from skerry.host.types import Frozen, HostEvent, Machine
from skerry.host.watch import Watch
from skerry.progress import Progress

A = TypeVar("A", bound=Frozen)
R = TypeVar("R")

_log = logging.getLogger(__name__)
_SAMPLE_S = 2.0  # between two samples, while machines run
_AFTER_BUG_S = 1.0  # before the hypervisor is followed anew
_STREAM_DEADLINE_S = 30.0  # to open one


class Host:
    """What operations work with: the hypervisor, its storage, and what is known of both."""

    def __init__(
        self,
        name: str,
        hypervisor: HypervisorPort,
        storage: HostStorage,
        *,
        guest_oses: GuestOses | None = None,
        sample_s: float = _SAMPLE_S,
    ) -> None:
        self.name = name
        self.hypervisor = hypervisor
        self.storage = storage
        self.guest_oses = guest_oses or GuestOses()
        self.inventory = Inventory()
        self.claims = Claims()
        self.watch = Watch(name, hypervisor, storage, self.inventory)
        self._calls = Calls()
        self.sample_s = sample_s
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect to the hypervisor, make the storage ready, and begin to tell what happens."""
        async with AsyncExitStack() as undo:
            undo.push_async_callback(self.stop)
            await self.hypervisor.start()
            await self.storage.start(self.watch.volumes_changed)
            self._running = asyncio.create_task(self._run(), name=f"host {self.name}")
            undo.pop_all()

    async def stop(self) -> None:
        """End what runs, and let go of everything; machines go on. May be called twice."""
        await self._calls.stop()
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait([self._running])
            self._running = None
        await self.storage.stop()
        await self.hypervisor.stop()

    async def call(
        self,
        operation: Operation[A, R],
        args: A,
        *,
        call_id: str | None = None,
        deadline_s: float = 30.0,
        progress: Progress | None = None,
    ) -> R:
        """Do one operation; see `skerry.host.call`."""

        def work() -> Awaitable[R]:
            return operation.run(self, args)

        return await self._calls.run(
            operation, args, work, call_id=call_id, deadline_s=deadline_s, progress=progress
        )

    async def stream(self, operation: Operation[A, ByteStream], args: A) -> ByteStream:
        """Open a stream; the caller closes it."""
        return await self.call(operation, args, deadline_s=_STREAM_DEADLINE_S)

    def state(self) -> list[HostEvent]:
        """Events that tell all that is known now."""
        return self.inventory.state()

    def listen(self, listener: Callable[[HostEvent], None]) -> Callable[[], None]:
        """Call the listener for each event from now on; the returned function ends that."""
        return self.inventory.listen(listener)

    async def act(self, uuid: UUID, action: Action) -> Machine:
        """Do something with a whole machine, and show what it is then."""
        return await self.watch.note(self.hypervisor.act(uuid, action))

    def check_hypervisor(self) -> None:
        """Make sure that what is known is how things are.

        Raises:
            Unavailable: the hypervisor is away.
        """
        if (reason := self.inventory.lost) is not None:
            raise Unavailable(f"the hypervisor of {self.name} cannot be reached: {reason}")

    async def _run(self) -> None:
        """Follow the hypervisor; after a bug begin anew, which lists everything."""
        while True:
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self.watch.run())
                    group.create_task(self._sample())
            except* Exception as failed:  # noqa: BLE001 - the supervisor of a host's tasks: a bug is told, not hidden
                _log.exception("the host %s lost track of its hypervisor", self.name)
                self.inventory.note_lost(f"the agent failed: {failed.exceptions[0]!r}")
            await asyncio.sleep(_AFTER_BUG_S)

    async def _sample(self) -> None:
        """Tell what machines use, while there are any that run."""
        while True:
            await asyncio.sleep(self.sample_s)
            active = any(machine.state not in INACTIVE for machine in self.inventory.machines.values())
            if active and self.inventory.lost is None:
                try:
                    self.inventory.publish(await self.hypervisor.samples())
                except SkerryError as exc:
                    _log.debug("no samples of %s now: %s", self.name, exc)
