"""What the suites of this folder are given; classes of test modules inherit them, and give the fixture `host`.

The host is started, reached, without machines, with a storage pool `skerry` that has no volumes, and a network
`default`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from skerry.host.agent import Host
from skerry.host.operation import MachineRef
from skerry.host.operations import (
    machines,
    volumes,
)
from skerry.host.types import (
    CloneKind,
    HostEvent,
    Machine,
    MachineChanged,
    MachineState,
    NewDisk,
    NewMachine,
    NewNic,
    Volume,
)

MIB = 1024**2
POOL = "skerry"
ONE = UUID("11111111-1111-4111-8111-111111111111")
TWO = UUID("22222222-2222-4222-8222-222222222222")
REF = MachineRef(uuid=ONE)


def new(
    uuid: UUID = ONE, name: str = "one", *disks: str, memory: int = 64 * MIB, nics: tuple[NewNic, ...] = ()
) -> NewMachine:
    """A small machine on volumes that exist."""
    plugged = tuple(NewDisk(storage_pool=POOL, volume=disk) for disk in disks)
    return NewMachine(uuid=uuid, name=name, vcpus=1, memory=memory, disks=plugged, nics=nics)


async def volume(host: Host, name: str, *, size: int = 8 * MIB) -> Volume:
    """A new empty volume."""
    args = volumes.NewVolume(storage_pool=POOL, name=name, size=size, origin=f"make {name}")
    return await host.call(volumes.create, args)


async def machine(host: Host, *disks: str) -> Machine:
    """A new machine on new volumes."""
    for disk in disks:
        await volume(host, disk)
    return await host.call(machines.create, new(ONE, "one", *disks))


async def clone(host: Host, source: str, name: str, *, full: bool = False) -> Volume:
    args = volumes.CloneVolume(
        storage_pool=POOL,
        source=source,
        name=name,
        how=CloneKind.FULL if full else CloneKind.THIN,
        origin=f"clone {name}",
    )
    return await host.call(volumes.clone, args)


async def delete(host: Host, name: str) -> None:
    await host.call(volumes.delete, volumes.DeleteVolume(storage_pool=POOL, name=name))


async def seed(host: Host, name: str) -> Volume:
    """A CD with first settings."""
    args = volumes.SeedVolume(
        storage_pool=POOL, name=name, instance_id="i-1", hostname="one", user_data="#cloud-config\n", origin=name
    )
    return await host.call(volumes.seed, args)


@asynccontextmanager
async def events(host: Host) -> AsyncIterator[asyncio.Queue[HostEvent]]:
    """What the host tells from now on."""
    queue: asyncio.Queue[HostEvent] = asyncio.Queue()
    end = host.listen(queue.put_nowait)
    yield queue
    end()


async def until(queue: asyncio.Queue[HostEvent], uuid: UUID, state: MachineState) -> None:
    """Wait until a machine is told to be in a state."""
    async with asyncio.timeout(30):
        while True:
            event = await queue.get()
            if isinstance(event, MachineChanged) and (event.machine.uuid, event.machine.state) == (uuid, state):
                return
