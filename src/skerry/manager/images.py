"""The image library: templates that machines are cloned from, and CDs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from skerry.errors import BadInput, InUse, NameTaken, NotFound
from skerry.host.operation import Permission
from skerry.manager.access import Caller
from skerry.manager.library import image_of_volume, image_ref, images_of, tell_image
from skerry.manager.sight import in_pools
from skerry.manager.store import tables
from skerry.manager.store.columns import now
from skerry.manager.store.database import Database, Writing
from skerry.manager.store.pages import Order, checked_limit, next_cursor, part_of_name
from skerry.manager.tasks import rows
from skerry.manager.tasks.ending import accept
from skerry.manager.tasks.kind import id_from
from skerry.manager.tasks.library import DeleteArgs, ImportArgs
from skerry.manager.types import Image, ImageChanges, ImageKind, NewImage, ObjectKind, ObjectRef, Page, Task
from skerry.manager.uploads import Uploads
from skerry.manager.volumes import refuse_wanted

_i = tables.images.c


@dataclass(frozen=True)
class _Place:
    """Where an image's volume is, or will be."""

    host: str
    storage_pool: str
    volume: str


class Images:
    """The images of the cloud. `ref` is an id or a name."""

    def __init__(self, database: Database, uploads: Uploads, storage_pool: str) -> None:
        self._database = database
        self._uploads = uploads
        self._storage_pool = storage_pool

    async def list(
        self,
        caller: Caller,
        *,
        kind: ImageKind | None = None,
        q: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[Image]:
        """One page of the images that the caller may see, by name."""
        wanted = [in_pools(caller, Permission.STORAGE_VIEW, _i.pool_id)]
        if kind is not None:
            wanted.append(_i.kind == kind.value)
        if q:
            wanted.append(part_of_name(_i.name, q))
        query = sa.select(tables.images).where(*wanted).limit(checked_limit(limit) + 1)
        async with self._database.read() as connection:
            found = (await connection.execute(Order(_i.name, _i.id).apply(query, cursor))).all()
            count = sa.select(sa.func.count()).select_from(tables.images).where(*wanted)
            total = (await connection.execute(count)).scalar_one()
            items = await images_of(connection, found[:limit])
        return Page[Image](items=items, next_cursor=next_cursor(found, limit, "name", "id"), total=total)

    async def get(self, caller: Caller, ref: str) -> Image:
        """One image."""
        async with self._database.read() as connection:
            result: sa.CursorResult[Any] = await connection.execute(sa.select(tables.images).where(_named(ref)))
            row = _seen(caller, ref, result.one_or_none())
            return (await images_of(connection, [row]))[0]

    async def add(self, caller: Caller, new: NewImage) -> Task:
        """Import an image from an upload, or take a volume that is there.

        Raises:
            BadInput: it is not said which of the two, or the upload is not complete.
            NameTaken: another image is called so.
            InUse: the volume is an image already, or a task needs it.
        """
        _check_source(new)
        caller.require(Permission.STORAGE_MODIFY, None, "the image library")
        task_id = uuid4()
        place: _Place | None = None
        if new.upload is not None:
            host = await self._uploads.host_of(caller, new.upload)
            place = _Place(host, new.storage_pool or self._storage_pool, f"{new.name}-{task_id.hex[:8]}")
        async with self._database.write() as writing:
            await _check_name(writing, new.name)
            return await _take_in(writing, caller, new, place or await _free_volume(writing, new), task_id)

    async def change(self, caller: Caller, ref: str, changes: ImageChanges) -> Image:
        """Rename it, or describe it anew."""
        async with self._database.write() as writing:
            row = await _find(writing, caller, ref)
            caller.require(Permission.STORAGE_MODIFY, row.pool_id, row.name)
            values = changes.model_dump(exclude_none=True)
            if changes.name is not None and changes.name != row.name:
                await _check_name(writing, changes.name)
            if values:
                await writing.execute(sa.update(tables.images).where(_i.id == row.id).values(values))
            return await tell_image(writing, row.id, f"{row.name} was changed", user=caller.user)

    async def delete(self, caller: Caller, ref: str) -> Task:
        """Remove it and its volume; from now on nothing new can be made of it.

        Raises:
            InUse: machines stand on it, or a task that has not ended needs it: its import, a copy, its deletion.
        """
        async with self._database.write() as writing:
            row = await _find(writing, caller, ref)
            caller.require(Permission.STORAGE_MODIFY, row.pool_id, row.name)
            image = (await images_of(writing, [row]))[0]
            if image.used_by:
                names = ", ".join(image.used_by[:10])
                raise InUse(f"{row.name} is used by {names}", hint="delete those machines first")
            if title := await rows.unfinished_naming(writing, row.volume):
                raise InUse(f"{row.name} is needed by a task: {title}", hint="wait until that has ended")
            await writing.execute(sa.update(tables.images).where(_i.id == row.id).values(state="deleting"))
            await tell_image(writing, row.id, f"{row.name} is being deleted", user=caller.user)
            args = DeleteArgs(
                host=row.host, image=row.id, name=row.name, storage_pool=row.storage_pool, volume=row.volume
            )
            order = rows.Order(
                kind="image.delete",
                title=f"Delete {row.name}",
                about=image_ref(row),
                pool_id=row.pool_id,
                args=args,
                user=caller.user,
                cancellable=False,
            )
            return await accept(writing, order)


def _named(ref: str) -> sa.ColumnElement[bool]:
    try:
        return _i.id == UUID(ref)
    except ValueError:
        return _i.name == ref


def _seen(caller: Caller, ref: str, row: sa.Row[Any] | None) -> sa.Row[Any]:
    if row is None:
        raise NotFound(f"there is no image {ref}", hint="`skerry image ls` lists all")
    caller.require_sight(Permission.STORAGE_VIEW, row.pool_id, f"image {ref}")
    return row


async def _find(writing: Writing, caller: Caller, ref: str) -> sa.Row[Any]:
    return _seen(caller, ref, (await writing.execute(sa.select(tables.images).where(_named(ref)))).one_or_none())


async def _check_name(writing: Writing, name: str) -> None:
    if (await writing.execute(sa.select(_i.id).where(_i.name == name))).first() is not None:
        raise NameTaken(f"there is an image {name} already", hint="choose another name, or delete that one")


def _check_source(new: NewImage) -> None:
    by_volume = new.volume is not None
    if (new.upload is not None) == by_volume or (by_volume and new.storage_pool is None):
        raise BadInput("name either an upload, or a volume with its storage pool", hint="one of the two")
    if by_volume and new.sha256 is not None:
        raise BadInput(
            "sha256: only a file that was sent is compared with it, not a volume",
            hint="leave it out, or import the file",
        )


async def _free_volume(writing: Writing, new: NewImage) -> _Place:
    """Where the volume is that becomes an image.

    Raises:
        NotFound: no host is there.
        InUse: it is an image already, whose deletion would destroy both; or a task that has not ended needs it.
    """
    place = _Place(await _host_of_volume(writing), new.storage_pool or "", new.volume or "")
    if name := await image_of_volume(writing, place.host, place.storage_pool, place.volume):
        raise InUse(
            f"the volume {place.volume} is the image {name} already",
            hint=f"use that, or give it another name: skerry image rename {name} {new.name}",
        )
    await refuse_wanted(writing, place.volume)
    return place


async def _take_in(writing: Writing, caller: Caller, new: NewImage, place: _Place, task_id: UUID) -> Task:
    """The row that keeps the name, and the task that fills it."""
    image_id = id_from(task_id, "image")
    sha256 = new.sha256.lower() if new.sha256 else None
    pools = tables.pools.c
    root: UUID = (await writing.execute(sa.select(pools.id).where(pools.parent_id.is_(None)))).scalar_one()
    row = {
        "id": image_id,
        "name": new.name,
        "kind": ImageKind.TEMPLATE.value,
        "state": "importing",
        "pool_id": root,
        "description": new.description,
        **asdict(place),
        "format": "",
        "size": 0,
        "allocation": 0,
        "sha256": sha256,
        "created_at": now(),
        "created_by": task_id,
    }
    await writing.execute(sa.insert(tables.images), row)
    await tell_image(writing, image_id, f"{new.name} is being imported", user=caller.user)
    order = rows.Order(
        kind="image.import",
        title=f"Import {new.name}",
        about=ObjectRef(kind=ObjectKind.IMAGE, id=str(image_id), name=new.name),
        pool_id=root,
        args=ImportArgs(**asdict(place), image=image_id, name=new.name, upload=new.upload, sha256=sha256),
        user=caller.user,
        task_id=task_id,
        name_claimed=f"image:{new.name}",
    )
    return await accept(writing, order)


async def _host_of_volume(writing: Writing) -> str:
    """The host whose storage pool it is; the first that is there."""
    hosts = tables.hosts.c
    found = await writing.execute(sa.select(hosts.name).where(hosts.online).order_by(hosts.name).limit(1))
    name: str | None = found.scalar_one_or_none()
    if name is None:
        raise NotFound("no host is there to take the volume from", hint="look at the hosts: skerry host ls")
    return name
