"""Volumes: what lies in the storage pools, who needs it, and removing what nobody does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

import sqlalchemy as sa

from skerry.errors import BadInput, InUse, NotFound
from skerry.host.operation import Permission
from skerry.host.operations import volumes as on_host
from skerry.host.types import Volume
from skerry.link.port import Link
from skerry.manager.access import Caller
from skerry.manager.hosts import Hosts
from skerry.manager.library import image_of_volume
from skerry.manager.store import tables
from skerry.manager.store.database import Database, Writing
from skerry.manager.store.pages import checked_limit, cursor_after, position_after
from skerry.manager.tasks import rows
from skerry.manager.tasks.ending import accept
from skerry.manager.tasks.volumes import DeleteArgs
from skerry.manager.types import ObjectKind, ObjectRef, Page, Task, VolumeInfo

_i = tables.images.c


class Volumes:
    """The volumes of the cloud. They are asked of the hosts, which know them; nothing of them is in our tables."""

    def __init__(self, database: Database, link: Link, hosts: Hosts) -> None:
        self._database = database
        self._link = link
        self._hosts = hosts

    async def list(
        self,
        caller: Caller,
        *,
        host: str | None = None,
        storage_pool: str | None = None,
        unused: bool = False,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[VolumeInfo]:
        """One page of the volumes, asked of the hosts now; with `unused` only those that nothing needs."""
        checked_limit(limit)
        images = await self._images()
        found: list[VolumeInfo] = []
        for one in await self._hosts.all_of(caller, Permission.STORAGE_VIEW, host=host):
            for pool in one.storage_pools:
                if one.online and pool.managed and storage_pool in {None, pool.name}:
                    volumes = await self._link.call(one.name, on_host.list_volumes, _pool(pool.name))
                    found += _described(one.name, volumes, images)
        found = sorted(
            (one for one in found if one.unused or not unused), key=lambda one: (one.name, _position(one))
        )
        after = position_after(cursor)
        rest = [one for one in found if after is None or (one.name, _position(one)) > after]
        more = cursor_after(rest[limit - 1].name, _position(rest[limit - 1])) if len(rest) > limit else None
        return Page[VolumeInfo](items=tuple(rest[:limit]), next_cursor=more, total=len(found))

    async def delete(self, caller: Caller, storage_pool: str, name: str, *, host: str | None = None) -> Task:
        """Remove a volume that nothing needs.

        Raises:
            NotFound: there is none of this name.
            InUse: a machine, an image, a clone or a task needs it.
            BadInput: several hosts have such a storage pool, and none was named.
        """
        where = await self._host_of(caller, storage_pool, host)
        volumes = await self._link.call(where, on_host.list_volumes, _pool(storage_pool))
        found = {one.name: one for one in _described(where, volumes, await self._images())}.get(name)
        if found is None:
            raise NotFound(f"there is no volume {name} in {storage_pool}", hint="`skerry volume ls` lists all")
        async with self._database.write() as writing:
            root = await _root_pool(writing)
            caller.require(Permission.STORAGE_MODIFY, root, f"the volume {name}")
            image = await image_of_volume(writing, where, storage_pool, name)  # it may have become one since
            _refuse_needed(found.model_copy(update={"image": image}))
            await refuse_wanted(writing, name)
            order = rows.Order(
                kind="volume.delete",
                title=f"Delete the volume {name}",
                about=ObjectRef(kind=ObjectKind.VOLUME, id=f"{where}/{storage_pool}/{name}", name=name),
                pool_id=root,
                args=DeleteArgs(host=where, storage_pool=storage_pool, name=name),
                user=caller.user,
                cancellable=False,
            )
            return await accept(writing, order)

    async def _host_of(self, caller: Caller, storage_pool: str, host: str | None) -> str:
        hosts = await self._hosts.all_of(caller, Permission.STORAGE_VIEW, host=host)
        having = [
            one.name for one in hosts if storage_pool in {pool.name for pool in one.storage_pools if pool.managed}
        ]
        if not having:
            raise NotFound(
                f"there is no storage pool {storage_pool} of Skerry's",
                hint="`skerry volume ls` shows volumes and their pools",
            )
        if len(having) > 1:
            raise BadInput(
                f"host: several hosts have a storage pool {storage_pool}", hint=f"name one: {', '.join(having)}"
            )
        return having[0]

    async def _images(self) -> dict[tuple[str, str, str], str]:
        """The names of images, by where their volumes are."""
        query = sa.select(_i.host, _i.storage_pool, _i.volume, _i.name)
        async with self._database.read() as connection:
            found = (await connection.execute(query)).all()
        return {(row.host, row.storage_pool, row.volume): row.name for row in found}


def _pool(name: str) -> on_host.PoolRef:
    return on_host.PoolRef(storage_pool=name)


def _position(volume: VolumeInfo) -> str:
    return f"{volume.host}:{volume.path}"


def _described(
    host: str, volumes: Sequence[Volume], images: Mapping[tuple[str, str, str], str]
) -> list[VolumeInfo]:
    """The volumes of one pool, with what needs them."""
    clones: dict[str, list[str]] = {}
    for volume in volumes:
        if volume.backing is not None:
            clones.setdefault(volume.backing, []).append(volume.name)
    found = []
    for volume in volumes:
        image = images.get((host, volume.storage_pool, volume.name))
        standing = tuple(clones.get(volume.path, ()))
        found.append(
            VolumeInfo(
                **volume.model_dump(),
                host=host,
                image=image,
                clones=standing,
                unused=not (volume.used_by or standing or image),
            )
        )
    return found


def _refuse_needed(volume: VolumeInfo) -> None:
    """Raises InUse, saying by what."""
    if volume.image is not None:
        raise InUse(
            f"the volume {volume.name} is the image {volume.image}",
            hint=f"delete that: skerry image delete {volume.image}",
        )
    if volume.used_by:
        raise InUse(
            f"the volume {volume.name} is a disk of {', '.join(volume.used_by)}",
            hint="take it out there, or delete the machine",
        )
    if volume.clones:
        raise InUse(
            f"the volume {volume.name} is needed by {', '.join(volume.clones[:5])}, cloned from it",
            hint="delete those first",
        )


async def refuse_wanted(writing: Writing, name: str) -> None:
    """Raises InUse where a task that has not ended names the volume: it may just have been made for a machine."""
    if title := await rows.unfinished_naming(writing, name):
        raise InUse(f"the volume {name} is needed by a task: {title}", hint="wait until that has ended")


async def _root_pool(writing: Writing) -> UUID:
    """Volumes are in no resource pool: who deletes them needs the right to everything."""
    pools = tables.pools.c
    root: UUID = (await writing.execute(sa.select(pools.id).where(pools.parent_id.is_(None)))).scalar_one()
    return root
