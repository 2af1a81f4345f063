"""Disks, CDs, network cards and snapshots of machines, and changes to their definition by form: all as tasks."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from skerry.errors import BadInput, Changed, InvalidState, NotFound
from skerry.host.operation import Permission
from skerry.host.operations.volumes import VolumeRef
from skerry.host.types import Disk, Machine, MachineChanges, NewNic
from skerry.manager.access import Caller
from skerry.manager.creation import candidates, find_image, volume_name, with_macs
from skerry.manager.machines import allowed, order_task
from skerry.manager.naming import check_free
from skerry.manager.settings import ManagerSettings
from skerry.manager.store.database import Database, Writing
from skerry.manager.tasks.changing import ChangeArgs, NicAddArgs, NicArgs
from skerry.manager.tasks.disks import DiskAddArgs, DiskArgs, MediaArgs, disk_at, need_image
from skerry.manager.tasks.machine import OnMachine
from skerry.manager.tasks.removing import is_seed, own_volumes
from skerry.manager.tasks.snapshots import SnapshotArgs
from skerry.manager.types import (
    CdDrive,
    DiskResize,
    EmptyDisk,
    ImageKind,
    MediaChange,
    NewSnapshot,
    NewVmDisk,
    Task,
    VmChanges,
    VmState,
)
from skerry.manager.vms import accepted_for, read_vms
from skerry.sizes import format_size

_FORM = ("title", "description", "vcpus", "memory", "boot_order", "direct_kernel")


def _form(changes: VmChanges) -> MachineChanges | None:
    """What changes the definition; an empty text or order is a change, too."""
    wanted = changes.model_dump(include={*_FORM}, exclude_none=True)
    if changes.remove_direct_kernel:
        wanted["remove_direct_kernel"] = True
    return MachineChanges.model_validate(wanted) if wanted else None


class Devices:
    """What machines are made of. `ref` is a machine's id or name."""

    def __init__(self, database: Database, settings: ManagerSettings) -> None:
        self._database = database
        self._settings = settings

    async def change(self, caller: Caller, ref: str, changes: VmChanges, *, if_match: str | None = None) -> Task:
        """Change its definition."""
        async with self._database.write() as writing:
            row = await self._editable(writing, caller, ref)
            machine = Machine.model_validate_json(row.machine)
            if if_match is not None and if_match != machine.etag:
                raise Changed(f"{row.name} was changed meanwhile", hint="look at it again, and repeat the change")
            await self._check_changes(writing, row, changes)
            form = _form(changes)
            renamed = changes.name if changes.name != row.name else None
            args = ChangeArgs(
                **_on(row),
                new_name=renamed,
                changes=form,
                autostart=changes.autostart,
                autostart_before=machine.autostart,
                expected_etag=if_match,
            )
            return await order_task(writing, caller, row, "vm.change", f"Change {row.name}", args, claim=renamed)

    async def _check_changes(self, writing: Writing, row: sa.Row[Any], changes: VmChanges) -> None:
        if changes.direct_kernel is not None and changes.remove_direct_kernel:
            raise BadInput("direct_kernel: set it or remove it", hint="one of the two")
        if changes.name is not None and changes.name != row.name:
            await check_free(writing, changes.name, but=row.id)
            vm = (await read_vms(writing, [row]))[0]
            if vm.pending_state not in {VmState.STOPPED, VmState.CRASHED}:
                raise InvalidState(f"{row.name} is {vm.pending_state}", hint="stop it to give it another name")
        if changes.memory is not None:
            facts = next((host.facts for host in await candidates(writing) if host.name == row.host), None)
            if facts is not None and changes.memory > facts.memory * self._settings.host_capacity:
                raise BadInput(
                    f"memory: {format_size(changes.memory)} is more than {row.host} has "
                    f"({format_size(round(facts.memory * self._settings.host_capacity))})",
                    hint="ask for less",
                )

    # ---- disks

    async def add_disk(self, caller: Caller, ref: str, disk: NewVmDisk) -> Task:
        """Make a volume and attach it."""
        task_id = uuid4()
        async with self._database.write() as writing:
            row = await self._editable(writing, caller, ref)
            args = await self._disk_to_add(writing, caller, row, disk, task_id)
            if args.image is not None and args.volume is not None:
                await need_image(writing, row.id, args.image, args.volume)
            title = f"Add a {'CD drive' if args.device == 'cdrom' else 'disk'} to {row.name}"
            return await order_task(writing, caller, row, "vm.disk-add", title, args, task_id=task_id)

    async def _disk_to_add(
        self, writing: Writing, caller: Caller, row: sa.Row[Any], disk: NewVmDisk, task_id: UUID
    ) -> DiskAddArgs:
        new = volume_name(row.name, task_id, "0")
        pool = self._settings.storage_pool
        if isinstance(disk, EmptyDisk):
            return DiskAddArgs(**_on(row), storage_pool=pool, volume=new, how="empty", size=disk.size)
        if isinstance(disk, CdDrive):
            if disk.image is None:
                return DiskAddArgs(**_on(row), how="there", device="cdrom")
            cd = await find_image(writing, caller, disk.image, row.host, ImageKind.ISO)
            return DiskAddArgs(
                **_on(row),
                storage_pool=cd.storage_pool,
                volume=cd.volume,
                how="there",
                device="cdrom",
                image=cd.id,
            )
        image = await find_image(writing, caller, disk.image, row.host, ImageKind.TEMPLATE)
        if disk.size is not None and disk.size < image.size:
            raise BadInput(
                f"size: less than the image's {format_size(image.size)}", hint="leave it out, or larger"
            )
        return DiskAddArgs(
            **_on(row),
            storage_pool=image.storage_pool,
            volume=new,
            how="copy" if disk.full_copy else "clone",
            source=image.volume,
            size=disk.size,
            image=None if disk.full_copy else image.id,
        )

    async def resize_disk(self, caller: Caller, ref: str, target: str, resize: DiskResize) -> Task:
        """Grow a disk."""
        async with self._database.write() as writing:
            row = await self._editable(writing, caller, ref)
            disk = _disk(row, target)
            if disk.size is not None and resize.size < disk.size:
                raise BadInput(
                    f"size: {target} has {format_size(disk.size)} already", hint="a disk can only become larger"
                )
            args = DiskArgs(**_on(row), target=target, size=resize.size)
            return await order_task(writing, caller, row, "vm.disk-resize", f"Grow {target} of {row.name}", args)

    async def remove_disk(self, caller: Caller, ref: str, target: str, *, delete: bool = False) -> Task:
        """Detach a disk; `delete` removes its volume too."""
        async with self._database.write() as writing:
            row = await self._editable(writing, caller, ref)
            disk = _disk(row, target)
            own = await own_volumes(writing, [disk], self._settings.storage_pool)
            if delete and disk.volume is not None and not own:
                raise BadInput(
                    f"delete: what is in {target} of {row.name} is not its own",
                    hint="take it out without deleting",
                )
            # A seed goes with its drive: nobody can put it in again, and it may hold passwords.
            args = DiskArgs(**_on(row), target=target, delete=delete or is_seed(disk))
            title = f"Remove {target} from {row.name}"
            return await order_task(writing, caller, row, "vm.disk-remove", title, args)

    async def change_media(self, caller: Caller, ref: str, target: str, media: MediaChange) -> Task:
        """Put an ISO image into a CD drive, or empty it."""
        async with self._database.write() as writing:
            row = await self._editable(writing, caller, ref)
            drive = _disk(row, target)
            if drive.device != "cdrom":
                raise BadInput(
                    f"{target} of {row.name} is a {drive.device}, not a CD drive", hint="name a CD drive"
                )
            volume = None
            if media.image is not None:
                image = await find_image(writing, caller, media.image, row.host, ImageKind.ISO)
                volume = VolumeRef(storage_pool=image.storage_pool, name=image.volume)
                await need_image(writing, row.id, image.id, image.volume)
            before = _volume_of(drive)
            args = MediaArgs(**_on(row), target=target, volume=volume, before=before, discard=is_seed(drive))
            title = f"Change the CD in {target} of {row.name}" if volume else f"Eject {target} of {row.name}"
            return await order_task(writing, caller, row, "vm.media", title, args)

    # ---- network cards

    async def add_nic(self, caller: Caller, ref: str, nic: NewNic) -> Task:
        """Put a network card in."""
        task_id = uuid4()
        async with self._database.write() as writing:
            row = await self._editable(writing, caller, ref)
            networks = next((host.networks for host in await candidates(writing) if host.name == row.host), None)
            if nic.kind == "network" and networks is not None and nic.network not in networks:
                raise NotFound(f"there is no network {nic.network}", hint="`skerry network ls` lists all")
            args = NicAddArgs(**_on(row), nic=with_macs([nic], task_id)[0])
            title = f"Add a network card to {row.name}"
            return await order_task(writing, caller, row, "vm.nic-add", title, args, task_id=task_id)

    async def remove_nic(self, caller: Caller, ref: str, mac: str) -> Task:
        """Take a network card out."""
        async with self._database.write() as writing:
            row = await self._editable(writing, caller, ref)
            nics = Machine.model_validate_json(row.machine).nics
            if all(nic.mac.lower() != mac.lower() for nic in nics):
                there = ", ".join(nic.mac for nic in nics) or "none"
                raise NotFound(f"{row.name} has no network card {mac[:40]}", hint=f"it has: {there}")
            args = NicArgs(**_on(row), mac=mac)
            return await order_task(writing, caller, row, "vm.nic-remove", f"Remove {mac} from {row.name}", args)

    # ---- snapshots

    async def take_snapshot(self, caller: Caller, ref: str, new: NewSnapshot) -> Task:
        """Keep the disks of a stopped machine as they are now."""
        return await self._snapshot(caller, ref, "create", "Snapshot", new.name, new.description)

    async def revert_to_snapshot(self, caller: Caller, ref: str, name: str) -> Task:
        """Make the disks of a stopped machine as they were."""
        return await self._snapshot(caller, ref, "revert", "Revert", name)

    async def delete_snapshot(self, caller: Caller, ref: str, name: str) -> Task:
        """Forget a snapshot."""
        return await self._snapshot(caller, ref, "delete", "Delete the snapshot", name)

    async def _snapshot(
        self, caller: Caller, ref: str, verb: str, words: str, name: str, description: str = ""
    ) -> Task:
        async with self._database.write() as writing:
            row = await self._editable(writing, caller, ref)
            vm = (await read_vms(writing, [row]))[0]
            if vm.pending_state not in {VmState.STOPPED, VmState.CRASHED}:
                raise InvalidState(f"{row.name} is {vm.pending_state}", hint="stop it first")
            args = SnapshotArgs(**_on(row), snapshot=name, description=description)
            title = f"{words} {name} of {row.name}"
            return await order_task(writing, caller, row, f"vm.snapshot-{verb}", title, args)

    async def _editable(self, writing: Writing, caller: Caller, ref: str) -> sa.Row[Any]:
        row = await allowed(writing, caller, ref, Permission.VM_MODIFY)
        if "edit" not in await accepted_for(writing, row):
            vm = (await read_vms(writing, [row]))[0]
            raise InvalidState(f"{row.name} is {vm.state}, so it cannot be changed now", hint="try again later")
        return row


def _on(row: sa.Row[Any]) -> dict[str, Any]:
    """The fields of `OnMachine`."""
    return OnMachine(host=row.host, uuid=row.id, name=row.name).model_dump()


def _disk(row: sa.Row[Any], target: str) -> Disk:
    return disk_at(Machine.model_validate_json(row.machine), target)


def _volume_of(drive: Disk) -> VolumeRef | None:
    if drive.volume is None or drive.storage_pool is None:
        return None
    return VolumeRef(storage_pool=drive.storage_pool, name=drive.volume)
