"""Hosts, their networks, storage pools and volumes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa

from skerry.errors import NotFound
from skerry.host.operation import Permission
from skerry.host.types import Network, Samples, StoragePool
from skerry.manager.access import AnyPermission, Caller
from skerry.manager.listing import HOSTS, NETWORKS, STORAGE_POOLS, host_info
from skerry.manager.store import tables
from skerry.manager.store.database import Database
from skerry.manager.store.pages import Order, checked_limit, next_cursor
from skerry.manager.types import HostInfo, Page

T = TypeVar("T")

_h = tables.hosts.c
SampleOf = Callable[[str], Samples | None]


class Hosts:
    """What the inventory knows of hosts."""

    def __init__(self, database: Database, sample_of: SampleOf) -> None:
        self._database = database
        self._sample_of = sample_of

    async def list(self, caller: Caller, *, limit: int = 100, cursor: str | None = None) -> Page[HostInfo]:
        """One page of the hosts, by name."""
        caller.require(Permission.HOST_VIEW, None, "hosts")
        query = HOSTS.limit(checked_limit(limit) + 1)
        async with self._database.read() as connection:
            rows = (await connection.execute(Order(_h.name, _h.name).apply(query, cursor))).all()
            total = (await connection.execute(sa.select(sa.func.count()).select_from(tables.hosts))).scalar_one()
        items = tuple(self._info(row) for row in rows[:limit])
        return Page[HostInfo](items=items, next_cursor=next_cursor(rows, limit, "name", "name"), total=total)

    async def get(self, caller: Caller, name: str) -> HostInfo:
        """One host."""
        return self._info(await self._row(caller, Permission.HOST_VIEW, name))

    async def networks(self, caller: Caller, *, host: str | None = None) -> Page[Network]:
        """All networks of one host, or of all."""
        rows = await self._rows(caller, Permission.NETWORK_VIEW, host)
        return _whole(Page[Network], [network for row in rows for network in NETWORKS.validate_json(row.networks)])

    async def storage_pools(self, caller: Caller, *, host: str | None = None) -> Page[StoragePool]:
        """All storage pools of one host, or of all."""
        rows = await self._rows(caller, Permission.STORAGE_VIEW, host)
        pools = [pool for row in rows for pool in STORAGE_POOLS.validate_json(row.storage_pools)]
        return _whole(Page[StoragePool], pools)

    async def all_of(
        self, caller: Caller, permission: AnyPermission, *, host: str | None = None
    ) -> Sequence[HostInfo]:
        """One host, or all, for those who may do this somewhere."""
        return [self._info(row) for row in await self._rows(caller, permission, host)]

    async def _rows(self, caller: Caller, permission: AnyPermission, host: str | None) -> Sequence[sa.Row[Any]]:
        if host is not None:
            return [await self._row(caller, permission, host)]
        caller.require(permission, None, "hosts")
        async with self._database.read() as connection:
            return (await connection.execute(HOSTS.order_by(_h.name))).all()

    async def _row(self, caller: Caller, permission: AnyPermission, name: str) -> sa.Row[Any]:
        caller.require_sight(permission, None, f"host {name}")
        async with self._database.read() as connection:
            row = (await connection.execute(HOSTS.where(_h.name == name))).one_or_none()
        if row is None:
            raise NotFound(f"there is no host {name}", hint="`skerry host ls` lists all")
        return row

    def _info(self, row: sa.Row[Any]) -> HostInfo:
        info = host_info(row, row.vms, row.running)
        sample = self._sample_of(row.name) if row.online else None
        if sample is None:
            return info
        used = {"cpu": sample.host_cpu, "free_memory": sample.host_free_memory}
        return info.model_copy(update=used)


def _whole(page: type[Page[T]], items: Sequence[T]) -> Page[T]:
    return page(items=tuple(items), next_cursor=None, total=len(items))
