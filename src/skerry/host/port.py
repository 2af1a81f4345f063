"""The port between a host and its hypervisor: libvirt for real, or one in memory for simulations.

Calls may come from any task of the event loop and do not block it. They raise errors of ours only: NotFound for
what is not there, InvalidState for what cannot be done now, Unavailable while the hypervisor is away.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from skerry.host.operation import ByteStream
from skerry.host.types import (
    Address,
    Definition,
    HostFacts,
    Machine,
    MachineChanges,
    Network,
    NewDisk,
    NewMachine,
    NewNic,
    Samples,
    Snapshot,
    StoragePool,
)


class Action(StrEnum):
    """What is done with a whole machine."""

    START = "start"
    SHUTDOWN = "shutdown"
    POWER_OFF = "poweroff"
    REBOOT = "reboot"
    RESET = "reset"
    PAUSE = "pause"
    RESUME = "resume"
    SAVE = "save"
    RESTORE = "restore"


@dataclass(frozen=True)
class DiskImage:
    """The file behind a disk that is given to a machine."""

    path: str
    format: str  # qcow2 or raw


@dataclass(frozen=True)
class Reached:
    """The hypervisor was reached (again): everything may differ from before."""


@dataclass(frozen=True)
class Lost:
    """The hypervisor cannot be reached."""

    reason: str


@dataclass(frozen=True)
class MachineTouched:
    """Something happened to a machine, or to its definition; it may be gone."""

    uuid: UUID
    reason: str = ""


@dataclass(frozen=True)
class AgentConnected:
    """The agent inside a guest answers from now on."""

    uuid: UUID


@dataclass(frozen=True)
class NetworksTouched:
    """Something happened to networks."""


@dataclass(frozen=True)
class StorageTouched:
    """Something happened to storage pools."""


HypervisorEvent = Reached | Lost | MachineTouched | AgentConnected | NetworksTouched | StorageTouched


class HypervisorPort(Protocol):
    """A hypervisor."""

    async def start(self) -> None:
        """Begin to connect; whether that succeeds is told by events."""

    async def stop(self) -> None:
        """Let go; may be called twice."""

    def events(self) -> AsyncIterator[HypervisorEvent]:
        """What happens from now on, beginning with whether the hypervisor is reached."""

    async def facts(self, name: str) -> HostFacts:
        """What the host is; `name` is what it is called here."""

    async def machines(self) -> Sequence[Machine]:
        """All machines; disks are described by their paths only."""

    async def machine(self, uuid: UUID) -> Machine:
        """One machine."""

    async def networks(self) -> Sequence[Network]:
        """All networks and bridges."""

    async def storage_pools(self) -> Sequence[StoragePool]:
        """All storage pools that the hypervisor knows."""

    async def samples(self) -> Samples:
        """What host and machines used since the last time this was asked."""

    async def define(self, new: NewMachine, images: Sequence[DiskImage | None]) -> None:
        """Define a machine; `images` belong to its disks, one each, None to an empty drive.

        Raises:
            NameTaken: another machine has its name.
        """

    async def define_xml(self, xml: str, expected_etag: str | None) -> UUID:
        """Store a definition; returns the machine's UUID.

        Raises:
            BadDefinition: it is not one.
            Changed: what is stored is not what was expected.
        """

    async def check_xml(self, xml: str) -> Definition:
        """The definition as it would be stored; raises BadDefinition."""

    async def definition(self, uuid: UUID) -> Definition:
        """The stored definition."""

    async def undefine(self, uuid: UUID) -> None:
        """Forget a machine that does not run, with its saved memory and firmware variables."""

    async def act(self, uuid: UUID, action: Action) -> Machine:
        """Do something with a whole machine, unless that was done already; it is what it is then."""

    async def rename(self, uuid: UUID, name: str) -> None:
        """Give a stopped machine another name; raises NameTaken."""

    async def set_autostart(self, uuid: UUID, *, enabled: bool) -> None:
        """Whether a machine starts with its host."""

    async def change(self, uuid: UUID, changes: MachineChanges, expected_etag: str | None) -> None:
        """Change a definition; raises Changed."""

    async def attach_disk(self, uuid: UUID, disk: NewDisk, image: DiskImage | None) -> None:
        """Put a disk into a machine, or an empty drive."""

    async def detach_disk(self, uuid: UUID, target: str) -> None:
        """Take a disk out."""

    async def grow_disk(self, uuid: UUID, path: str, size: int) -> None:
        """Let a running machine see a larger disk."""

    async def change_media(self, uuid: UUID, target: str, path: str | None) -> None:
        """Change the CD in a drive."""

    async def attach_nic(self, uuid: UUID, nic: NewNic) -> None:
        """Put a network card into a machine."""

    async def detach_nic(self, uuid: UUID, mac: str) -> None:
        """Take a network card out."""

    async def addresses(self, uuid: UUID) -> Sequence[Address]:
        """The addresses of a guest; none where it does not run."""

    async def snapshots(self, uuid: UUID) -> Sequence[Snapshot]:
        """A machine's snapshots, the oldest first."""

    async def create_snapshot(self, uuid: UUID, name: str, description: str) -> None:
        """Take a snapshot of a stopped machine; raises NameTaken."""

    async def revert_snapshot(self, uuid: UUID, name: str) -> None:
        """Put a stopped machine's disks back."""

    async def delete_snapshot(self, uuid: UUID, name: str) -> None:
        """Forget a snapshot."""

    async def serial_log(self, uuid: UUID, limit: int) -> bytes:
        """The last bytes that a machine wrote to its serial console."""

    async def serial_console(self, uuid: UUID) -> ByteStream:
        """A machine's serial console."""

    async def graphics_console(self, uuid: UUID) -> ByteStream:
        """A machine's display, as RFB (VNC)."""
