"""Keeping the inventory true: what the hypervisor tells becomes what is known.

After each (re)connect everything is listed anew, because what happened in between was not told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from uuid import UUID

from skerry.errors import NotFound, SkerryError, Unavailable
from skerry.host.addresses import AddressFinder
from skerry.host.inventory import INACTIVE, Inventory
from skerry.host.looking import Looking
from skerry.host.port import (
    AgentConnected,
    HypervisorEvent,
    HypervisorPort,
    Lost,
    MachineTouched,
    NetworksTouched,
    Reached,
    StorageTouched,
)
from skerry.host.storage import HostStorage
from skerry.host.types import Address, HostFacts, Machine, MachineState

# Reasons after which a guest may have other addresses; the second also where its definition stays as it was.
_OTHER_ADDRESSES = frozenset({"rebooted", "device added"})


class Watch:
    """Follows one hypervisor."""

    def __init__(self, name: str, hypervisor: HypervisorPort, storage: HostStorage, inventory: Inventory) -> None:
        self._name = name
        self._hypervisor = hypervisor
        self._storage = storage
        self._inventory = inventory
        self._looking = Looking()
        self._finder = AddressFinder(self._find_addresses)
        self._doubted: set[UUID] = set()  # machines that had an address in a look before the last, and not in that
        self._warnings: tuple[str, ...] = ()
        self._reasons: dict[UUID, list[str]] = {}

    async def run(self) -> None:
        """Follow the hypervisor, until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._finder.run())
                async for event in self._hypervisor.events():
                    self._take(event)
        finally:
            await self._looking.stop()

    async def facts(self) -> HostFacts:
        """What the host is now, and what is wrong with it."""
        facts = await self._hypervisor.facts(self._name)
        return facts.model_copy(update={"warnings": (*facts.warnings, *self._warnings)})

    async def machine(self, uuid: UUID, reason: str = "") -> Machine:
        """Look at a machine, and note what is found.

        Raises:
            NotFound: it is gone; that is noted too.
        """
        return await self.note(self._read(uuid), reason)

    async def _read(self, uuid: UUID) -> Machine:
        try:
            return await self._hypervisor.machine(uuid)
        except NotFound:
            self._inventory.note_removed(uuid)
            raise

    async def note(self, read: Awaitable[Machine], reason: str = "") -> Machine:
        """Note how a machine is now, with what is known of its volumes.

        Raises:
            NotFound: it was removed meanwhile; it would be taken for one that is there, and its volumes be kept.
        """
        with self._inventory.look() as gone:
            machine = await self._storage.describe(await read)
            if machine.uuid in gone:
                raise NotFound(f"there is no machine {machine.name} any more")
            self._inventory.note_machine(machine, reason)
        self._follow_addresses(machine)
        return machine

    async def machines(self) -> tuple[Machine, ...]:
        """All machines as they are now."""
        volumes = await self._storage.volumes_by_path()
        return tuple(self._storage.described(machine, volumes) for machine in await self._hypervisor.machines())

    async def addresses(self, uuid: UUID) -> tuple[Address, ...]:
        """Look at the addresses of a machine, and note what is found."""
        found = tuple(await self._hypervisor.addresses(uuid))
        self._inventory.note_addresses(uuid, found)
        return found

    def volumes_changed(self) -> None:
        """Look at the storage pools soon, and tell that volumes in them changed."""
        self._looking.touch("the volumes", lambda: self._look_at_pools(changed=True))

    def _take(self, event: HypervisorEvent) -> None:
        match event:
            case Reached():
                self._looking.touch("the host", self._look_at_all)
            case Lost(reason):
                self._inventory.note_lost(reason)
            case MachineTouched(uuid, reason):
                self._reasons.setdefault(uuid, []).append(reason)
                self._looking.touch(uuid, lambda: self._look_at_machine(uuid))
                if reason in _OTHER_ADDRESSES:
                    self._finder.again(uuid)
            case AgentConnected(uuid):
                self._finder.again(uuid, at_once=True)
            case NetworksTouched():
                self._looking.touch("the networks", self._look_at_networks)
            case StorageTouched():
                self._looking.touch("the storage pools", self._look_at_pools)

    async def _look_at_all(self) -> None:
        await self._announce_storage()
        facts = await self.facts()
        networks = await self._hypervisor.networks()
        pools = await self._storage.pools()
        with self._inventory.look() as gone:
            machines = [machine for machine in await self.machines() if machine.uuid not in gone]
            self._inventory.note_listing(facts, machines, networks, pools)
        for machine in machines:
            self._follow_addresses(machine)

    async def _announce_storage(self) -> None:
        """Pools that libvirt does not take are no reason to show no machines."""
        self._warnings = ()
        try:
            await self._storage.announce()
        except Unavailable:
            raise
        except SkerryError as exc:
            self._warnings = (exc.message,)

    async def _look_at_machine(self, uuid: UUID) -> None:
        reasons = dict.fromkeys(filter(None, self._reasons.pop(uuid, [])))
        try:
            await self.machine(uuid, ", ".join(reasons))
        except NotFound:
            self._forget_addresses(uuid)

    async def _look_at_networks(self) -> None:
        self._inventory.note_networks(await self._hypervisor.networks())

    async def _look_at_pools(self, *, changed: bool = False) -> None:
        self._inventory.note_pools(await self._storage.pools(), changed=changed)

    def _follow_addresses(self, machine: Machine) -> None:
        if machine.state in INACTIVE or not machine.nics:
            self._forget_addresses(machine.uuid)
        else:
            self._finder.follow(machine.uuid, (machine.state, machine.started_at, machine.nics))

    def _forget_addresses(self, uuid: UUID) -> None:
        self._finder.forget(uuid)
        self._doubted.discard(uuid)

    async def _find_addresses(self, uuid: UUID) -> bool:
        """Look at the addresses of a machine; whether it has any.

        An agent may have no time for us just now: an address is given up when two looks do not show it.
        """
        machine, known = self._inventory.machines.get(uuid), self._inventory.addresses.get(uuid, ())
        if machine is None:
            self._forget_addresses(uuid)
            return False
        if known and machine.state is not MachineState.RUNNING:
            return True  # a guest that is paused has none to tell, and keeps what it has
        found = tuple(await self._hypervisor.addresses(uuid))
        if uuid not in self._doubted and _texts(known) - _texts(found):
            self._doubted.add(uuid)
            self._finder.again(uuid)
            return True
        self._doubted.discard(uuid)
        self._inventory.note_addresses(uuid, found)
        return bool(found)


def _texts(addresses: Sequence[Address]) -> frozenset[str]:
    return frozenset(entry.address for entry in addresses)
