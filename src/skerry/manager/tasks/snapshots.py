"""Snapshots of stopped machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skerry.errors import NameTaken, NotFound
from skerry.host.operation import MachineRef
from skerry.host.operations import snapshots as on_host
from skerry.manager.tasks.kind import Step, TaskKind
from skerry.manager.tasks.machine import OnMachine
from skerry.manager.tasks.machine import result_of_machine as result
from skerry.manager.tasks.work import Work

_LONG_S = 6 * 3600.0  # for large disks


class SnapshotArgs(OnMachine):
    """A snapshot of a machine."""

    snapshot: str
    description: str = ""


async def _has_snapshot(work: Work[SnapshotArgs]) -> bool:
    args = work.args
    there = await work.call(args.host, on_host.list_snapshots, MachineRef(uuid=args.uuid))
    return any(snapshot.name == args.snapshot for snapshot in there)


async def _no_such_snapshot_yet(work: Work[SnapshotArgs]) -> None:
    if await _has_snapshot(work):
        raise NameTaken(
            f"{work.args.name} has a snapshot {work.args.snapshot} already", hint="choose another name"
        )


async def _take_snapshot(work: Work[SnapshotArgs]) -> None:
    args = work.args
    if not await _has_snapshot(work):
        new = on_host.NewSnapshot(uuid=args.uuid, name=args.snapshot, description=args.description)
        await work.call(args.host, on_host.create, new, deadline_s=_LONG_S)


async def _delete_snapshot(work: Work[SnapshotArgs]) -> None:
    args = work.args
    if await _has_snapshot(work):
        gone = on_host.SnapshotRef(uuid=args.uuid, name=args.snapshot)
        await work.call(args.host, on_host.delete, gone, deadline_s=_LONG_S)


async def _snapshot_must_be_there(work: Work[SnapshotArgs]) -> None:
    if not await _has_snapshot(work):
        raise NotFound(f"{work.args.name} has no snapshot {work.args.snapshot}")


async def _revert(work: Work[SnapshotArgs]) -> None:
    args = work.args
    back = on_host.SnapshotRef(uuid=args.uuid, name=args.snapshot)
    await work.call(args.host, on_host.revert, back, deadline_s=_LONG_S)


def _plan_snapshot_create(args: SnapshotArgs) -> Sequence[Step[SnapshotArgs]]:
    return [
        Step("look", f"See that the name {args.snapshot} is free", _no_such_snapshot_yet),
        Step(
            "take",
            f"Take the snapshot {args.snapshot}",
            _take_snapshot,
            undo=_delete_snapshot,
            leaves=f"the snapshot {args.snapshot}",
        ),
    ]


def _plan_snapshot_delete(args: SnapshotArgs) -> Sequence[Step[SnapshotArgs]]:
    return [
        Step("look", f"Look for the snapshot {args.snapshot}", _snapshot_must_be_there),
        Step("delete", f"Delete the snapshot {args.snapshot}", _delete_snapshot),
    ]


def _plan_snapshot_revert(args: SnapshotArgs) -> Sequence[Step[SnapshotArgs]]:
    return [
        Step("look", f"Look for the snapshot {args.snapshot}", _snapshot_must_be_there),
        Step("revert", f"Put {args.name} back to {args.snapshot}", _revert),
    ]


KINDS: Sequence[TaskKind[Any]] = [
    TaskKind("vm.snapshot-create", SnapshotArgs, _plan_snapshot_create, result=result),
    TaskKind("vm.snapshot-revert", SnapshotArgs, _plan_snapshot_revert, result=result),
    TaskKind("vm.snapshot-delete", SnapshotArgs, _plan_snapshot_delete, result=result),
]
