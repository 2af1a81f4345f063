"""Snapshots of stopped machines, kept inside their disks."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from skerry.host.agent import Host
from skerry.host.operation import MachineRef, Nothing, Pace, Permission, Target, operation
from skerry.host.types import Frozen, Machine, Snapshot

SnapshotName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class SnapshotRef(Frozen):
    """Names a snapshot of a machine."""

    uuid: UUID
    name: SnapshotName


class NewSnapshot(Frozen):
    """A snapshot to take."""

    uuid: UUID
    name: SnapshotName
    description: Annotated[str, Field(max_length=4096)] = ""


@operation(
    "vm.snapshot-list",
    target=Target.VM,
    permission=Permission.VM_VIEW,
    aliases={"archipel": "archipel:virtualmachine:snapshoting get"},
)
async def list_snapshots(host: Host, args: MachineRef) -> tuple[Snapshot, ...]:
    """List a machine's snapshots, the oldest first."""
    return tuple(await host.hypervisor.snapshots(args.uuid))


@operation(
    "vm.snapshot-create",
    target=Target.VM,
    permission=Permission.VM_MODIFY,
    pace=Pace.LONG,
    aliases={"archipel": "archipel:virtualmachine:snapshoting take"},
)
async def create(host: Host, args: NewSnapshot) -> Snapshot:
    """Take a snapshot of a stopped machine's disks."""
    await host.hypervisor.create_snapshot(args.uuid, args.name, args.description)
    return next(found for found in await host.hypervisor.snapshots(args.uuid) if found.name == args.name)


@operation(
    "vm.snapshot-revert",
    target=Target.VM,
    permission=Permission.VM_MODIFY,
    pace=Pace.LONG,
    aliases={"archipel": "archipel:virtualmachine:snapshoting revert"},
)
async def revert(host: Host, args: SnapshotRef) -> Machine:
    """Put a stopped machine's disks back to a snapshot; what was written since is lost."""
    await host.hypervisor.revert_snapshot(args.uuid, args.name)
    return await host.watch.machine(args.uuid)


@operation(
    "vm.snapshot-delete",
    target=Target.VM,
    permission=Permission.VM_MODIFY,
    pace=Pace.LONG,
    aliases={"archipel": "archipel:virtualmachine:snapshoting delete"},
)
async def delete(host: Host, args: SnapshotRef) -> Nothing:
    """Forget a snapshot; the disks stay as they are."""
    await host.hypervisor.delete_snapshot(args.uuid, args.name)
    return Nothing()
