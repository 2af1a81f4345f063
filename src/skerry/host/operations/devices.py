"""Disks, CDs and network cards of a machine, and the addresses of its guest."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from skerry.host import plugging
from skerry.host.agent import Host
from skerry.host.operation import MachineRef, Permission, Target, operation
from skerry.host.operations.volumes import VolumeRef
from skerry.host.types import Address, Frozen, Machine, NewDisk, NewNic
from skerry.hypervisor.types import Mac

DiskTarget = Annotated[str, Field(min_length=1, max_length=16, pattern=r"^[a-z]+$")]


class AttachDisk(Frozen):
    """A disk or CD drive to put into a machine."""

    uuid: UUID
    disk: NewDisk


class DetachDisk(Frozen):
    """A disk or drive to take out; its volume stays."""

    uuid: UUID
    target: DiskTarget


class ChangeMedia(Frozen):
    """The CD to put into a drive; None takes out what is in it."""

    uuid: UUID
    target: DiskTarget
    volume: VolumeRef | None


class AttachNic(Frozen):
    """A network card to put into a machine."""

    uuid: UUID
    nic: NewNic


class DetachNic(Frozen):
    """A network card to take out."""

    uuid: UUID
    mac: Mac


@operation("vm.disk-attach", target=Target.VM, permission=Permission.VM_MODIFY)
async def attach_disk(host: Host, args: AttachDisk) -> Machine:
    """Put a volume into a machine as a disk or CD."""
    return await plugging.attach_disk(host, args.uuid, args.disk)


@operation("vm.disk-detach", target=Target.VM, permission=Permission.VM_MODIFY)
async def detach_disk(host: Host, args: DetachDisk) -> Machine:
    """Take a disk or drive out of a machine; the volume stays."""
    await host.hypervisor.detach_disk(args.uuid, args.target)
    return await host.watch.machine(args.uuid)


@operation("vm.media", target=Target.VM, permission=Permission.VM_MODIFY)
async def change_media(host: Host, args: ChangeMedia) -> Machine:
    """Change the CD in a drive."""
    disk = (
        NewDisk(storage_pool=args.volume.storage_pool, volume=args.volume.name, device="cdrom")
        if args.volume
        else None
    )
    return await plugging.change_media(host, args.uuid, args.target, disk)


@operation("vm.nic-attach", target=Target.VM, permission=Permission.VM_MODIFY)
async def attach_nic(host: Host, args: AttachNic) -> Machine:
    """Put a network card into a machine."""
    await plugging.check_nics(host, [args.nic])
    await host.hypervisor.attach_nic(args.uuid, args.nic)
    return await host.watch.machine(args.uuid)


@operation("vm.nic-detach", target=Target.VM, permission=Permission.VM_MODIFY)
async def detach_nic(host: Host, args: DetachNic) -> Machine:
    """Take a network card out of a machine."""
    await host.hypervisor.detach_nic(args.uuid, args.mac)
    return await host.watch.machine(args.uuid)


@operation("vm.addresses", target=Target.VM, permission=Permission.VM_VIEW)
async def addresses(host: Host, args: MachineRef) -> tuple[Address, ...]:
    """Tell the IP addresses of a guest, from leases and from its agent."""
    return await host.watch.addresses(args.uuid)
