"""What a host knows of itself, kept up to date by events, and told to whoever listens.

Everything is published when it is noted, so what is here now and what listeners were told agree at any moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from skerry.host.types import (
    Address,
    AddressesChanged,
    HostEvent,
    HostFacts,
    HypervisorLost,
    Listing,
    Machine,
    MachineChanged,
    MachineRemoved,
    MachineState,
    Network,
    NetworksChanged,
    StorageChanged,
    StoragePool,
)

INACTIVE = frozenset({MachineState.STOPPED, MachineState.CRASHED, MachineState.SAVED})
_AT_REST = INACTIVE - {MachineState.SAVED}


@dataclass(frozen=True)
class User:
    """A machine that has a volume among its disks, or starts with it."""

    machine: str
    uuid: UUID
    read_only: bool
    active: bool  # it runs now, or is saved and will go on with the disk as it was
    boots: bool = False  # it is no disk, but the kernel that it starts with, or its initial RAM disk


class Inventory:
    """Machines, networks and storage pools of one host."""

    def __init__(self) -> None:
        self.machines: dict[UUID, Machine] = {}
        self.addresses: dict[UUID, tuple[Address, ...]] = {}
        self._facts: HostFacts | None = None
        self._networks: tuple[Network, ...] = ()
        self._pools: tuple[StoragePool, ...] = ()
        self._lost: str | None = "the hypervisor was not reached yet"
        self._listeners: list[Callable[[HostEvent], None]] = []
        self._users: dict[str, tuple[User, ...]] | None = None
        self._looks: dict[object, set[UUID]] = {}

    @contextmanager
    def look(self) -> Iterator[AbstractSet[UUID]]:
        """While something is read: which machines were removed meanwhile, of which the read may not know."""
        look, gone = object(), set[UUID]()
        self._looks[look] = gone
        try:
            yield gone
        finally:
            del self._looks[look]

    def listen(self, listener: Callable[[HostEvent], None]) -> Callable[[], None]:
        """Call the listener for each event from now on; the returned function ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def publish(self, event: HostEvent) -> None:
        """Tell an event to all listeners."""
        for listener in tuple(self._listeners):
            listener(event)

    def state(self) -> list[HostEvent]:
        """Events that tell all that is known now."""
        found: list[HostEvent] = []
        if self._facts is not None:
            found.append(self._listing(self._facts))
            found += [AddressesChanged(uuid=uuid, addresses=known) for uuid, known in self.addresses.items()]
        if self._lost is not None:
            found.append(HypervisorLost(reason=self._lost))
        return found

    @property
    def facts(self) -> HostFacts | None:
        """Facts about the host, once they are known."""
        return self._facts

    @property
    def lost(self) -> str | None:
        """Why the hypervisor cannot be reached; None while it can."""
        return self._lost

    def note_listing(
        self,
        facts: HostFacts,
        machines: Iterable[Machine],
        networks: Sequence[Network],
        pools: Sequence[StoragePool],
    ) -> None:
        """The hypervisor was reached (again), and this is all there is."""
        self.machines = {machine.uuid: machine for machine in machines}
        self.addresses = {uuid: known for uuid, known in self.addresses.items() if self._is_active(uuid)}
        self._facts, self._networks, self._pools = facts, tuple(networks), tuple(pools)
        self._lost = None
        self._users = None
        for event in self.state():
            self.publish(event)

    def note_lost(self, reason: str) -> None:
        """The hypervisor cannot be reached."""
        if self._lost is None:
            self._lost = reason
            self.publish(HypervisorLost(reason=reason))

    def note_machine(self, machine: Machine, reason: str = "") -> None:
        """This is how a machine is now; told where it differs, or where there is a reason."""
        if self.machines.get(machine.uuid) == machine and not reason:
            return
        self.machines[machine.uuid] = machine
        self._users = None
        self.publish(MachineChanged(machine=machine, reason=reason))
        if machine.state in INACTIVE:
            self.note_addresses(machine.uuid, ())

    def note_removed(self, uuid: UUID) -> None:
        """A machine is gone, whatever looks say that began before."""
        for gone in self._looks.values():
            gone.add(uuid)
        if self.machines.pop(uuid, None) is not None:
            self.addresses.pop(uuid, None)
            self._users = None
            self.publish(MachineRemoved(uuid=uuid))

    def note_addresses(self, uuid: UUID, addresses: tuple[Address, ...]) -> None:
        """What is known of a machine's addresses."""
        if addresses == self.addresses.get(uuid, ()) or (addresses and not self._is_active(uuid)):
            return
        if addresses:
            self.addresses[uuid] = addresses
        else:
            self.addresses.pop(uuid, None)
        self.publish(AddressesChanged(uuid=uuid, addresses=addresses))

    def note_networks(self, networks: Sequence[Network]) -> None:
        """These are all networks."""
        if tuple(networks) != self._networks:
            self._networks = tuple(networks)
            self.publish(NetworksChanged(networks=self._networks))

    def note_pools(self, pools: Sequence[StoragePool], *, changed: bool = False) -> None:
        """These are all storage pools; told where they differ, or where volumes in them `changed`."""
        if tuple(pools) != self._pools or changed:
            self._pools = tuple(pools)
            self.publish(StorageChanged(storage_pools=self._pools))

    def users(self) -> Mapping[str, tuple[User, ...]]:
        """Which machines have which files as disks, or start with them, by path."""
        if self._users is None:
            found: dict[str, tuple[User, ...]] = {}
            for machine in self.machines.values():
                active = machine.state not in _AT_REST
                for disk in machine.disks:
                    if disk.source is not None:
                        user = User(machine.name, machine.uuid, disk.read_only, active)
                        found[disk.source] = (*found.get(disk.source, ()), user)
                for path in _boot_files(machine):
                    user = User(machine.name, machine.uuid, read_only=True, active=active, boots=True)
                    found[path] = (*found.get(path, ()), user)
            self._users = found
        return self._users

    def users_of(self, path: str) -> tuple[User, ...]:
        """Which machines have this file as a disk, or start with it."""
        return self.users().get(path, ())

    def _is_active(self, uuid: UUID) -> bool:
        machine = self.machines.get(uuid)
        return machine is not None and machine.state not in INACTIVE

    def _listing(self, facts: HostFacts) -> Listing:
        return Listing(
            facts=facts, machines=tuple(self.machines.values()), networks=self._networks, storage_pools=self._pools
        )


def _boot_files(machine: Machine) -> tuple[str, ...]:
    kernel = machine.direct_kernel
    return tuple(path for path in (kernel.kernel, kernel.initrd) if path) if kernel else ()
