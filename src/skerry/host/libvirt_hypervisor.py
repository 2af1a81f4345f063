"""The port to a hypervisor, served by libvirt.

Each call is one function of `skerry.hypervisor`, which looks and acts in one go, run in the connection's pool.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from platform import machine
from typing import TypeVar
from uuid import UUID

import libvirt

from skerry.commands import CommandRunner
from skerry.host.operation import ByteStream
from skerry.host.port import (
    Action,
    AgentConnected,
    DiskImage,
    HypervisorEvent,
    Lost,
    MachineTouched,
    NetworksTouched,
    Reached,
    StorageTouched,
)
from skerry.host.types import (
    Address,
    Definition,
    HostFacts,
    Machine,
    MachineChanges,
    MachineState,
    Network,
    NewDisk,
    NewMachine,
    NewNic,
    Samples,
    Snapshot,
    StoragePool,
)
from skerry.hypervisor import events, machines, networks
from skerry.hypervisor.accelerator import AcceleratorProbe
from skerry.hypervisor.connection import Hypervisor
from skerry.hypervisor.consoles import SerialConsoles, open_graphics, read_serial_log
from skerry.hypervisor.domain_xml import DiskSource, Platform
from skerry.hypervisor.facts import host_facts
from skerry.hypervisor.reading import find, state_of
from skerry.hypervisor.samples import Sampler
from skerry.storage.pools import list_pools

T = TypeVar("T")
_MEMORY_TO_DISK_S = 1800.0  # saving and restoring write or read all of a machine's memory
_QUICK_S = 30.0
_LATE_S = 2.0  # so much later may QEMU's events come at most
_SNAPSHOT_S = 600.0  # the tables of large disks take time

# What is done, and the state in which it was done already: a step that was cut off may run again.
_ACTIONS: dict[Action, tuple[Callable[[libvirt.virConnect, UUID], Machine], MachineState | None]] = {
    Action.START: (machines.start, MachineState.RUNNING),
    Action.SHUTDOWN: (machines.shutdown, MachineState.STOPPED),
    Action.POWER_OFF: (machines.power_off, MachineState.STOPPED),
    Action.REBOOT: (machines.reboot, None),
    Action.RESET: (machines.reset, None),
    Action.PAUSE: (machines.pause, MachineState.PAUSED),
    Action.RESUME: (machines.resume, MachineState.RUNNING),
    Action.SAVE: (machines.save, MachineState.SAVED),
    Action.RESTORE: (machines.restore, MachineState.RUNNING),
}
_LONG = frozenset({Action.SAVE, Action.RESTORE, Action.START})  # starting a saved machine reads its memory


class LibvirtHypervisor:
    """The machines of one libvirt."""

    def __init__(
        self, connection: Hypervisor, *, serial_logs: Path, accelerator: AcceleratorProbe | None = None
    ) -> None:
        self._connection = connection
        self._serial_logs = serial_logs
        self._probe = accelerator or AcceleratorProbe(CommandRunner())
        self._probing: asyncio.Task[object] | None = None
        self._sampler = Sampler()
        self._serial_consoles = SerialConsoles(connection)

    async def start(self) -> None:
        """Begin to connect, and to find out how guests run here."""
        self._probing = asyncio.create_task(self._probe.result(), name="probe of the accelerator")
        await self._connection.start()

    async def stop(self) -> None:
        """Let go of libvirt; may be called twice."""
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.wait([self._probing])
        await self._serial_consoles.stop()
        await self._connection.stop()

    async def events(self) -> AsyncIterator[HypervisorEvent]:
        """What happens from now on."""
        async for event in self._connection.events():
            translated = _translated(event)
            if translated is not None:
                yield translated

    async def facts(self, name: str) -> HostFacts:
        """What the host is."""
        accelerator = await self._probe.result()
        return await self._connection.call(lambda connection: host_facts(connection, name, accelerator))

    async def machines(self) -> Sequence[Machine]:
        """All machines."""
        return await self._connection.call(machines.list_machines)

    async def machine(self, uuid: UUID) -> Machine:
        """One machine."""
        return await self._connection.call(lambda connection: machines.get_machine(connection, uuid))

    async def networks(self) -> Sequence[Network]:
        """All networks and bridges."""
        return await self._connection.call(networks.list_networks)

    async def storage_pools(self) -> Sequence[StoragePool]:
        """All storage pools."""
        return await self._connection.call(list_pools)

    async def samples(self) -> Samples:
        """What was used since the last time."""
        usage = await self._connection.call(self._sampler.take)
        return Samples(host_cpu=usage.host_cpu, host_free_memory=usage.host_free_memory, machines=usage.machines)

    async def define(self, new: NewMachine, images: Sequence[DiskImage | None]) -> None:
        """Define a machine."""
        accelerator = await self._probe.result()
        kind = "kvm" if accelerator.kind == "kvm" else "qemu"
        platform = Platform(kind, machine(), self._serial_logs)
        sources = [_source(image) for image in images]
        await self._connection.call(lambda connection: machines.define_machine(connection, new, platform, sources))

    async def define_xml(self, xml: str, expected_etag: str | None) -> UUID:
        """Store a definition."""
        machine = await self._connection.call(
            lambda connection: machines.define_xml(connection, xml, expected_etag=expected_etag)
        )
        return machine.uuid

    async def check_xml(self, xml: str) -> Definition:
        """The definition as it would be stored."""
        return await self._connection.call(lambda connection: machines.check_definition(connection, xml))

    async def definition(self, uuid: UUID) -> Definition:
        """The stored definition."""
        return await self._connection.call(lambda connection: machines.get_definition(connection, uuid))

    async def undefine(self, uuid: UUID) -> None:
        """Forget a machine."""
        await self._connection.call(lambda connection: machines.undefine(connection, uuid))

    async def act(self, uuid: UUID, action: Action) -> Machine:
        """Do something with a whole machine, unless that was done already."""
        act, done = _ACTIONS[action]

        def look_and_act(connection: libvirt.virConnect) -> Machine:
            if state_of(find(connection, uuid)) is done:
                return machines.get_machine(connection, uuid)
            machine = act(connection, uuid)
            return _when_it_runs(connection, machine) if done is MachineState.RUNNING else machine

        deadline_s = _MEMORY_TO_DISK_S if action in _LONG else _QUICK_S
        return await self._connection.call(look_and_act, deadline_s=deadline_s)

    async def rename(self, uuid: UUID, name: str) -> None:
        """Give a stopped machine another name."""
        await self._connection.call(lambda connection: machines.rename(connection, uuid, name))

    async def set_autostart(self, uuid: UUID, *, enabled: bool) -> None:
        """Whether a machine starts with its host."""
        await self._connection.call(lambda connection: machines.set_autostart(connection, uuid, enabled=enabled))

    async def change(self, uuid: UUID, changes: MachineChanges, expected_etag: str | None) -> None:
        """Change a definition."""
        await self._connection.call(
            lambda connection: machines.change(connection, uuid, changes, expected_etag=expected_etag)
        )

    async def attach_disk(self, uuid: UUID, disk: NewDisk, image: DiskImage | None) -> None:
        """Put a disk into a machine, or an empty drive."""
        source = _source(image)
        await self._connection.call(lambda connection: machines.attach_disk(connection, uuid, disk, source))

    async def detach_disk(self, uuid: UUID, target: str) -> None:
        """Take a disk out."""
        await self._connection.call(lambda connection: machines.detach_disk(connection, uuid, target))

    async def grow_disk(self, uuid: UUID, path: str, size: int) -> None:
        """Let a running machine see a larger disk."""
        flags = libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES
        await self._connection.call(lambda connection: find(connection, uuid).blockResize(path, size, flags))

    async def change_media(self, uuid: UUID, target: str, path: str | None) -> None:
        """Change the CD in a drive."""
        source = DiskSource(path, "raw") if path is not None else None
        await self._connection.call(lambda connection: machines.change_media(connection, uuid, target, source))

    async def attach_nic(self, uuid: UUID, nic: NewNic) -> None:
        """Put a network card into a machine."""
        await self._connection.call(lambda connection: machines.attach_nic(connection, uuid, nic))

    async def detach_nic(self, uuid: UUID, mac: str) -> None:
        """Take a network card out."""
        await self._connection.call(lambda connection: machines.detach_nic(connection, uuid, mac))

    async def addresses(self, uuid: UUID) -> Sequence[Address]:
        """The addresses of a guest."""
        return await self._connection.call(lambda connection: machines.addresses(connection, uuid))

    async def snapshots(self, uuid: UUID) -> Sequence[Snapshot]:
        """A machine's snapshots."""
        return await self._connection.call(lambda connection: machines.list_snapshots(connection, uuid))

    async def create_snapshot(self, uuid: UUID, name: str, description: str) -> None:
        """Take a snapshot."""
        await self._connection.call(
            lambda connection: machines.create_snapshot(connection, uuid, name, description),
            deadline_s=_SNAPSHOT_S,
        )

    async def revert_snapshot(self, uuid: UUID, name: str) -> None:
        """Put a machine's disks back."""
        await self._connection.call(
            lambda connection: machines.revert_snapshot(connection, uuid, name), deadline_s=_SNAPSHOT_S
        )

    async def delete_snapshot(self, uuid: UUID, name: str) -> None:
        """Forget a snapshot."""
        await self._connection.call(
            lambda connection: machines.delete_snapshot(connection, uuid, name), deadline_s=_SNAPSHOT_S
        )

    async def serial_log(self, uuid: UUID, limit: int) -> bytes:
        """The last bytes of a serial console."""
        return await read_serial_log(self._connection, uuid, limit)

    async def serial_console(self, uuid: UUID) -> ByteStream:
        """A machine's serial console."""
        return await self._serial_consoles.open(uuid)

    async def graphics_console(self, uuid: UUID) -> ByteStream:
        """A machine's display."""
        return await open_graphics(self._connection, uuid)


def _source(image: DiskImage | None) -> DiskSource | None:
    return None if image is None else DiskSource(image.path, image.format)


def _when_it_runs(connection: libvirt.virConnect, machine: Machine) -> Machine:
    """Look again, not for long, while a machine that was let go on is told to be paused.

    QEMU's word that it had paused before may reach libvirt after its word that it goes on.
    """
    end = time.monotonic() + _LATE_S
    while machine.state is MachineState.PAUSED and time.monotonic() < end:
        time.sleep(_LATE_S / 100)
        machine = machines.get_machine(connection, machine.uuid)
    return machine


def _translated(event: events.HypervisorEvent) -> HypervisorEvent | None:
    match event:
        case events.Connected():
            return Reached()
        case events.Lost(reason):
            return Lost(reason)
        case events.DomainEvent(uuid, what):
            # A file that changed is most often the trace of what was told already.
            return MachineTouched(uuid, "" if what == "definition changed" else what)
        case events.AgentEvent(uuid, connected):
            return AgentConnected(uuid) if connected else None
        case events.NetworkEvent():
            return NetworksTouched()
        case events.StoragePoolEvent():
            return StorageTouched()
