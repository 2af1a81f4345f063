"""From what people ask for to the plan of a new machine: everything is checked before anything is made."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa

from skerry.errors import BadInput, InvalidState, NotFound
from skerry.host.operation import Permission
from skerry.host.types import Disk, Firmware, HostFacts, Machine, MachineState, NewDisk, NewMachine, NewNic
from skerry.hypervisor.seed import check_user_data, checked_key
from skerry.manager.access import Caller
from skerry.manager.listing import HOSTS, NETWORKS
from skerry.manager.placement import Candidate
from skerry.manager.settings import ManagerSettings
from skerry.manager.store import tables
from skerry.manager.store.database import Writing
from skerry.manager.tasks.guestos import GuestOsPlan
from skerry.manager.tasks.kind import id_from, mac_from
from skerry.manager.tasks.making import MakeArgs, PlannedVolume, private_text
from skerry.manager.tasks.removing import INITRD, KERNEL, SEED, RemoveArgs, belongings_of
from skerry.manager.tasks.rows import unfinished_of
from skerry.manager.types import CdDrive, CloudInit, EmptyDisk, ImageKind, NewVm, NewVmDisk, VmClone
from skerry.manager.vms import thing
from skerry.sizes import format_size

_m = tables.machines.c
_i = tables.images.c


def volume_name(name: str, task_id: UUID, word: str) -> str:
    """A volume's name: readable, and the same each time the task asks for it."""
    return f"{name}-{task_id.hex[:8]}-{word}"


async def removal_of(
    writing: Writing, row: sa.Row[Any], storage_pool: str, *, keep_disks: bool, force: bool
) -> RemoveArgs:
    """How a machine is removed."""
    machine = Machine.model_validate_json(row.machine)
    known = await belongings_of(writing, machine, storage_pool, keep_disks=keep_disks)
    return RemoveArgs(
        host=row.host,
        uuid=row.id,
        name=row.name,
        force=force,
        keep_disks=keep_disks,
        storage_pool=storage_pool,
        volumes=known.volumes,
        boot_files=known.boot_files,
    )


async def candidates(writing: Writing) -> list[Candidate]:
    """All hosts, with the memory that their machines were promised."""
    promised: dict[str, int] = {}
    wanted = sa.select(_m.host, sa.func.sum(_m.memory).label("memory")).where(_m.should_run).group_by(_m.host)
    sums: sa.CursorResult[Any] = await writing.execute(wanted)
    promised |= {row.host: int(row.memory) for row in sums.all()}
    rows = (await writing.execute(HOSTS)).all()
    return [
        Candidate(
            name=row.name,
            online=row.online,
            facts=_facts(row.facts),
            networks=frozenset(network.name for network in NETWORKS.validate_json(row.networks)),
            promised=promised.get(row.name, 0),
        )
        for row in rows
    ]


def _facts(text: str | None) -> HostFacts | None:
    return None if text is None else HostFacts.model_validate_json(text)


def check_wishes(new: NewVm) -> None:
    """What can be said without looking at anything.

    Raises:
        BadInput: with the name of the field.
    """
    if new.secure_boot and new.firmware is not Firmware.UEFI:
        raise BadInput("secure_boot: needs the firmware uefi", hint="choose UEFI, or leave Secure Boot off")
    if new.cloud_init is not None:
        check_cloud_init(new.cloud_init)


def check_cloud_init(told: CloudInit) -> None:
    """Raises BadInput where the guest would not understand it."""
    if told.user_data:
        check_user_data(told.user_data)
    for key in told.ssh_keys:
        if key.strip():
            checked_key(key)
    if told.hostname and not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", told.hostname):
        raise BadInput(
            f"hostname: {told.hostname[:80]!r} is not a host name", hint="letters, digits, dots and hyphens"
        )


def private_of(new: NewVm) -> str | None:
    """What only the new machine's task is told, and forgets; None where there is nothing."""
    told = new.cloud_init
    if told is None and not new.os_parameters:
        return None
    user_data, keys = (told.user_data, told.ssh_keys) if told else (None, ())
    return private_text(user_data, keys, new.os_parameters)


class Plan:
    """The plan of one new machine while it is put together."""

    def __init__(self, task_id: UUID, name: str, host: str, settings: ManagerSettings, guest_os: str = "") -> None:
        self.task_id = task_id
        self.name = name
        self.host = host
        self.storage_pool = settings.storage_pool
        self.images: dict[str, UUID] = {}  # that its volumes will stand on, and CDs in its drives, by volume
        self.template: str | None = None
        self._guest_os = guest_os
        self._limit_s = settings.guest_os_minutes * 60.0
        self._installed: list[tuple[str, int]] = []  # what the definition installs: called so, and of this size
        self._volumes: list[PlannedVolume] = []
        self._disks: list[NewDisk] = []

    async def add(self, writing: Writing, caller: Caller, disk: NewVmDisk) -> None:
        """Plan a disk or drive.

        Raises:
            NotFound, BadInput, InvalidState: its image cannot be used.
        """
        if isinstance(disk, EmptyDisk):
            volume = self._next_volume()
            title = f"Make a disk of {format_size(disk.size)}"
            if self._guest_os:
                title = f"Make the installed disk a volume of {format_size(disk.size)}"
                installed = f"guest-os-{self.task_id.hex}-{len(self._installed)}"
                self._installed.append((installed, disk.size))
                planned = PlannedVolume(volume=volume, how="installed", source=installed, title=title)
            else:
                planned = PlannedVolume(volume=volume, how="empty", size=disk.size, title=title)
            self._volumes.append(planned)
            self._disks.append(NewDisk(storage_pool=self.storage_pool, volume=volume))
            return
        if isinstance(disk, CdDrive):
            await self._add_cd(writing, caller, disk)
            return
        image = await find_image(writing, caller, disk.image, self.host, ImageKind.TEMPLATE)
        if disk.size is not None and disk.size < image.size:
            has = f"the image {image.name} has {format_size(image.size)}"
            raise BadInput(
                f"size: {format_size(disk.size)} is too little: {has}",
                hint="a disk can only be larger than its image",
            )
        volume = self._next_volume()
        how = "copy" if disk.full_copy else "clone"
        title = f"{how.capitalize()} {image.name}"
        planned = PlannedVolume(volume=volume, how=how, source=image.volume, size=disk.size, title=title)
        self._volumes.append(planned)
        self._disks.append(NewDisk(storage_pool=image.storage_pool, volume=volume))
        if not disk.full_copy:
            self.images[volume] = image.id
        self.template = self.template or image.name

    async def _add_cd(self, writing: Writing, caller: Caller, drive: CdDrive) -> None:
        if drive.image is None:
            self.add_empty_drive()
            return
        image = await find_image(writing, caller, drive.image, self.host, ImageKind.ISO)
        self._disks.append(
            NewDisk(storage_pool=image.storage_pool, volume=image.volume, device="cdrom", read_only=True)
        )
        self.images[image.volume] = image.id

    def add_empty_drive(self) -> None:
        """Plan a CD drive with nothing in it."""
        self._disks.append(NewDisk(device="cdrom", read_only=True))

    def add_copy(self, source: Disk, image: UUID | None, *, full: bool) -> None:
        """Plan a copy of another machine's disk, or the same CD; `image` is what that stands on or holds."""
        assert source.volume is not None
        if source.device == "cdrom":
            volume = source.volume
            disk = NewDisk(storage_pool=source.storage_pool, volume=volume, device="cdrom", read_only=True)
            self._disks.append(disk)
        else:
            volume = self._next_volume()
            how: Literal["copy", "layer"] = "copy" if full else "layer"
            title = f"Copy {source.volume}"
            self._volumes.append(PlannedVolume(volume=volume, how=how, source=source.volume, title=title))
            self._disks.append(NewDisk(storage_pool=self.storage_pool, volume=volume))
        if image is not None and not (full and source.device == "disk"):
            self.images[volume] = image

    def _next_volume(self) -> str:
        return volume_name(self.name, self.task_id, str(len(self._volumes)))

    def args(self, machine: NewMachine, *, seed: bool, hostname: str, start: bool) -> MakeArgs:
        """The arguments of the task."""
        disks = list(self._disks)
        volume = volume_name(self.name, self.task_id, SEED) if seed else None
        if volume is not None:
            disks.append(NewDisk(storage_pool=self.storage_pool, volume=volume, device="cdrom", read_only=True))
        return MakeArgs(
            host=self.host,
            uuid=machine.uuid,
            name=self.name,
            storage_pool=self.storage_pool,
            volumes=tuple(self._volumes),
            seed=volume,
            hostname=hostname,
            machine=machine.model_copy(update={"disks": tuple(disks)}),
            start=start,
            guest_os=self._installing(kernel=machine.direct_kernel is None) if self._guest_os else None,
        )

    def _installing(self, *, kernel: bool) -> GuestOsPlan:
        """What a definition installs; with `kernel`, the machine boots that of a disk without boot loader."""
        return GuestOsPlan(
            name=self._guest_os,
            disks=tuple(name for name, _ in self._installed),
            sizes=tuple(size for _, size in self._installed),
            kernel=volume_name(self.name, self.task_id, KERNEL) if kernel else None,
            initrd=volume_name(self.name, self.task_id, INITRD),
            limit_s=self._limit_s,
        )


async def find_image(writing: Writing, caller: Caller, ref: str, host: str, kind: ImageKind) -> sa.Row[Any]:
    """An image that can be used now, on this host.

    Raises:
        NotFound: there is none of this name, or not on the host.
        BadInput: it is of another kind.
        InvalidState: it is being imported or deleted.
    """
    try:
        named = _i.id == UUID(ref)
    except ValueError:
        named = _i.name == ref
    row = (await writing.execute(sa.select(tables.images).where(named))).one_or_none()
    if row is None or not caller.access.allows(Permission.STORAGE_VIEW, row.pool_id):
        raise NotFound(f"there is no image {ref}", hint="`skerry image ls` lists all")
    if row.state != "ready":
        hint = "choose another image" if row.state == "deleting" else "wait until it is ready"
        raise InvalidState(f"the image {row.name} is {row.state}", hint=hint)
    if row.kind != kind.value:
        other = "a CD" if row.kind == ImageKind.ISO.value else "a template"
        raise BadInput(f"the image {row.name} is {other}", hint="use it as what it is")
    if row.host != host:
        raise NotFound(f"the image {row.name} is not on {host}", hint=f"place the machine on {row.host}")
    return row


def with_macs(nics: Sequence[NewNic], task_id: UUID) -> tuple[NewNic, ...]:
    """Each card with a MAC that follows from the task, where none was asked for."""
    return tuple(
        nic if nic.mac else nic.model_copy(update={"mac": mac_from(task_id, f"nic {number}")})
        for number, nic in enumerate(nics)
    )


def machine_of(new: NewVm, task_id: UUID) -> NewMachine:
    """The definition to make, without its disks."""
    return NewMachine(
        uuid=id_from(task_id, "machine"),
        name=new.name,
        title=new.title,
        description=new.description,
        vcpus=new.vcpus,
        memory=new.memory,
        firmware=new.firmware,
        secure_boot=new.secure_boot,
        tpm=new.tpm,
        nics=with_macs(new.nics, task_id),
        boot_order=new.boot_order,
        direct_kernel=new.direct_kernel,
        autostart=new.autostart,
    )


def clone_of(machine: Machine, clone: VmClone, task_id: UUID) -> NewMachine:
    """The definition of a clone, without its disks: the same hardware, other names and addresses."""
    kinds = {"network", "bridge", "user"}
    nics = [NewNic(network=nic.network or "default", kind=nic.kind) for nic in machine.nics if nic.kind in kinds]
    return NewMachine(
        uuid=id_from(task_id, "machine"),
        name=clone.name,
        title=machine.title,
        description=machine.description,
        vcpus=machine.vcpus,
        memory=machine.memory,
        firmware=machine.firmware,
        secure_boot=machine.secure_boot,
        tpm=machine.tpm,
        nics=with_macs(nics, task_id),
        direct_kernel=machine.direct_kernel,
    )


async def check_can_be_cloned(writing: Writing, row: sa.Row[Any], machine: Machine) -> None:
    """Raises InvalidState or BadInput where a clone would not be true."""
    queue = (await unfinished_of(writing, [thing(row.id)])).get(thing(row.id), ())
    if row.creating or any(task.kind != "vm.clone" for task in queue):  # else the clone lacks what they bring
        raise InvalidState(
            f"{row.name} has tasks that did not end", hint="clone it when they have: skerry task ls"
        )
    if machine.state not in {MachineState.STOPPED, MachineState.CRASHED}:
        raise InvalidState(f"{row.name} is {machine.state}, so its disks may change", hint="stop it first")
    foreign = [disk.target for disk in machine.disks if disk.source and disk.volume is None]
    if foreign:
        raise BadInput(
            f"{row.name} has disks outside of storage pools: {', '.join(foreign)}", hint="those cannot be cloned"
        )


def machine_in_the_making(machine: NewMachine) -> Machine:
    """How a machine is shown while it is being made."""
    return Machine.model_validate(
        {
            "uuid": machine.uuid,
            "name": machine.name,
            "state": MachineState.STOPPED,
            "title": machine.title,
            "description": machine.description,
            "autostart": machine.autostart,
            "vcpus": machine.vcpus,
            "memory": machine.memory,
            "max_vcpus": machine.vcpus,
            "max_memory": machine.memory,
            "firmware": machine.firmware,
            "secure_boot": machine.secure_boot,
            "tpm": machine.tpm,
            "consoles": {"graphics": False, "serial": False},
            "etag": "",
        }
    )
