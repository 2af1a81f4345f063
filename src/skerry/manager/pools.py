"""Resource pools: a tree with one root."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from skerry.errors import Conflict, InUse, NameTaken, NotFound
from skerry.manager.access import Caller, ManagerPermission
from skerry.manager.store import tables
from skerry.manager.store.database import Database, Writing
from skerry.manager.store.pages import Order, checked_limit, next_cursor
from skerry.manager.types import NewPool, ObjectKind, ObjectRef, Page, Pool

_p = tables.pools.c


class Pools:
    """The tree of pools."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self, caller: Caller, *, limit: int = 100, cursor: str | None = None) -> Page[Pool]:
        """One page of the pools that the caller may see, by path."""
        seen = caller.access.pools_with(ManagerPermission.POOL_VIEW)
        visible = sa.true() if seen is None else _p.id.in_(sorted(seen))
        query = sa.select(tables.pools).where(visible).limit(checked_limit(limit) + 1)
        async with self._database.read() as connection:
            rows = (await connection.execute(Order(_p.path, _p.id).apply(query, cursor))).all()
            count = sa.select(sa.func.count()).select_from(tables.pools).where(visible)
            total = (await connection.execute(count)).scalar_one()
        items = tuple(_pool(row) for row in rows[:limit])
        return Page[Pool](items=items, next_cursor=next_cursor(rows, limit, "path", "id"), total=total)

    async def create(self, caller: Caller, new: NewPool) -> Pool:
        """Make a pool below another one."""
        caller.require_sight(ManagerPermission.POOL_VIEW, new.parent_id, f"pool {new.parent_id}")
        caller.require(ManagerPermission.POOL_MODIFY, new.parent_id, f"pool {new.parent_id}")
        async with self._database.write() as writing:
            parent = await _find(writing, new.parent_id)
            pool = Pool(id=uuid4(), name=new.name, parent_id=parent.id, path=f"{parent.path}/{new.name}")
            same = sa.select(_p.id).where(_p.path == pool.path)
            if (await writing.execute(same)).first() is not None:
                raise NameTaken(f"there is a pool {pool.path} already", hint="choose another name")
            await writing.execute(sa.insert(tables.pools), pool.model_dump())
            writing.tell(
                "pool.changed", _ref(pool), f"{pool.path} created", pool_id=pool.id, user=caller.user, data=pool
            )
        return pool

    async def delete(self, caller: Caller, pool_id: UUID) -> None:
        """Remove an empty pool; InUse while anything is in it."""
        caller.require_sight(ManagerPermission.POOL_VIEW, pool_id, f"pool {pool_id}")
        caller.require(ManagerPermission.POOL_MODIFY, pool_id, f"pool {pool_id}")
        async with self._database.write() as writing:
            pool = await _find(writing, pool_id)
            if pool.parent_id is None:
                raise Conflict(f"{pool.path} is the root of all pools", hint="it stays")
            held = {
                "pools": sa.select(sa.func.count()).where(_p.parent_id == pool_id),
                "machines": sa.select(sa.func.count()).where(tables.machines.c.pool_id == pool_id),
                "images": sa.select(sa.func.count()).where(tables.images.c.pool_id == pool_id),
            }
            counts = {what: (await writing.execute(query)).scalar_one() for what, query in held.items()}
            full = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
            if full:
                raise InUse(f"{pool.path} holds {full}", hint="move or delete them first")
            await writing.execute(sa.delete(tables.pools).where(_p.id == pool_id))
            writing.tell(
                "pool.removed", _ref(pool), f"{pool.path} removed", pool_id=pool.parent_id, user=caller.user
            )


async def _find(writing: Writing, pool_id: UUID) -> Pool:
    row = (await writing.execute(sa.select(tables.pools).where(_p.id == pool_id))).one_or_none()
    if row is None:
        raise NotFound(f"there is no pool {pool_id}")
    return _pool(row)


def _pool(row: sa.Row[Any]) -> Pool:
    return Pool(id=row.id, name=row.name, parent_id=row.parent_id, path=row.path)


def _ref(pool: Pool) -> ObjectRef:
    return ObjectRef(kind=ObjectKind.POOL, id=str(pool.id), name=pool.name)
