"""What hosts tell becomes rows and facts.

Every event is compared with the rows in one transaction, and leaves facts only where something is different. So it
does not matter that events come twice, after a reconnect or by several managers. Lists and pages read the rows; no
request asks a hypervisor.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID
from weakref import WeakValueDictionary

import sqlalchemy as sa

from skerry.errors import SkerryError
from skerry.host.types import (
    AddressesChanged,
    HypervisorLost,
    Listing,
    Machine,
    MachineChanged,
    MachineRemoved,
    NetworksChanged,
    Samples,
    StorageChanged,
)
from skerry.link.port import FromHost, Link
from skerry.manager.background import end_all, keep_going
from skerry.manager.definitions import KnownDefinitions
from skerry.manager.events import Events
from skerry.manager.listing import HostRows, MachineRows, StorageNews
from skerry.manager.samples import LastSamples
from skerry.manager.store import tables
from skerry.manager.store.columns import now
from skerry.manager.store.database import Database, DatabaseAway, DatabaseFull, Writing
from skerry.manager.types import SamplesOfHost
from skerry.manager.vms import tell_changed

_log = logging.getLogger(__name__)
_RETRY_S = 2.0
_PRESENCE_S = 1.0
_m = tables.machines.c


class Inventory:
    """Follows all hosts."""

    def __init__(self, database: Database, link: Link, events: Events) -> None:
        self.samples = LastSamples()
        self._database = database
        self._link = link
        self._events = events
        # Of the machines that somebody waits for; weak, so they go with the last who waits.
        self._news: WeakValueDictionary[UUID, asyncio.Future[None]] = WeakValueDictionary()
        self._definitions = KnownDefinitions(database, link)
        self._pools: dict[UUID, UUID] = {}  # of each machine, for samples
        self._present: dict[str, bool] = {}
        self._own: list[asyncio.Task[None]] = []
        self._listed = asyncio.Event()
        self._storage_news = StorageNews()

    async def start(self) -> None:
        """Begin to follow; hosts that are not present are away."""
        async with self._database.read() as connection:
            rows = (await connection.execute(sa.select(_m.id, _m.pool_id))).all()
        self._pools = {row.id: row.pool_id for row in rows}
        await self._note_presence(at_start=True)
        self._own = [
            keep_going("the inventory", self._follow, retry_s=_RETRY_S),  # which begins with a listing each time
            keep_going("the presence of hosts", self._watch_presence, retry_s=_RETRY_S),
            keep_going("the keeping of definitions", self._definitions.follow, retry_s=_RETRY_S),
        ]

    async def stop(self) -> None:
        """Follow no longer; may be called twice."""
        await end_all(self._own)

    async def first_listing(self, timeout_s: float) -> bool:
        """Wait until a host has told what there is; False when none did in time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._listed.wait()
        except TimeoutError:
            return False
        return True

    def news_of(self, machine_id: UUID) -> asyncio.Future[None]:
        """Done when a host next tells anything about a machine. Ask for it before looking at the machine."""
        found = self._news.get(machine_id)
        if found is None or found.done():
            found = self._news[machine_id] = asyncio.get_running_loop().create_future()
        return found

    async def wait_for(
        self, machine_id: UUID, condition: Callable[[Machine | None], bool], *, timeout_s: float
    ) -> bool:
        """Wait until what is known of a machine (None: gone) meets a condition; False when the time is over."""
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    news = self.news_of(machine_id)
                    if condition(await self._known(machine_id)):
                        return True
                    await asyncio.shield(news)
        except TimeoutError:
            return False

    async def _known(self, machine_id: UUID) -> Machine | None:
        query = sa.select(_m.machine).where(_m.id == machine_id, _m.creating.is_(False))
        async with self._database.read() as connection:
            text = (await connection.execute(query)).scalar_one_or_none()
        return None if text is None else Machine.model_validate_json(text)

    async def _follow(self) -> None:
        async for told in self._link.events():
            await self._take(told)

    async def _take(self, told: FromHost) -> None:
        """Note an event, as soon as the database can take it."""
        if isinstance(told.event, Samples):
            self._take_samples(told.host, told.event)
            return
        while True:
            try:
                async with self._database.write() as writing:
                    await self._note(writing, told)
            except (DatabaseFull, DatabaseAway) as exc:
                _log.warning("what %s told cannot be kept now: %s", told.host, exc)
                await asyncio.sleep(_RETRY_S)
            else:
                self._tell_waiting(told)
                if isinstance(told.event, Listing):
                    self._listed.set()
                return

    async def _note(self, writing: Writing, told: FromHost) -> None:
        hosts, machines = HostRows(writing, told.host), MachineRows(writing, told.host)
        match told.event:
            case Listing() as listing:
                came_back = await hosts.listed(listing)
                await machines.listed(listing.machines, all_changed=came_back)
            case MachineChanged(machine=machine):
                await machines.changed(machine)
            case AddressesChanged(uuid=uuid, addresses=addresses):
                await machines.has_addresses(uuid, addresses)
            case MachineRemoved(uuid=uuid):
                await machines.removed(uuid)
            case NetworksChanged(networks=networks):
                await hosts.has_networks(networks)
            case StorageChanged(storage_pools=pools):
                await hosts.has_storage_pools(pools, self._storage_news)
            case HypervisorLost(reason=reason):
                await self._lost(writing, told.host, reason)
            case Samples():
                pass
        for machine_id, pool_id in machines.seen.items():
            self._pools[machine_id] = pool_id
        for machine_id in machines.gone:
            self._pools.pop(machine_id, None)
        for machine_id in machines.redefined:
            self._definitions.want(told.host, machine_id)

    async def _lost(self, writing: Writing, host: str, reason: str) -> None:
        if not await HostRows(writing, host).lost(reason):
            return
        found = await writing.execute(sa.select(_m.id, _m.name).where(_m.host == host, _m.creating.is_(False)))
        words = {row.id: f"{row.name} cannot be reached: its host {host} is away" for row in found.all()}
        await tell_changed(writing, words)

    def _tell_waiting(self, told: FromHost) -> None:
        match told.event:
            case MachineChanged(machine=machine):
                touched = [machine.uuid]
            case MachineRemoved(uuid=uuid):
                touched = [uuid]
            case Listing():
                touched = list(self._news)
            case _:
                return
        for machine_id in touched:
            waiting = self._news.pop(machine_id, None)
            if waiting is not None and not waiting.done():
                waiting.set_result(None)

    def _take_samples(self, host: str, samples: Samples) -> None:
        self.samples.take(host, samples)
        sent = SamplesOfHost(
            host=host,
            at=now(),
            cpu=samples.host_cpu,
            free_memory=samples.host_free_memory,
            machines=samples.machines,
        )
        self._events.send_samples(sent, self._pools)

    async def _watch_presence(self) -> None:
        """Nobody tells when a host leaves the link; asking costs nothing."""
        while True:
            await asyncio.sleep(_PRESENCE_S)
            with _told_later("the presence of hosts"):
                await self._note_presence()

    async def _note_presence(self, *, at_start: bool = False) -> None:
        present = {name: one.online for name, one in self._link.present().items()}
        if present == self._present and not at_start:
            return
        async with self._database.write() as writing:
            known = (await writing.execute(sa.select(tables.hosts.c.name))).scalars().all()
            for name in known:
                if not present.get(name, False):
                    await self._lost(writing, name, "it is not present on the link")
        self._present = present


@contextmanager
def _told_later(what: str) -> Iterator[None]:
    """What cannot be known now is known after the next event."""
    try:
        yield
    except SkerryError as exc:
        _log.info("%s cannot be kept now: %s", what, exc)
