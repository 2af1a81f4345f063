"""Removing a machine, with the disks that are its own.

Which these are is looked up when the task's turn has come: what waits before it in the queue may give it more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from skerry.errors import InUse, InvalidState
from skerry.host.operation import MachineRef
from skerry.host.operations import machines as machines_on_host
from skerry.host.operations import volumes as volumes_on_host
from skerry.host.operations.volumes import VolumeRef
from skerry.host.types import Disk, Machine
from skerry.manager import vms
from skerry.manager.store import tables
from skerry.manager.store.database import Writing
from skerry.manager.tasks.disks import delete_if_unused
from skerry.manager.tasks.kind import Ended, Step, TaskKind
from skerry.manager.tasks.machine import ACTIVE, OnMachine, look_if_there, seen
from skerry.manager.tasks.work import Work
from skerry.manager.types import TaskState
from skerry.values import Frozen

SEED = "seed"
KERNEL, INITRD = "kernel", "initrd"
_OWN_KERNEL = re.compile(rf".+-[0-9a-f]{{8}}-({KERNEL}|{INITRD})")


def is_seed(disk: Disk) -> bool:
    """Whether this CD is one that we wrote for its machine."""
    return disk.device == "cdrom" and disk.volume is not None and disk.volume.endswith(f"-{SEED}")


async def own_volumes(
    reader: AsyncConnection | Writing, disks: Sequence[Disk], storage_pool: str
) -> tuple[VolumeRef, ...]:
    """The volumes that go with a machine: its disks and its seed in our storage pool, never an image."""
    found: sa.CursorResult[Any] = await reader.execute(sa.select(tables.images.c.volume))
    images = set(found.scalars().all())
    return tuple(
        VolumeRef(storage_pool=disk.storage_pool, name=disk.volume)
        for disk in disks
        if disk.volume is not None
        and disk.storage_pool == storage_pool
        and (disk.device == "disk" or is_seed(disk))
        and disk.volume not in images
    )


class Belongings(Frozen):
    """What goes with a machine."""

    volumes: tuple[VolumeRef, ...] = ()
    boot_files: tuple[str, ...] = ()  # paths of volumes that it alone started with


class RemoveArgs(OnMachine):
    """A machine to remove, and what went with it when it was asked for: that counts if it is gone by then."""

    force: bool
    keep_disks: bool = False
    storage_pool: str = ""
    volumes: tuple[VolumeRef, ...] = ()
    boot_files: tuple[str, ...] = ()


async def belongings_of(
    reader: AsyncConnection | Writing, machine: Machine, storage_pool: str, *, keep_disks: bool
) -> Belongings:
    """What goes with this machine: its volumes, and the kernel that was taken out of a disk for it."""
    disks = machine.disks
    if keep_disks:  # but never the seed: it may hold passwords, and is of use to nobody else
        disks = tuple(disk for disk in disks if is_seed(disk))
    kernel = None if keep_disks else machine.direct_kernel
    paths = (kernel.kernel, kernel.initrd) if kernel else ()
    return Belongings(
        volumes=await own_volumes(reader, disks, storage_pool),
        boot_files=tuple(path for path in paths if path and _OWN_KERNEL.fullmatch(PurePosixPath(path).name)),
    )


async def _power_off(work: Work[RemoveArgs]) -> dict[str, Any] | None:
    """Returns what goes with the machine; None where it is gone."""
    args = work.args
    machine = await look_if_there(work)
    if machine is None:
        return None
    if machine.state in ACTIVE:
        if not args.force:
            raise InvalidState(
                f"{args.name} is {machine.state}, so it cannot be deleted",
                hint="stop it first, or delete with force",
            )
        await work.call(args.host, machines_on_host.power_off, MachineRef(uuid=args.uuid))
    async with work.tools.database.read() as reader:
        found = await belongings_of(reader, machine, args.storage_pool, keep_disks=args.keep_disks)
    return found.model_dump(mode="json")


async def _undefine(work: Work[RemoveArgs]) -> None:
    gone = machines_on_host.UndefineMachine(uuid=work.args.uuid, missing_ok=True)
    await work.call(work.args.host, machines_on_host.undefine, gone)
    await seen(work, lambda machine: machine is None)


async def _delete_belongings(work: Work[RemoveArgs]) -> None:
    args = work.args
    seen_before = work.results["power off"]
    found = Belongings.model_validate(seen_before) if seen_before else args
    for volume in found.volumes:
        work.progress.log(f"Delete the volume {volume.name}")
        await delete_if_unused(work, volume)
    for path in found.boot_files:
        name = PurePosixPath(path).name
        work.progress.log(f"Delete the volume {name}")
        gone = volumes_on_host.DeleteVolume(storage_pool=args.storage_pool, name=name, path=path, missing_ok=True)
        try:
            await work.call(args.host, volumes_on_host.delete, gone)
        except InUse as exc:  # a clone boots it, too
            work.progress.log(f"kept: {exc.message}")


def _plan(args: RemoveArgs) -> Sequence[Step[RemoveArgs]]:
    return [
        Step("power off", f"See that {args.name} is off", _power_off),
        Step("undefine", f"Undefine {args.name}", _undefine),
        Step("delete", "Delete its seed" if args.keep_disks else "Delete its volumes", _delete_belongings),
    ]


async def _settle(writing: Writing, ended: Ended[Any]) -> None:
    args: RemoveArgs = ended.args
    if ended.state is not TaskState.SUCCEEDED:
        return
    which = tables.machines.c.id == args.uuid
    gone = await writing.execute(sa.delete(tables.machines).where(which).returning(*tables.machines.c))
    row = gone.one_or_none()
    if row is not None:  # else the host told of it first
        vms.tell_removed(writing, row, user=ended.user)


# It cannot be cancelled: from its second step on there is nothing to go back to.
KINDS: Sequence[TaskKind[Any]] = [TaskKind("vm.delete", RemoveArgs, _plan, settle=_settle, cancellable=False)]
