"""Removing a machine, with the disks that are its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import sqlalchemy as sa

from skerry.errors import InUse, InvalidState
from skerry.host.operation import MachineRef
from skerry.host.operations import machines as machines_on_host
from skerry.host.operations import volumes as volumes_on_host
from skerry.host.operations.volumes import VolumeRef
from skerry.manager import vms
from skerry.manager.store import tables
from skerry.manager.store.database import Writing
from skerry.manager.tasks.disks import delete_if_unused
from skerry.manager.tasks.kind import Ended, Step, TaskKind
from skerry.manager.tasks.machine import ACTIVE, OnMachine, look_if_there, seen
from skerry.manager.tasks.work import Work
from skerry.manager.types import TaskState


class RemoveArgs(OnMachine):
    """A machine to remove, and the volumes to delete with it."""

    force: bool
    volumes: tuple[VolumeRef, ...]
    storage_pool: str = ""
    boot_files: tuple[str, ...] = ()  # paths of volumes that it alone started with


async def _power_off(work: Work[RemoveArgs]) -> None:
    machine = await look_if_there(work)
    if machine is None or machine.state not in ACTIVE:
        return
    if not work.args.force:
        raise InvalidState(
            f"{work.args.name} is {machine.state}, so it cannot be deleted",
            hint="stop it first, or delete with force",
        )
    await work.call(work.args.host, machines_on_host.power_off, MachineRef(uuid=work.args.uuid))


async def _undefine(work: Work[RemoveArgs]) -> None:
    gone = machines_on_host.UndefineMachine(uuid=work.args.uuid, missing_ok=True)
    await work.call(work.args.host, machines_on_host.undefine, gone)
    await seen(work, lambda machine: machine is None)


def _delete_volume(volume: VolumeRef) -> Step[RemoveArgs]:
    async def delete(work: Work[RemoveArgs]) -> None:
        await delete_if_unused(work, volume)

    return Step(f"volume {volume.name}", f"Delete the volume {volume.name}", delete)


def _delete_boot_file(args: RemoveArgs, path: str) -> Step[RemoveArgs]:
    name = PurePosixPath(path).name

    async def delete(work: Work[RemoveArgs]) -> None:
        gone = volumes_on_host.DeleteVolume(storage_pool=args.storage_pool, name=name, path=path, missing_ok=True)
        try:
            await work.call(args.host, volumes_on_host.delete, gone)
        except InUse as exc:  # a clone boots it, too
            work.progress.log(f"kept: {exc.message}")

    return Step(f"boot file {name}", f"Delete the volume {name}", delete)


def _plan(args: RemoveArgs) -> Sequence[Step[RemoveArgs]]:
    return [
        Step("power off", f"See that {args.name} is off", _power_off),
        Step("undefine", f"Undefine {args.name}", _undefine),
        *(_delete_volume(volume) for volume in args.volumes),
        *(_delete_boot_file(args, path) for path in args.boot_files),
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
