"""Making a machine: its volumes, its seed, its definition, and its first start."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import sqlalchemy as sa

from skerry.host.operation import MachineRef
from skerry.host.operations import machines as machines_on_host
from skerry.host.operations import volumes as volumes_on_host
from skerry.host.types import Frozen, MachineState, NewMachine
from skerry.manager import vms
from skerry.manager.store import tables
from skerry.manager.store.database import Writing
from skerry.manager.tasks.disks import HOW
from skerry.manager.tasks.guestos import GuestOsPlan, with_kernel
from skerry.manager.tasks.guestos import steps as guest_os_steps
from skerry.manager.tasks.kind import Ended, Step, TaskKind
from skerry.manager.tasks.machine import ACTIVE, OnMachine, look_if_there, seen
from skerry.manager.tasks.work import Work
from skerry.manager.types import TaskState

_COPY_S = 6 * 3600.0  # a large image on slow disks


class PlannedVolume(Frozen):
    """A volume to make for a new machine."""

    volume: str
    how: Literal["empty", "clone", "layer", "copy", "installed"]
    source: str | None = None  # the volume to clone or copy; the disk that a guest OS definition installed
    size: int | None = None
    title: str  # for people: Clone debian-13


class MakeArgs(OnMachine):
    """A machine to make; all names and ids in it follow from the task's id."""

    storage_pool: str
    volumes: tuple[PlannedVolume, ...]
    seed: str | None  # the volume of the seed; what is in it is private to the task
    hostname: str
    machine: NewMachine
    start: bool
    guest_os: GuestOsPlan | None = None


def private_text(
    user_data: str | None, ssh_keys: Sequence[str], os_parameters: Mapping[str, str] | None = None
) -> str:
    """What the guest and its definition are told, as the task keeps it until it ends."""
    told = {"user_data": user_data or "", "ssh_keys": list(ssh_keys), "os_parameters": dict(os_parameters or {})}
    return json.dumps(told)


def _make_volume(planned: PlannedVolume) -> Step[MakeArgs]:
    async def make(work: Work[MakeArgs]) -> None:
        """The host recognises a volume of the same origin, so this may run again."""
        args = work.args
        if planned.how == "empty":
            assert planned.size is not None
            new = volumes_on_host.NewVolume(
                storage_pool=args.storage_pool, name=planned.volume, size=planned.size, origin=str(work.task_id)
            )
            await work.call(args.host, volumes_on_host.create, new)
            return
        assert planned.source is not None
        if planned.how == "installed":
            await _import_installed(work, planned.volume, planned.source)
            return
        clone = volumes_on_host.CloneVolume(
            storage_pool=args.storage_pool,
            source=planned.source,
            name=planned.volume,
            size=planned.size,
            how=HOW[planned.how],
            origin=str(work.task_id),
        )
        await work.call(args.host, volumes_on_host.clone, clone, deadline_s=_COPY_S)

    return Step(
        f"volume {planned.volume}",
        planned.title,
        make,
        undo=lambda work: _delete_volume(work, planned.volume),
        leaves=f"the volume {planned.volume}",
    )


async def _import_installed(work: Work[MakeArgs], volume: str, installed: str) -> None:
    args = work.args
    wanted = volumes_on_host.ImportVolume(
        storage_pool=args.storage_pool,
        name=volume,
        upload=installed,
        known_as=f"the disk that was installed for {args.name}",
        raw=True,
        origin=str(work.task_id),
    )
    await work.call(args.host, volumes_on_host.import_image, wanted, deadline_s=_COPY_S)


async def _delete_volume(work: Work[MakeArgs], name: str) -> None:
    gone = volumes_on_host.DeleteVolume(storage_pool=work.args.storage_pool, name=name, missing_ok=True)
    await work.call(work.args.host, volumes_on_host.delete, gone)


def _write_seed(volume: str) -> Step[MakeArgs]:
    async def write(work: Work[MakeArgs]) -> None:
        told = json.loads(work.private or "{}")
        seed = volumes_on_host.SeedVolume(
            storage_pool=work.args.storage_pool,
            name=volume,
            instance_id=str(work.args.uuid),
            hostname=work.args.hostname,
            user_data=told.get("user_data", ""),
            ssh_keys=tuple(told.get("ssh_keys", ())),
            origin=str(work.task_id),
        )
        await work.call(work.args.host, volumes_on_host.seed, seed)

    return Step(
        "seed",
        "Write the first settings of the guest",
        write,
        undo=lambda work: _delete_volume(work, volume),
        leaves=f"the volume {volume}",
    )


async def _define(work: Work[MakeArgs]) -> None:
    await work.call(work.args.host, machines_on_host.create, with_kernel(work))
    await seen(work, lambda machine: machine is not None)


async def _undefine(work: Work[MakeArgs]) -> None:
    args = work.args
    machine = await look_if_there(work)
    if machine is not None and machine.state in ACTIVE:
        await work.call(args.host, machines_on_host.power_off, MachineRef(uuid=args.uuid))
    gone = machines_on_host.UndefineMachine(uuid=args.uuid, missing_ok=True)
    await work.call(args.host, machines_on_host.undefine, gone)
    await seen(work, lambda machine: machine is None)


async def _start(work: Work[MakeArgs]) -> None:
    machine = await look_if_there(work)
    if machine is None or machine.state not in ACTIVE:
        await work.call(work.args.host, machines_on_host.start, MachineRef(uuid=work.args.uuid))
    await seen(work, lambda machine: machine is not None and machine.state is MachineState.RUNNING)


def _plan(args: MakeArgs) -> Sequence[Step[MakeArgs]]:
    steps = [*guest_os_steps(args.guest_os)] if args.guest_os else []
    steps += [_make_volume(planned) for planned in args.volumes]
    if args.seed is not None:
        steps.append(_write_seed(args.seed))
    leaves = f"the machine {args.name}"
    steps.append(Step("define", f"Define {args.name}", _define, undo=_undefine, leaves=leaves))
    if args.start:
        steps.append(Step("start", f"Start {args.name}", _start))
    return steps


async def _settle(writing: Writing, ended: Ended[Any]) -> None:
    """The row that kept the name becomes the machine's, or goes with it."""
    args: MakeArgs = ended.args
    which = tables.machines.c.id == args.uuid
    if ended.state is TaskState.SUCCEEDED:
        await writing.execute(
            sa.update(tables.machines).where(which).values(creating=False, should_run=args.start)
        )
        return
    gone = await writing.execute(sa.delete(tables.machines).where(which).returning(*tables.machines.c))
    row = gone.one_or_none()
    if row is not None:
        vms.tell_removed(writing, row, user=ended.user)


def _result(ended: Ended[Any]) -> dict[str, Any]:
    args: MakeArgs = ended.args
    return {"vm": str(args.uuid)}


KINDS: Sequence[TaskKind[Any]] = [
    TaskKind("vm.create", MakeArgs, _plan, settle=_settle, result=_result),
    TaskKind("vm.clone", MakeArgs, _plan, settle=_settle, result=_result),
]
