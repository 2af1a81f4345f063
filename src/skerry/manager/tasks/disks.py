"""Disks and CD drives of a machine that is there already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa

from skerry.errors import InUse, InvalidState, NotFound
from skerry.host.operations import devices as devices_on_host
from skerry.host.operations import volumes as volumes_on_host
from skerry.host.operations.volumes import VolumeRef
from skerry.host.types import CloneKind, Disk, Machine, NewDisk
from skerry.hypervisor.domain_xml import free_target
from skerry.manager.store import tables
from skerry.manager.store.database import Writing
from skerry.manager.tasks.kind import Ended, Step, TaskKind
from skerry.manager.tasks.machine import M, OnMachine, look, seen_as
from skerry.manager.tasks.machine import result_of_machine as result
from skerry.manager.tasks.work import Work
from skerry.manager.types import TaskState

HOW = {"clone": CloneKind.THIN, "layer": CloneKind.LAYER, "copy": CloneKind.FULL}
_CD_BUS = "sata"
_LONG_S = 6 * 3600.0  # copying a large disk
_needs = tables.machine_images.c


class DiskAddArgs(OnMachine):
    """A disk or drive to put in; without a volume it is an empty CD drive."""

    storage_pool: str | None = None
    volume: str | None = None
    how: Literal["empty", "clone", "copy", "there"]  # there: a CD of the library, or none
    source: str | None = None
    size: int | None = None
    device: Literal["disk", "cdrom"] = "disk"
    image: UUID | None = None  # that the new disk stands on, or that is in the drive


class DiskArgs(OnMachine):
    """One disk of a machine."""

    target: str
    size: int | None = None  # to grow it to
    delete: bool = False  # its volume too, when it is taken out


class MediaArgs(OnMachine):
    """The CD to put into a drive."""

    target: str
    volume: VolumeRef | None = None
    before: VolumeRef | None = None  # what was in it when the task was queued
    discard: bool = False  # that is a seed: nobody can put it in again, and it may hold passwords


async def _make_volume(work: Work[DiskAddArgs]) -> None:
    args = work.args
    origin = str(work.task_id)
    assert args.storage_pool is not None
    assert args.volume is not None
    if args.how == "empty":
        assert args.size is not None
        new = volumes_on_host.NewVolume(
            storage_pool=args.storage_pool, name=args.volume, size=args.size, origin=origin
        )
        await work.call(args.host, volumes_on_host.create, new)
    elif args.how != "there":
        assert args.source is not None
        clone = volumes_on_host.CloneVolume(
            storage_pool=args.storage_pool,
            source=args.source,
            name=args.volume,
            size=args.size,
            how=HOW[args.how],
            origin=origin,
        )
        await work.call(args.host, volumes_on_host.clone, clone, deadline_s=_LONG_S)


async def _delete_volume(work: Work[DiskAddArgs]) -> None:
    args = work.args
    assert args.storage_pool is not None
    assert args.volume is not None
    gone = volumes_on_host.DeleteVolume(storage_pool=args.storage_pool, name=args.volume, missing_ok=True)
    await work.call(args.host, volumes_on_host.delete, gone)


async def _find_target(work: Work[DiskAddArgs]) -> str:
    """Where an empty drive goes: it has nothing else by which it is recognised when this is cut off."""
    return free_target(_CD_BUS, {disk.target for disk in (await look(work)).disks})


async def _attach(work: Work[DiskAddArgs]) -> None:
    """The host knows a volume or drive that the machine has already as the work of an earlier try."""
    args = work.args
    disk = NewDisk(
        storage_pool=args.storage_pool,
        volume=args.volume,
        device=args.device,
        read_only=args.device == "cdrom",
        target=work.results.get("target"),
    )
    attach = devices_on_host.AttachDisk(uuid=args.uuid, disk=disk)
    machine = await work.call(args.host, devices_on_host.attach_disk, attach)
    await seen_as(work, machine)
    if args.device == "cdrom" and machine.needs_restart:
        work.progress.log(f"{args.name} runs, and gets its CD drive when it was shut down: SATA has no hot plug")


async def _detach_again(work: Work[DiskAddArgs]) -> None:
    args = work.args
    target = work.results.get("target")
    for disk in (await look(work)).disks:
        there = (disk.storage_pool, disk.volume) == (args.storage_pool, args.volume)
        if there and target in {None, disk.target} and (args.volume or target):
            detach = devices_on_host.DetachDisk(uuid=args.uuid, target=disk.target)
            await work.call(args.host, devices_on_host.detach_disk, detach)


def _plan_disk_add(args: DiskAddArgs) -> Sequence[Step[DiskAddArgs]]:
    make = Step(
        "volume",
        f"Make the volume {args.volume}",
        _make_volume,
        undo=_delete_volume,
        leaves=f"the volume {args.volume}",
    )
    attach = Step(
        "attach", f"Put it into {args.name}", _attach, undo=_detach_again, leaves=f"a disk of {args.name}"
    )
    if args.volume is None:
        return [Step("target", "Find a place for the drive", _find_target), attach]
    return [attach] if args.how == "there" else [make, attach]


async def _settle_disk_add(writing: Writing, ended: Ended[Any]) -> None:
    """That the machine needs the image was noted before the task, so that nobody deletes it meanwhile."""
    args: DiskAddArgs = ended.args
    if ended.state is not TaskState.SUCCEEDED and args.volume is not None:
        await forget_volume(writing, args.uuid, args.volume)


def disk_at(machine: Machine, target: str) -> Disk:
    """The disk that a machine has there.

    Raises:
        NotFound: none; the message names those that it has.
    """
    for disk in machine.disks:
        if disk.target == target:
            return disk
    there = ", ".join(disk.target for disk in machine.disks) or "none"
    raise NotFound(f"{machine.name} has no disk {target}", hint=f"it has: {there}")


async def _resize(work: Work[DiskArgs]) -> None:
    args = work.args
    assert args.size is not None
    disk = disk_at(await look(work), args.target)
    if disk.storage_pool is None or disk.volume is None:
        raise InvalidState(f"{args.target} of {args.name} is no volume of a storage pool, so it cannot grow here")
    if disk.size == args.size:
        return
    grow = volumes_on_host.ResizeVolume(storage_pool=disk.storage_pool, name=disk.volume, size=args.size)
    await work.call(args.host, volumes_on_host.resize, grow)
    await look(work)  # so that everybody hears of the new size


async def _find_disk(work: Work[DiskArgs]) -> dict[str, Any]:
    disk = disk_at(await look(work), work.args.target)
    return disk.model_dump(mode="json")


async def _detach(work: Work[DiskArgs]) -> None:
    """Only the disk that was found; another one may be there by now, when this runs again."""
    args = work.args
    found = Disk.model_validate(work.results["find"])
    now = [disk for disk in (await look(work)).disks if disk.target == args.target]
    if now and now[0].source == found.source:
        detach = devices_on_host.DetachDisk(uuid=args.uuid, target=args.target)
        await seen_as(work, await work.call(args.host, devices_on_host.detach_disk, detach))


async def _delete_detached(work: Work[DiskArgs]) -> None:
    found = Disk.model_validate(work.results["find"])
    if found.storage_pool is None or found.volume is None:
        return
    await delete_if_unused(work, VolumeRef(storage_pool=found.storage_pool, name=found.volume))


def _plan_disk_remove(args: DiskArgs) -> Sequence[Step[DiskArgs]]:
    steps = [
        Step("find", f"Look at {args.target}", _find_disk),
        Step("detach", f"Take {args.target} out of {args.name}", _detach),
    ]
    if args.delete:
        steps.append(Step("delete", "Delete its volume", _delete_detached, no_way_back=True))
    return steps


async def _change_media(work: Work[MediaArgs]) -> None:
    args = work.args
    change = devices_on_host.ChangeMedia(uuid=args.uuid, target=args.target, volume=args.volume)
    await seen_as(work, await work.call(args.host, devices_on_host.change_media, change))


async def _discard_seed(work: Work[MediaArgs]) -> None:
    assert work.args.before is not None
    await delete_if_unused(work, work.args.before)


async def delete_if_unused(work: Work[M], volume: VolumeRef) -> None:
    """Delete a volume, unless it is not the machine's alone."""
    gone = volumes_on_host.DeleteVolume(storage_pool=volume.storage_pool, name=volume.name, missing_ok=True)
    try:
        await work.call(work.args.host, volumes_on_host.delete, gone)
    except InUse as exc:
        work.progress.log(f"kept: {exc.message}")


async def _settle_disk_remove(writing: Writing, ended: Ended[Any]) -> None:
    """A volume that is deleted needs its image no longer; a CD that is taken out needs nothing."""
    args: DiskArgs = ended.args
    if ended.state is not TaskState.SUCCEEDED:
        return
    found = Disk.model_validate(ended.results["find"])
    if found.volume is not None and (args.delete or found.device == "cdrom"):
        await forget_volume(writing, args.uuid, found.volume)


async def _settle_media(writing: Writing, ended: Ended[Any]) -> None:
    """Only the CD that is in the drive now is needed."""
    args: MediaArgs = ended.args
    done = ended.state is TaskState.SUCCEEDED
    out, stays = (args.before, args.volume) if done else (args.volume, args.before)
    if out is not None and (stays is None or out.name != stays.name):
        await forget_volume(writing, args.uuid, out.name)


async def need_image(writing: Writing, machine_id: UUID, image_id: UUID, volume: str) -> None:
    """Note that a volume of a machine stands on an image, or that it is a CD of the library in its drive."""
    row = {"machine_id": machine_id, "image_id": image_id, "volume": volume}
    same = [_needs[name] == value for name, value in row.items()]
    if (await writing.execute(sa.select(_needs.volume).where(*same))).first() is None:
        await writing.execute(sa.insert(tables.machine_images).values(row))


async def images_needed(writing: Writing, machine_id: UUID) -> dict[str, UUID]:
    """The images that a machine's volumes stand on or hold, by volume."""
    query = sa.select(_needs.volume, _needs.image_id).where(_needs.machine_id == machine_id)
    return {row.volume: row.image_id for row in (await writing.execute(query)).all()}


async def forget_volume(writing: Writing, machine_id: UUID, volume: str) -> None:
    """Note that a machine does not have a volume any more, and so does not need its image."""
    await writing.execute(
        sa.delete(tables.machine_images).where(_needs.machine_id == machine_id, _needs.volume == volume)
    )


def _plan_disk_resize(args: DiskArgs) -> Sequence[Step[DiskArgs]]:
    return [Step("resize", f"Grow {args.target} of {args.name}", _resize)]


def _plan_media(args: MediaArgs) -> Sequence[Step[MediaArgs]]:
    steps = [Step("media", f"Change the CD in {args.target} of {args.name}", _change_media)]
    if args.discard and args.before is not None and args.before != args.volume:
        title = "Delete the first settings of the guest"
        steps.append(Step("discard", title, _discard_seed, no_way_back=True))
    return steps


KINDS: Sequence[TaskKind[Any]] = [
    TaskKind("vm.disk-add", DiskAddArgs, _plan_disk_add, settle=_settle_disk_add, result=result),
    TaskKind("vm.disk-resize", DiskArgs, _plan_disk_resize, result=result),
    TaskKind("vm.disk-remove", DiskArgs, _plan_disk_remove, settle=_settle_disk_remove, result=result),
    TaskKind("vm.media", MediaArgs, _plan_media, settle=_settle_media, result=result),
]
