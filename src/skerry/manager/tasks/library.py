"""Images of the library: taking them in, and removing them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from skerry.errors import InUse, NotFound
from skerry.host.operations import volumes as on_host
from skerry.host.types import Frozen, Volume
from skerry.manager.library import tell_image, tell_image_removed
from skerry.manager.store import tables
from skerry.manager.store.columns import now
from skerry.manager.store.database import Writing
from skerry.manager.tasks.kind import Ended, Step, TaskKind
from skerry.manager.tasks.work import Work
from skerry.manager.types import ImageKind, TaskState

_IMPORT_S = 12 * 3600.0  # a large image, unpacked and copied on slow disks
_i = tables.images.c


class ImportArgs(Frozen):
    """An image to take in."""

    host: str
    image: UUID
    name: str
    storage_pool: str
    volume: str
    upload: UUID | None  # None: the volume is there already
    sha256: str | None


class DeleteArgs(Frozen):
    """An image to remove."""

    host: str
    image: UUID
    name: str
    storage_pool: str
    volume: str


async def _import(work: Work[ImportArgs]) -> dict[str, Any]:
    args = work.args
    taken = on_host.ImportVolume(
        storage_pool=args.storage_pool,
        name=args.volume,
        upload=str(args.upload),
        sha256=args.sha256,
        known_as=args.name,
        origin=str(work.task_id),
    )
    volume = await work.call(args.host, on_host.import_image, taken, deadline_s=_IMPORT_S)
    return volume.model_dump(mode="json")


async def _forget_volume(work: Work[ImportArgs]) -> None:
    args = work.args
    gone = on_host.DeleteVolume(storage_pool=args.storage_pool, name=args.volume, missing_ok=True)
    await work.call(args.host, on_host.delete, gone)


async def _look_at_volume(work: Work[ImportArgs]) -> dict[str, Any]:
    args = work.args
    ref = on_host.VolumeRef(storage_pool=args.storage_pool, name=args.volume)
    volume = await work.call(args.host, on_host.show, ref)
    if volume.used_by:  # it would change under the clones that stand on it
        raise InUse(
            f"the volume {args.volume} is a disk of {', '.join(volume.used_by)}",
            hint="make a full clone of that machine, delete the clone but keep its disks, and take those",
        )
    return volume.model_dump(mode="json")


def _plan_import(args: ImportArgs) -> Sequence[Step[ImportArgs]]:
    if args.upload is None:
        return [Step("volume", f"Look at the volume {args.volume}", _look_at_volume)]
    leaves = f"the volume {args.volume}"
    return [Step("volume", f"Check and copy {args.name}", _import, undo=_forget_volume, leaves=leaves)]


async def _settle_import(writing: Writing, ended: Ended[Any]) -> None:
    """The row that kept the name becomes the image's, or goes with it."""
    args: ImportArgs = ended.args
    done = ended.state is TaskState.SUCCEEDED
    if args.upload is not None:
        await _settle_upload(writing, args.upload, imported=done)
    if not done:
        await tell_image_removed(writing, args.image, user=ended.user)
        await writing.execute(sa.delete(tables.images).where(_i.id == args.image))
        return
    volume = Volume.model_validate(ended.results["volume"])
    values = {
        "state": "ready",
        "kind": (ImageKind.ISO if volume.format == "iso" else ImageKind.TEMPLATE).value,
        "format": volume.format,
        "size": volume.capacity,
        "allocation": volume.allocation,
    }
    await writing.execute(sa.update(tables.images).where(_i.id == args.image).values(values))
    await tell_image(writing, args.image, f"{args.name} was imported", user=ended.user)


async def _settle_upload(writing: Writing, upload: UUID, *, imported: bool) -> None:
    """The host threw the file away when it was imported. Else it is there, to import again, and grows old anew."""
    mine = tables.uploads.c.id == upload
    if imported:
        await writing.execute(sa.delete(tables.uploads).where(mine))
    else:
        await writing.execute(sa.update(tables.uploads).where(mine).values(used_at=now()))


async def _delete(work: Work[DeleteArgs]) -> None:
    args = work.args
    gone = on_host.DeleteVolume(storage_pool=args.storage_pool, name=args.volume, missing_ok=True)
    try:
        await work.call(args.host, on_host.delete, gone)
    except NotFound as exc:  # the whole storage pool is gone
        work.progress.log(exc.message)


def _plan_delete(args: DeleteArgs) -> Sequence[Step[DeleteArgs]]:
    return [Step("volume", f"Delete the volume {args.volume}", _delete)]


async def _settle_delete(writing: Writing, ended: Ended[Any]) -> None:
    args: DeleteArgs = ended.args
    if ended.state is TaskState.SUCCEEDED:
        await tell_image_removed(writing, args.image, user=ended.user)
        await writing.execute(sa.delete(tables.images).where(_i.id == args.image))
        return
    await writing.execute(sa.update(tables.images).where(_i.id == args.image).values(state="ready"))
    await tell_image(writing, args.image, f"{args.name} was not deleted", user=ended.user)


def _result(ended: Ended[Any]) -> dict[str, Any]:
    args: ImportArgs = ended.args
    return {"image": str(args.image)}


KINDS: Sequence[TaskKind[Any]] = [
    TaskKind("image.import", ImportArgs, _plan_import, settle=_settle_import, result=_result),
    TaskKind("image.delete", DeleteArgs, _plan_delete, settle=_settle_delete, cancellable=False),
]
