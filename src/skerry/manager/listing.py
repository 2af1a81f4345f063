"""The rows of one host and its machines, brought up to date with what the host told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from pydantic import TypeAdapter

from skerry.host.types import Address, HostFacts, Listing, Machine, MachineState, Network, StoragePool
from skerry.manager.store import tables
from skerry.manager.store.columns import now
from skerry.manager.store.database import Writing
from skerry.manager.types import HostInfo, ObjectKind, ObjectRef
from skerry.manager.vms import addresses_json, tell_changed, tell_removed
from skerry.values import Frozen

NETWORKS: TypeAdapter[tuple[Network, ...]] = TypeAdapter(tuple[Network, ...])
STORAGE_POOLS: TypeAdapter[tuple[StoragePool, ...]] = TypeAdapter(tuple[StoragePool, ...])
_h = tables.hosts.c
_m = tables.machines.c
_BREATH = 200  # machines between two looks at the rest of the event loop

S = MachineState
_BECAME = {
    S.RUNNING: "started",
    S.PAUSED: "was paused",
    S.STOPPING: "is shutting down",
    S.STOPPED: "stopped",
    S.SAVED: "was saved",
    S.SUSPENDED: "put itself to sleep",
    S.CRASHED: "crashed",
}
_RUNNING = frozenset({S.RUNNING, S.PAUSED, S.STOPPING, S.SUSPENDED})


def host_ref(name: str) -> ObjectRef:
    """A host, named."""
    return ObjectRef(kind=ObjectKind.HOST, id=name, name=name)


def host_info(row: sa.Row[Any], vms: int, running: int) -> HostInfo:
    """The host in a row."""
    return HostInfo(
        name=row.name,
        online=row.online,
        since=row.since,
        facts=None if row.facts is None else HostFacts.model_validate_json(row.facts),
        networks=NETWORKS.validate_json(row.networks),
        storage_pools=STORAGE_POOLS.validate_json(row.storage_pools),
        vms=vms,
        running_vms=running,
        problem=row.problem,
    )


# Each host with the number of its machines, and of those that run.
HOSTS = (
    sa.select(
        tables.hosts,
        sa.func.count(_m.id).label("vms"),
        sa.func.count(_m.id).filter(_m.state.in_(sorted(_RUNNING))).label("running"),
    )
    .outerjoin_from(tables.hosts, tables.machines, sa.and_(_m.host == _h.name, _m.creating.is_(False)))
    .group_by(_h.name)
)


class StorageNews:
    """What of the storage of hosts is worth a fact: pools that come, go or change, and each percent they fill.

    The space that is used differs with all that any guest writes, which is no news.
    """

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], float] = {}  # percent, by host and pool

    def of(self, host: str, before: Sequence[StoragePool], now: Sequence[StoragePool]) -> list[str]:
        """The words for what is different."""
        old = {pool.name: pool for pool in before}
        gone = [f"the storage pool {name} of {host} is gone" for name in old.keys() - {pool.name for pool in now}]
        found = (self._of_pool(host, old.get(pool.name), pool) for pool in now)
        return [*gone, *filter(None, found)]

    def _of_pool(self, host: str, before: StoragePool | None, now: StoragePool) -> str:
        name = f"the storage pool {now.name} of {host}"
        percent = _percent(now)
        told = self._told.setdefault((host, now.name), percent if before is None else _percent(before))
        if before is None:
            return f"{name} is there"
        if before.active != now.active:
            return f"{name} is {'active' if now.active else 'not active'}"
        if (before.path, before.capacity, before.managed) != (now.path, now.capacity, now.managed):
            return f"{name} changed"
        if abs(percent - told) >= 1:
            self._told[host, now.name] = percent
            return f"{name} is {percent:.0f} % full"
        return ""


def _percent(pool: StoragePool) -> float:
    return 100 * pool.allocation / pool.capacity if pool.capacity else 0.0


class HostRows:
    """The row of one host."""

    def __init__(self, writing: Writing, name: str) -> None:
        self._writing = writing
        self._name = name

    async def listed(self, listing: Listing) -> bool:
        """It is there, and this is all of it; True where it was away before, or is new."""
        before = await self._row()
        values = {
            "facts": listing.facts.model_dump_json(),
            "networks": NETWORKS.dump_json(listing.networks).decode(),
            "storage_pools": STORAGE_POOLS.dump_json(listing.storage_pools).decode(),
            "online": True,
            "problem": None,
        }
        if before is None:
            new = {"name": self._name, "since": now(), **values}
            await self._writing.execute(sa.insert(tables.hosts).values(new))
        elif all(getattr(before, key) == value for key, value in values.items()):
            return False
        else:
            since = before.since if before.online else now()
            await self._set(since=since, **values)
        came = before is None or not before.online
        await self._tell(f"{self._name} {'is there' if came else 'changed'}")
        return came

    async def lost(self, reason: str) -> bool:
        """It cannot be reached; True where that is news."""
        before = await self._row()
        if before is None or (not before.online and before.problem == reason):
            return False
        await self._set(online=False, problem=reason, since=now() if before.online else before.since)
        await self._tell(f"{self._name} is away: {reason}")
        return bool(before.online)

    async def has_networks(self, networks: Sequence[Network]) -> None:
        """These are its networks."""
        text = NETWORKS.dump_json(tuple(networks)).decode()
        before = await self._row()
        if before is not None and before.networks != text:
            await self._set(networks=text)
            self._writing.tell("network.changed", host_ref(self._name), f"the networks of {self._name} changed")

    async def has_storage_pools(self, pools: Sequence[StoragePool], news: StorageNews) -> None:
        """These are its storage pools."""
        text = STORAGE_POOLS.dump_json(tuple(pools)).decode()
        before = await self._row()
        if before is not None and before.storage_pools != text:
            await self._set(storage_pools=text)
            for words in news.of(self._name, STORAGE_POOLS.validate_json(before.storage_pools), pools):
                self._writing.tell("storage-pool.changed", host_ref(self._name), words)

    async def _row(self) -> sa.Row[Any] | None:
        found = await self._writing.execute(sa.select(tables.hosts).where(_h.name == self._name))
        return found.one_or_none()

    async def _set(self, **values: object) -> None:
        await self._writing.execute(sa.update(tables.hosts).where(_h.name == self._name).values(values))

    async def _tell(self, summary: str) -> None:
        row = (await self._writing.execute(HOSTS.where(_h.name == self._name))).one()
        info: Frozen = host_info(row, row.vms, row.running)
        self._writing.tell("host.changed", host_ref(self._name), summary, data=info)


class MachineRows:
    """The rows of one host's machines; what happened to them is collected for the caller."""

    def __init__(self, writing: Writing, host: str) -> None:
        self._writing = writing
        self._host = host
        self.seen: dict[UUID, UUID] = {}  # machines, and their pools
        self.gone: list[UUID] = []
        self.redefined: list[UUID] = []

    async def listed(self, machines: Sequence[Machine], *, all_changed: bool) -> None:
        """These are all machines of the host; what a task is creating may not be there yet."""
        ours = sa.select(tables.machines).where(
            sa.or_(_m.host == self._host, _m.id.in_([machine.uuid for machine in machines]))
            if len(machines) <= _BREATH
            else sa.true()
        )
        rows = {row.id: row for row in (await self._writing.execute(ours)).all()}
        words: dict[UUID, str] = {}
        for number, machine in enumerate(machines):
            summary = await self._upsert(rows.pop(machine.uuid, None), machine)
            if summary or all_changed:
                words[machine.uuid] = summary or f"{machine.name} can be reached again"
            if number % _BREATH == 0:
                await asyncio.sleep(0)
        for row in rows.values():
            if row.host == self._host and not row.creating:
                await self._remove(row)
        await tell_changed(self._writing, words)

    async def changed(self, machine: Machine) -> None:
        """This is how a machine is now."""
        summary = await self._upsert(await self._row(machine.uuid), machine)
        if summary:
            await tell_changed(self._writing, {machine.uuid: summary})

    async def removed(self, machine_id: UUID) -> None:
        """The host knows it no longer."""
        row = await self._row(machine_id)
        if row is not None and row.host == self._host and not row.creating:
            await self._remove(row)

    async def has_addresses(self, machine_id: UUID, addresses: Sequence[Address]) -> None:
        """These are a machine's addresses."""
        row = await self._row(machine_id)
        text = addresses_json(addresses)
        if row is None or row.addresses == text:
            return
        await self._set(machine_id, addresses=text)
        known = ", ".join(one.address for one in addresses)
        words = f"{row.name} has the address {known}" if known else f"{row.name} has no address any more"
        await tell_changed(self._writing, {machine_id: words})

    async def _upsert(self, row: sa.Row[Any] | None, machine: Machine) -> str:
        """Make the row say what the host says; the words for what is different, empty where nothing is."""
        text = machine.model_dump_json()
        values = {
            "name": machine.name,
            "host": self._host,
            "state": machine.state,
            "vcpus": machine.vcpus,
            "memory": machine.memory,
            "machine": text,
            "creating": False,
        }
        if row is None:
            await self._insert(machine, values)
            return f"{machine.name} was found on {self._host}"
        self.seen[machine.uuid] = row.pool_id
        if machine.etag != row.definition_etag:  # also of one that is as before: the manager may have died between
            self.redefined.append(machine.uuid)
        if row.machine == text and row.host == self._host and not row.creating:
            return ""
        await self._set(machine.uuid, **values)
        return _words_for(row, machine)

    async def _insert(self, machine: Machine, values: dict[str, Any]) -> None:
        root = sa.select(tables.pools.c.id).where(tables.pools.c.parent_id.is_(None))
        pool_id = (await self._writing.execute(root)).scalar_one()
        new = {
            "id": machine.uuid,
            "pool_id": pool_id,
            "created_at": now(),
            "should_run": machine.autostart or machine.state in _RUNNING,
            "addresses": "[]",
            **values,
        }
        await self._writing.execute(sa.insert(tables.machines).values(new))
        self.seen[machine.uuid] = pool_id
        self.redefined.append(machine.uuid)

    async def _remove(self, row: sa.Row[Any]) -> None:
        await self._writing.execute(sa.delete(tables.machines).where(_m.id == row.id))
        tell_removed(self._writing, row)
        self.gone.append(row.id)

    async def _row(self, machine_id: UUID) -> sa.Row[Any] | None:
        found = await self._writing.execute(sa.select(tables.machines).where(_m.id == machine_id))
        return found.one_or_none()

    async def _set(self, machine_id: UUID, **values: object) -> None:
        await self._writing.execute(sa.update(tables.machines).where(_m.id == machine_id).values(values))


def _words_for(row: sa.Row[Any], machine: Machine) -> str:
    if row.creating:
        return f"{machine.name} was defined on its host"
    if row.state != machine.state:
        return f"{machine.name} {_BECAME[machine.state]}"
    if row.name != machine.name:
        return f"{row.name} is now called {machine.name}"
    return f"{machine.name} was changed"
