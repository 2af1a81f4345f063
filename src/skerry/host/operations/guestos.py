"""Guest OS definitions: what there is, and installing a machine's disks with one."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated
from uuid import UUID

from pydantic import Field

from skerry.commands import CommandRunner
from skerry.errors import NotFound
from skerry.guestos.boot_files import boot_files
from skerry.guestos.check import Checked, Problem
from skerry.guestos.instance import Instance, InstanceNic
from skerry.host.agent import Host
from skerry.host.call import progress_of_call
from skerry.host.guest_os_types import GuestOsName, GuestOsProblem, HostGuestOs, OsParameter, OsParameters
from skerry.host.operation import Nothing, Pace, Permission, Target, operation
from skerry.host.operations.uploads import UploadId
from skerry.host.operations.volumes import Origin, PoolName, Size
from skerry.host.types import DirectKernel, Frozen, NewNic, VolumeName
from skerry.sizes import MIB

HostName = Annotated[
    str, Field(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$")
]


class InstallGuestOs(Frozen):
    """A machine's disks to install, before the machine is there."""

    guest_os: GuestOsName
    parameters: OsParameters = Field(default_factory=dict, repr=False)  # may hold passwords
    machine: UUID  # that will be
    hostname: HostName
    vcpus: int = Field(ge=1, le=512)
    memory: Size
    nics: Annotated[tuple[NewNic, ...], Field(max_length=32)] = ()
    disks: Annotated[tuple[UploadId, ...], Field(min_length=1, max_length=26)]  # what they are called until import
    sizes: Annotated[tuple[Size, ...], Field(min_length=1, max_length=26)]  # one each
    limit_s: float = Field(gt=0, le=24 * 3600)


class GuestOsDisks(Frozen):
    """Disks that were installed, or are to be forgotten."""

    machine: UUID
    disks: Annotated[tuple[UploadId, ...], Field(max_length=26)]


class KernelOfDisk(Frozen):
    """A disk that was installed, and the volumes for its kernel, where the disk does not start by itself."""

    disk: UploadId
    uefi: bool
    storage_pool: PoolName
    kernel: VolumeName
    initrd: VolumeName
    origin: Origin


class FoundKernel(Frozen):
    """What a machine with that disk is to boot; null where the disk starts by itself, or holds no kernel."""

    direct_kernel: DirectKernel | None


@operation("guestos.list", target=Target.HOST, permission=Permission.VM_CREATE)
async def list_guest_oses(host: Host, _args: Nothing) -> tuple[HostGuestOs, ...]:
    """List the guest OS definitions, with what they take and what is wrong with them."""
    return tuple(map(_described, await asyncio.to_thread(host.guest_oses.every)))


@operation("guestos.install", target=Target.HOST, permission=Permission.VM_CREATE, pace=Pace.LONG)
async def install(host: Host, args: InstallGuestOs) -> Nothing:
    """Install a new machine's disks with a guest OS definition."""
    found = await asyncio.to_thread(host.guest_oses.find, args.guest_os)
    instance = Instance(
        args.hostname,
        found.name,
        "kvm",
        (),
        await _nics(host, args.nics),
        uuid=str(args.machine),
        primary_node=host.name,
        backend=_backend(args),
        hypervisor_parameters={"kernel_path": "", "serial_console": "True", "boot_order": "disk", "acpi": "True"},
    )
    disks = list(zip(_files(host, args.disks), args.sizes, strict=True))
    progress = progress_of_call()
    progress.step(f"run {found.name}")
    await host.guest_oses.install(
        found, instance, dict(args.parameters), disks, limit_s=args.limit_s, on_line=progress.log
    )
    return Nothing()


@operation("guestos.discard", target=Target.HOST, permission=Permission.VM_CREATE)
async def discard(host: Host, args: GuestOsDisks) -> Nothing:
    """Forget disks that were installed, and remove what their installation left on the host."""
    await host.guest_oses.discard(args.machine, _files(host, args.disks), progress_of_call().log)
    return Nothing()


@operation("guestos.kernel", target=Target.HOST, permission=Permission.VM_CREATE, pace=Pace.LONG)
async def kernel(host: Host, args: KernelOfDisk) -> FoundKernel:
    """Take the kernel out of an installed disk that does not start by itself, into volumes."""
    driver = host.storage.driver(args.storage_pool)
    disk = host.storage.uploads.path(args.disk)
    if not disk.is_file():
        raise NotFound(f"there is no installed disk {args.disk}")
    async with boot_files(disk, uefi=args.uefi, commands=CommandRunner()) as found:
        if found is None:
            return FoundKernel(direct_kernel=None)
        volume = await driver.place(args.kernel, _moving(found.kernel), origin=args.origin)
        initrd = None
        if found.initrd is not None:
            initrd = (await driver.place(args.initrd, _moving(found.initrd), origin=args.origin)).path
    return FoundKernel(
        direct_kernel=DirectKernel(kernel=volume.path, initrd=initrd, command_line=found.command_line)
    )


def _files(host: Host, names: tuple[str, ...]) -> list[Path]:
    return [host.storage.uploads.path(name) for name in names]


def _moving(source: Path) -> Callable[[Path], Awaitable[None]]:
    async def write(target: Path) -> None:
        await asyncio.to_thread(shutil.copyfile, source, target)

    return write


async def _nics(host: Host, nics: tuple[NewNic, ...]) -> tuple[InstanceNic, ...]:
    """As Ganeti describes cards: libvirt's networks are bridges, and QEMU's own network is somebody else's."""
    bridges = {network.name: network.bridge or network.name for network in await host.hypervisor.networks()}
    return tuple(
        InstanceNic(
            nic.mac or "",
            mode="ext" if nic.kind == "user" else "bridged",
            link="" if nic.kind == "user" else bridges.get(nic.network, nic.network),
            frontend_type="paravirtual",
        )
        for nic in nics
    )


def _backend(args: InstallGuestOs) -> dict[str, str]:
    memory = str(args.memory // MIB)
    return {"memory": memory, "minmem": memory, "maxmem": memory, "vcpus": str(args.vcpus)}


def _described(checked: Checked) -> HostGuestOs:
    problems = tuple(map(_problem, checked.problems))
    definition = checked.definition
    if definition is None:
        return HostGuestOs(name=checked.name, path=str(checked.path), usable=False, problems=problems)
    return HostGuestOs(
        name=checked.name,
        path=str(checked.path),
        usable=definition.trusted,
        variants=definition.variants,
        parameters=tuple(OsParameter(name=name, help=text) for name, text in definition.parameters),
        api_versions=definition.api_versions,
        problems=problems,
    )


def _problem(problem: Problem) -> GuestOsProblem:
    return GuestOsProblem(weight=problem.weight, where=problem.where, what=problem.what, why=problem.why)
