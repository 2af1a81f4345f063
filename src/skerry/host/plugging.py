"""What must be true before a machine is made or gets a disk: all is checked before anything is changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from uuid import UUID

from skerry.errors import BadInput, Denied, InUse, NameTaken, NotFound
from skerry.host.agent import Host
from skerry.host.port import DiskImage
from skerry.host.types import (
    DirectKernel,
    Disk,
    Firmware,
    HostFacts,
    Machine,
    MachineChanges,
    NewDisk,
    NewMachine,
    NewNic,
    Volume,
)
from skerry.sizes import format_size

_MOST_CPUS_EACH = 16  # vCPUs for each CPU of the host; more than that never runs well


async def create(host: Host, new: NewMachine) -> Machine:
    """Define a machine; one of that UUID is the work of an earlier try.

    Raises:
        NameTaken, NotFound, InUse, BadInput: it cannot be made as asked; nothing was.
    """
    with suppress(NotFound):
        return await host.watch.machine(new.uuid)
    if any(machine.name == new.name for machine in host.inventory.machines.values()):
        raise NameTaken(f"there is already a machine {new.name}", hint="choose another name")
    facts = await host.hypervisor.facts(host.name)
    _check_size(facts, new.vcpus, new.memory)
    _check_firmware(facts, new)
    await check_nics(host, new.nics)
    await check_kernel(host, new.direct_kernel)
    with ExitStack() as claims:
        disks = [await plug(host, disk, claims) for disk in new.disks]
        fitted = new.model_copy(update={"disks": tuple(disk for disk, _ in disks)})
        await host.hypervisor.define(fitted, [image for _, image in disks])
        return await host.watch.machine(new.uuid)


async def attach_disk(host: Host, uuid: UUID, disk: NewDisk) -> Machine:
    """Put a volume into a machine, or an empty drive; what it has already is the work of an earlier try."""
    machine = await host.watch.machine(uuid)
    if any(_is(old, disk) for old in machine.disks):
        return machine
    with ExitStack() as claims:
        fitted, image = await plug(host, disk, claims)
        await host.hypervisor.attach_disk(uuid, fitted, image)
        return await host.watch.machine(uuid)


def _is(old: Disk, new: NewDisk) -> bool:
    """Whether a disk is the one to put in: the same volume, or an empty drive where an empty one is wanted."""
    if new.volume is None:
        return new.target == old.target and old.device == "cdrom" and old.source is None
    return (old.storage_pool, old.volume) == (new.storage_pool, new.volume)


async def change_media(host: Host, uuid: UUID, target: str, disk: NewDisk | None) -> Machine:
    """Change the CD in a drive."""
    with ExitStack() as claims:
        image = (await plug(host, disk, claims))[1] if disk else None
        await host.hypervisor.change_media(uuid, target, image.path if image else None)
        return await host.watch.machine(uuid)


async def plug(host: Host, disk: NewDisk, claims: ExitStack) -> tuple[NewDisk, DiskImage | None]:
    """Claim a volume for a machine: the disk as it may be given, and the file behind it; None: an empty drive.

    Raises:
        NotFound: there is no such volume.
        InUse: another machine has it, or clones stand on it.
    """
    if disk.storage_pool is None or disk.volume is None:
        return disk, None
    driver = host.storage.driver(disk.storage_pool)
    volume = await driver.get(disk.volume)
    read_only = disk.read_only or disk.device == "cdrom" or volume.format == "iso"
    what = f"volume {volume.name}"
    claims.enter_context(host.claims.share(volume.path, what) if read_only else host.claims.own(volume.path, what))
    volume = await driver.get(disk.volume)  # now that nobody deletes it any more
    _check_users(host, volume, read_only=read_only)
    if not read_only and (standing := await driver.dependents(volume.name)):
        raise InUse(
            f"volume {volume.name} cannot be written: {', '.join(standing[:5])} stand on it",
            hint="give the machine a clone of it",
        )
    _check_backing(host, volume)
    fitted = disk.model_copy(update={"read_only": read_only})
    return fitted, DiskImage(volume.path, "raw" if volume.format == "iso" else volume.format)


def _check_users(host: Host, volume: Volume, *, read_only: bool) -> None:
    users = host.inventory.users_of(volume.path)
    if others := sorted({user.machine for user in users if not (read_only and user.read_only)}):
        raise InUse(
            f"volume {volume.name} is a disk of {', '.join(others)}", hint="detach it there first, or clone it"
        )


def _check_backing(host: Host, volume: Volume) -> None:
    """A guest that wrote a raw disk can pretend that it stands on any file of the host."""
    if volume.backing is not None and host.storage.driver(volume.storage_pool).owns(volume.backing) is None:
        raise BadInput(
            f"volume {volume.name} stands on {volume.backing}, which is not in its storage pool",
            hint="import the image instead of copying it into the folder",
        )


async def check_changes(host: Host, changes: MachineChanges) -> None:
    """Make sure that the host can do what a definition shall ask for.

    Raises:
        BadInput, NotFound, Denied: it cannot.
    """
    _check_size(await host.hypervisor.facts(host.name), changes.vcpus or 0, changes.memory or 0)
    await check_kernel(host, changes.direct_kernel)


def _check_size(facts: HostFacts, vcpus: int, memory: int) -> None:
    if memory > facts.memory:
        raise BadInput(
            f"a machine cannot have {format_size(memory)} of memory: the host has {format_size(facts.memory)}"
        )
    if vcpus > (most := facts.cpus * _MOST_CPUS_EACH):
        raise BadInput(f"a machine cannot have {vcpus} vCPUs: on {facts.cpus} CPUs at most {most} make sense")


def _check_firmware(facts: HostFacts, new: NewMachine) -> None:
    if new.firmware is Firmware.UEFI and not facts.uefi:
        raise BadInput("the host has no firmware for UEFI machines", hint="install the package ovmf there")
    if new.secure_boot and new.firmware is not Firmware.UEFI:
        raise BadInput("secure boot needs UEFI", hint="choose the firmware uefi")
    if new.tpm and not facts.tpm:
        raise BadInput("the host cannot emulate a TPM", hint="install the package swtpm there")


async def check_nics(host: Host, nics: Iterable[NewNic]) -> None:
    """Make sure that the networks are there.

    Raises:
        NotFound: one is not.
    """
    known = await host.hypervisor.networks()
    for nic in nics:
        if nic.kind != "user" and (nic.kind, nic.network) not in {(net.kind, net.name) for net in known}:
            there = ", ".join(net.name for net in known if net.kind == nic.kind) or "none"
            raise NotFound(f"there is no {nic.kind} {nic.network} on the host", hint=f"there is: {there}")


async def check_kernel(host: Host, kernel: DirectKernel | None) -> None:
    """Make sure that a machine may boot these files.

    Raises:
        NotFound, Denied: they are not there, or not where guests may read them.
    """
    files: Sequence[str | None] = (kernel.kernel, kernel.initrd) if kernel else ()
    for path in filter(None, files):
        await host.storage.boot_file(path)
        users = [user for user in host.inventory.users_of(path) if not user.boots]
        if users:  # its guest could read what is on them
            raise Denied(f"{path} is a disk of {users[0].machine}, and nothing to boot from")
