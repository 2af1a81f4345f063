"""A connection to the tests' own libvirt, and little machines in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from tests.fixtures import little_guest
from tests.fixtures.private_libvirt import PrivateLibvirt

from skerry.hypervisor import machines
from skerry.hypervisor.connection import Hypervisor
from skerry.hypervisor.domain_xml import DiskSource, Platform
from skerry.hypervisor.events import HypervisorEvent
from skerry.hypervisor.types import Machine, NewDisk, NewMachine

MIB = 1024**2


@dataclass(frozen=True)
class Lab:
    """The hypervisor under test, and the libvirt behind its back."""

    hypervisor: Hypervisor
    libvirt: PrivateLibvirt

    @property
    def platform(self) -> Platform:
        return Platform("qemu", "x86_64", self.libvirt.serial_logs)

    async def define(self, name: str = "little", *sources: DiskSource, **more: object) -> Machine:
        """A machine with 32 MiB and no disk, unless more is said."""
        disks = tuple(NewDisk(storage_pool="pool", volume=Path(source.path).name) for source in sources)
        values: dict[str, object] = {"uuid": uuid4(), "name": name, "vcpus": 1, "memory": 32 * MIB, "disks": disks}
        new = NewMachine.model_validate(values | more)
        platform = self.platform
        return await self.hypervisor.call(lambda c: machines.define_machine(c, new, platform, sources))

    async def get(self, uuid: UUID) -> Machine:
        return await self.hypervisor.call(lambda c: machines.get_machine(c, uuid))

    async def start(self, uuid: UUID) -> Machine:
        return await self.hypervisor.call(lambda c: machines.start(c, uuid))

    def guest_disk(self, name: str = "guest.img") -> DiskSource:
        """A disk with a guest that greets on its consoles."""
        path = self.libvirt.pools / name
        path.write_bytes(little_guest.disk())
        return DiskSource(str(path), "raw")


class Heard:
    """All events of a hypervisor since this began to listen."""

    def __init__(self, hypervisor: Hypervisor) -> None:
        self.events: list[HypervisorEvent] = []
        self._hypervisor = hypervisor
        self._more = asyncio.Condition()

    async def listen(self) -> None:
        async for event in self._hypervisor.events():
            async with self._more:
                self.events.append(event)
                self._more.notify_all()

    async def until(self, true: Callable[[HypervisorEvent], bool], *, limit_s: float = 60) -> HypervisorEvent:
        """The first event for which this is true, past or to come."""
        async with asyncio.timeout(limit_s), self._more:
            await self._more.wait_for(lambda: any(map(true, self.events)))
            return next(filter(true, self.events))

    def forget(self) -> None:
        self.events.clear()


@pytest.fixture
async def lab(clean_libvirtd: PrivateLibvirt) -> AsyncIterator[Lab]:
    hypervisor = Hypervisor(clean_libvirtd.uri, definitions=clean_libvirtd.definitions)
    await hypervisor.start()
    await hypervisor.wait_connected()
    yield Lab(hypervisor, clean_libvirtd)
    await hypervisor.stop()


@pytest.fixture
async def heard(lab: Lab) -> AsyncIterator[Heard]:
    heard = Heard(lab.hypervisor)
    listening = asyncio.create_task(heard.listen())
    await heard.until(lambda _event: True)
    yield heard
    listening.cancel()
    await asyncio.wait([listening])


async def eventually(true: Callable[[], Awaitable[bool]], *, limit_s: float = 60) -> None:
    """Wait for a condition that has no event."""
    async with asyncio.timeout(limit_s):
        while not await true():
            await asyncio.sleep(0.02)
