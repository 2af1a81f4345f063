"""A hypervisor in memory: machines that have states and definitions, and no guests.

For simulated hosts, and for tests of what stands on hosts. It keeps the promises of the port; operations are
tested on it and on libvirt by one suite.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid5

from skerry.errors import BadInput, Changed, InvalidState, NameTaken, NotFound, Unavailable
from skerry.host import memory_parts
from skerry.host.memory_stream import MemoryStream
from skerry.host.operation import ByteStream
from skerry.host.port import Action, DiskImage, HypervisorEvent, Lost, MachineTouched, Reached
from skerry.host.types import (
    Accelerator,
    Address,
    Consoles,
    Definition,
    Disk,
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
from skerry.sizes import GIB

S = MachineState
_OFF = frozenset({S.STOPPED, S.SAVED, S.CRASHED})
# What each action takes a machine from, to which state, and how that is told.
_MOVES: dict[Action, tuple[frozenset[MachineState], MachineState, str]] = {
    Action.START: (_OFF, S.RUNNING, "started booted"),
    Action.SHUTDOWN: (frozenset({S.RUNNING, S.STOPPING}), S.STOPPED, "stopped shutdown"),
    Action.POWER_OFF: (frozenset(S) - _OFF, S.STOPPED, "stopped destroyed"),
    Action.REBOOT: (frozenset({S.RUNNING}), S.RUNNING, "rebooted"),
    Action.RESET: (frozenset({S.RUNNING, S.PAUSED}), S.RUNNING, "rebooted"),
    Action.PAUSE: (frozenset({S.RUNNING}), S.PAUSED, "suspended paused"),
    Action.RESUME: (frozenset({S.PAUSED}), S.RUNNING, "resumed unpaused"),
    Action.SAVE: (frozenset({S.RUNNING, S.PAUSED}), S.SAVED, "stopped saved"),
    Action.RESTORE: (frozenset({S.SAVED}), S.RUNNING, "started restored"),
}


class MemoryHypervisor:
    """Machines without guests. `fail` makes it go away, `reach` brings it back."""

    def __init__(self, machines: Iterable[Machine] = (), *, cpus: int = 8, memory: int = 64 * GIB) -> None:
        self._machines = {machine.uuid: machine for machine in machines}
        self._snapshots: dict[UUID, list[Snapshot]] = {}
        self._cpus = cpus
        self._memory = memory
        self._away: str | None = None
        self._events: list[asyncio.Queue[HypervisorEvent]] = []

    async def start(self) -> None:
        """It is there at once."""

    async def stop(self) -> None:
        """Nothing to let go of."""

    def fail(self, reason: str) -> None:
        """Go away."""
        self._away = reason
        self._tell(Lost(reason))

    def reach(self) -> None:
        """Come back."""
        self._away = None
        self._tell(Reached())

    async def events(self) -> AsyncIterator[HypervisorEvent]:
        """What happens from now on."""
        queue: asyncio.Queue[HypervisorEvent] = asyncio.Queue()
        queue.put_nowait(Reached() if self._away is None else Lost(self._away))
        self._events.append(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._events.remove(queue)

    async def facts(self, name: str) -> HostFacts:
        """A host of round numbers."""
        self._check()
        used = sum(machine.memory for machine in self._machines.values() if machine.state not in _OFF)
        return HostFacts(
            name=name,
            uuid=uuid5(memory_parts.NAMESPACE, name),
            architecture="x86_64",
            cpu_model="simulated",
            cpus=self._cpus,
            memory=self._memory,
            free_memory=max(self._memory - used, 0),
            kernel="",
            os="",
            libvirt_version="",
            qemu_version="",
            libvirt_uri="memory:",
            accelerator=Accelerator(kind="tcg", reason="it is simulated"),
            uefi=True,
            tpm=True,
        )

    async def machines(self) -> Sequence[Machine]:
        """All machines."""
        self._check()
        return list(self._machines.values())

    async def machine(self, uuid: UUID) -> Machine:
        """One machine."""
        self._check()
        try:
            return self._machines[uuid]
        except KeyError:
            raise NotFound(f"there is no machine {uuid}") from None

    async def networks(self) -> Sequence[Network]:
        """One network, as libvirt has it after installation."""
        self._check()
        return [
            Network(name="default", kind="network", active=True, autostart=True, bridge="virbr0", forward="nat")
        ]

    async def storage_pools(self) -> Sequence[StoragePool]:
        """None of its own."""
        self._check()
        return []

    async def samples(self) -> Samples:
        """Everybody is idle."""
        self._check()
        idle = [memory_parts.idle(machine) for machine in self._machines.values() if machine.state not in _OFF]
        return Samples(host_cpu=0.0, host_free_memory=self._memory, machines=tuple(idle))

    async def define(self, new: NewMachine, images: Sequence[DiskImage | None]) -> None:
        """Define a machine."""
        self._check_name(new.name, new.uuid)
        disks: tuple[Disk, ...] = ()
        for disk, image in zip(new.disks, images, strict=True):
            disks = (*disks, memory_parts.disk(disk, image, disks))
        machine = Machine(
            uuid=new.uuid,
            name=new.name,
            state=S.STOPPED,
            title=new.title,
            description=new.description,
            autostart=new.autostart,
            vcpus=new.vcpus,
            max_vcpus=new.vcpus,
            memory=new.memory,
            max_memory=new.memory,
            firmware=new.firmware,
            secure_boot=new.secure_boot,
            tpm=new.tpm,
            domain_type="qemu",
            disks=disks,
            nics=tuple(memory_parts.nic(nic, new.uuid, number) for number, nic in enumerate(new.nics)),
            boot_order=new.boot_order,
            direct_kernel=new.direct_kernel,
            consoles=Consoles(graphics=True, serial=True),
            etag="",
        )
        self._store(machine, "defined added")

    async def define_xml(self, xml: str, expected_etag: str | None) -> UUID:
        """Store name, memory and vCPUs of a definition."""
        given = memory_parts.parsed(xml)
        old = self._machines.get(given.uuid)
        if old is None:
            self._check_name(given.name, given.uuid)
            self._store(given, "defined added")
        else:
            _check_etag(old, expected_etag)
            update = {"name": given.name, "vcpus": given.vcpus, "memory": given.memory}
            self._store(old.model_copy(update=update), "defined updated")
        return given.uuid

    async def check_xml(self, xml: str) -> Definition:
        """The definition with what is known of it."""
        return memory_parts.definition(memory_parts.parsed(xml))

    async def definition(self, uuid: UUID) -> Definition:
        """What is known of a machine, as XML."""
        return memory_parts.definition(await self.machine(uuid))

    async def undefine(self, uuid: UUID) -> None:
        """Forget a machine."""
        machine = await self.machine(uuid)
        if machine.state not in _OFF:
            raise InvalidState(f"{machine.name} is {machine.state}", hint="stop it first")
        del self._machines[uuid]
        self._tell(MachineTouched(uuid, "undefined removed"))

    async def act(self, uuid: UUID, action: Action) -> Machine:
        """Change the state of a machine."""
        machine = await self.machine(uuid)
        before, after, reason = _MOVES[action]
        if machine.state == after and machine.state not in before:
            return machine
        if machine.state not in before:
            raise InvalidState(f"{machine.name} is {machine.state}: {action} cannot be done now")
        started = machine.started_at if machine.state not in _OFF else datetime.now(UTC)
        update = {"state": after, "started_at": None if after in _OFF else started}
        self._store(machine.model_copy(update=update), reason)
        return self._machines[uuid]

    async def rename(self, uuid: UUID, name: str) -> None:
        """Give a stopped machine another name."""
        machine = await self._stopped(uuid)
        self._check_name(name, uuid)
        self._store(machine.model_copy(update={"name": name}), "defined renamed")

    async def set_autostart(self, uuid: UUID, *, enabled: bool) -> None:
        """Whether a machine starts with its host."""
        self._store((await self.machine(uuid)).model_copy(update={"autostart": enabled}))

    async def change(self, uuid: UUID, changes: MachineChanges, expected_etag: str | None) -> None:
        """Change a definition."""
        machine = await self.machine(uuid)
        _check_etag(machine, expected_etag)
        update = {
            name: getattr(changes, name)
            for name in changes.model_fields_set - {"remove_direct_kernel"}
            if getattr(changes, name) is not None
        }
        if changes.remove_direct_kernel:
            update["direct_kernel"] = None
        self._store(machine.model_copy(update=update), "defined updated")

    async def attach_disk(self, uuid: UUID, disk: NewDisk, image: DiskImage | None) -> None:
        """Put a disk into a machine, or an empty drive."""
        machine = await self.machine(uuid)
        disks = (*machine.disks, memory_parts.disk(disk, image, machine.disks))
        self._store(machine.model_copy(update={"disks": disks}), "defined updated")

    async def detach_disk(self, uuid: UUID, target: str) -> None:
        """Take a disk out."""
        machine, disk = await self._target(uuid, target)
        disks = tuple(other for other in machine.disks if other != disk)
        self._store(machine.model_copy(update={"disks": disks}), "defined updated")

    async def grow_disk(self, uuid: UUID, path: str, size: int) -> None:
        """The volume knows its size."""
        machine = await self.machine(uuid)
        if machine.state in _OFF or not any(disk.source == path for disk in machine.disks):
            raise InvalidState(f"{machine.name} has no disk {path} now, to grow to {size}")

    async def change_media(self, uuid: UUID, target: str, path: str | None) -> None:
        """Change the CD in a drive."""
        machine, disk = await self._target(uuid, target)
        if disk.device != "cdrom":
            raise BadInput(f"{target} of {machine.name} is not a CD drive")
        disks = tuple(
            other.model_copy(update={"source": path}) if other == disk else other for other in machine.disks
        )
        self._store(machine.model_copy(update={"disks": disks}), "defined updated")

    async def attach_nic(self, uuid: UUID, nic: NewNic) -> None:
        """Put a network card into a machine."""
        machine = await self.machine(uuid)
        added = memory_parts.nic(nic, uuid, len(machine.nics))
        if any(other.mac == added.mac for other in machine.nics):
            raise NameTaken(f"{machine.name} has a network card {added.mac} already")
        self._store(machine.model_copy(update={"nics": (*machine.nics, added)}), "defined updated")

    async def detach_nic(self, uuid: UUID, mac: str) -> None:
        """Take a network card out."""
        machine = await self.machine(uuid)
        nics = tuple(nic for nic in machine.nics if nic.mac != mac.lower())
        if len(nics) == len(machine.nics):
            raise NotFound(f"{machine.name} has no network card {mac}")
        self._store(machine.model_copy(update={"nics": nics}), "defined updated")

    async def addresses(self, uuid: UUID) -> Sequence[Address]:
        """An address of the documentation for each card of a machine that runs."""
        machine = await self.machine(uuid)
        if machine.state in _OFF:
            return []
        return [memory_parts.address(nic) for nic in machine.nics]

    async def snapshots(self, uuid: UUID) -> Sequence[Snapshot]:
        """A machine's snapshots."""
        await self.machine(uuid)
        return list(self._snapshots.get(uuid, []))

    async def create_snapshot(self, uuid: UUID, name: str, description: str) -> None:
        """Take a snapshot of a stopped machine."""
        machine = await self._stopped(uuid)
        taken = [old.model_copy(update={"current": False}) for old in self._snapshots.get(uuid, [])]
        if any(old.name == name for old in taken):
            raise NameTaken(f"{machine.name} has a snapshot {name} already")
        new = Snapshot(name=name, created_at=datetime.now(UTC), current=True, description=description)
        self._snapshots[uuid] = [*taken, new]

    async def revert_snapshot(self, uuid: UUID, name: str) -> None:
        """Make a snapshot the current one."""
        await self._stopped(uuid)
        await self._snapshot(uuid, name)
        self._snapshots[uuid] = [
            old.model_copy(update={"current": old.name == name}) for old in self._snapshots[uuid]
        ]

    async def delete_snapshot(self, uuid: UUID, name: str) -> None:
        """Forget a snapshot."""
        self._snapshots[uuid].remove(await self._snapshot(uuid, name))

    async def serial_log(self, uuid: UUID, limit: int) -> bytes:
        """A login prompt, where the machine runs."""
        machine = await self.machine(uuid)
        return b"" if machine.state in _OFF else f"{machine.name} login: ".encode()[-limit:]

    async def serial_console(self, uuid: UUID) -> ByteStream:
        """A console that repeats what is typed."""
        return await self._console(uuid, f"{(await self.machine(uuid)).name} login: ".encode())

    async def graphics_console(self, uuid: UUID) -> ByteStream:
        """A display that greets as RFB does, and repeats what it is told."""
        return await self._console(uuid, b"RFB 003.008\n")

    async def _console(self, uuid: UUID, greeting: bytes) -> ByteStream:
        machine = await self.machine(uuid)
        if machine.state in _OFF:
            raise InvalidState(f"{machine.name} is {machine.state}: it has no console now", hint="start it first")
        return MemoryStream(greeting)

    async def _stopped(self, uuid: UUID) -> Machine:
        machine = await self.machine(uuid)
        if machine.state is not S.STOPPED:
            raise InvalidState(f"{machine.name} is {machine.state}", hint="stop it first")
        return machine

    async def _target(self, uuid: UUID, target: str) -> tuple[Machine, Disk]:
        machine = await self.machine(uuid)
        for disk in machine.disks:
            if disk.target == target:
                return machine, disk
        raise NotFound(f"{machine.name} has no disk {target}")

    async def _snapshot(self, uuid: UUID, name: str) -> Snapshot:
        for snapshot in await self.snapshots(uuid):
            if snapshot.name == name:
                return snapshot
        raise NotFound(f"there is no snapshot {name}")

    def _store(self, machine: Machine, reason: str = "") -> None:
        self._machines[machine.uuid] = machine.model_copy(update={"etag": memory_parts.definition(machine).etag})
        self._tell(MachineTouched(machine.uuid, reason))

    def _check(self) -> None:
        if self._away is not None:
            raise Unavailable(f"the hypervisor cannot be reached: {self._away}")

    def _check_name(self, name: str, uuid: UUID) -> None:
        self._check()
        if any(machine.name == name and machine.uuid != uuid for machine in self._machines.values()):
            raise NameTaken(f"there is already a machine {name}", hint="choose another name")

    def _tell(self, event: HypervisorEvent) -> None:
        for queue in self._events:
            queue.put_nowait(event)


def _check_etag(machine: Machine, expected: str | None) -> None:
    if expected is not None and machine.etag != expected:
        raise Changed(f"the definition of {machine.name} was changed by somebody else", hint="look at it again")
