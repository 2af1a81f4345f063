"""What a host knows, and what it tells."""

from uuid import UUID

import pytest

from skerry.host.inventory import Inventory
from skerry.host.types import (
    Accelerator,
    Address,
    AddressesChanged,
    AddressSource,
    Consoles,
    Disk,
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
)

ONE = UUID(int=1)
FACTS = HostFacts(
    name="host-1",
    uuid=UUID(int=9),
    architecture="x86_64",
    cpu_model="",
    cpus=2,
    memory=2**30,
    free_memory=2**29,
    kernel="",
    os="",
    libvirt_version="",
    qemu_version="",
    libvirt_uri="test:///default",
    accelerator=Accelerator(kind="tcg", reason="no"),
    uefi=False,
    tpm=False,
)
ADDRESS = Address(
    mac="52:54:00:00:00:01", address="192.0.2.1", prefix=24, family="ipv4", source=AddressSource.LEASE
)


def machine(state: MachineState = MachineState.RUNNING, *, disk: str | None = None) -> Machine:
    disks = (Disk(target="vda", device="disk", bus="virtio", source=disk),) if disk else ()
    return Machine(
        uuid=ONE,
        name="one",
        state=state,
        vcpus=1,
        memory=2**28,
        max_vcpus=1,
        max_memory=2**28,
        consoles=Consoles(graphics=True, serial=True),
        disks=disks,
        etag="1",
    )


@pytest.fixture
def inventory() -> Inventory:
    return Inventory()


@pytest.fixture
def told(inventory: Inventory) -> list[HostEvent]:
    """Everything that is published."""
    events: list[HostEvent] = []
    inventory.listen(events.append)
    return events


def test_before_the_first_listing_the_hypervisor_is_away(inventory: Inventory) -> None:
    assert [event.kind for event in inventory.state()] == ["hypervisor-lost"]


def test_a_listing_is_told_and_is_the_state(inventory: Inventory, told: list[HostEvent]) -> None:
    inventory.note_listing(FACTS, [machine()], [], [])

    expected = Listing(facts=FACTS, machines=(machine(),), networks=(), storage_pools=())
    assert told == [expected]
    assert inventory.state() == [expected]


def test_a_machine_is_told_when_it_differs(inventory: Inventory, told: list[HostEvent]) -> None:
    inventory.note_machine(machine())
    inventory.note_machine(machine())

    assert told == [MachineChanged(machine=machine())]


def test_a_machine_is_told_when_there_is_a_reason(inventory: Inventory, told: list[HostEvent]) -> None:
    inventory.note_machine(machine())
    inventory.note_machine(machine(), "rebooted")

    assert told[1:] == [MachineChanged(machine=machine(), reason="rebooted")]


def test_a_removed_machine_is_told_once(inventory: Inventory, told: list[HostEvent]) -> None:
    inventory.note_machine(machine())
    inventory.note_removed(ONE)
    inventory.note_removed(ONE)

    assert told[1:] == [MachineRemoved(uuid=ONE)]


def test_addresses_end_with_the_machine(inventory: Inventory, told: list[HostEvent]) -> None:
    inventory.note_machine(machine())
    inventory.note_addresses(ONE, (ADDRESS,))
    inventory.note_addresses(ONE, (ADDRESS,))
    inventory.note_machine(machine(MachineState.STOPPED))
    inventory.note_addresses(ONE, (ADDRESS,))

    of_addresses = [event for event in told if isinstance(event, AddressesChanged)]
    assert [event.addresses for event in of_addresses] == [(ADDRESS,), ()]


def test_addresses_are_part_of_the_state(inventory: Inventory) -> None:
    inventory.note_listing(FACTS, [machine()], [], [])
    inventory.note_addresses(ONE, (ADDRESS,))

    assert inventory.state()[1:] == [AddressesChanged(uuid=ONE, addresses=(ADDRESS,))]


def test_a_lost_hypervisor_is_told_once_and_ends_with_a_listing(
    inventory: Inventory, told: list[HostEvent]
) -> None:
    inventory.note_listing(FACTS, [], [], [])
    inventory.note_lost("it ended")
    inventory.note_lost("still away")

    assert told[1:] == [HypervisorLost(reason="it ended")]
    assert [event.kind for event in inventory.state()] == ["listing", "hypervisor-lost"]

    inventory.note_listing(FACTS, [], [], [])
    assert [event.kind for event in inventory.state()] == ["listing"]


def test_networks_are_told_when_they_differ(inventory: Inventory, told: list[HostEvent]) -> None:
    network = Network(name="default", kind="network", active=True, autostart=True)
    inventory.note_networks([network])
    inventory.note_networks([network])

    assert told == [NetworksChanged(networks=(network,))]


def test_pools_are_told_when_volumes_in_them_changed(inventory: Inventory, told: list[HostEvent]) -> None:
    inventory.note_pools([])
    inventory.note_pools([], changed=True)

    assert told == [StorageChanged(storage_pools=())]


def test_the_users_of_a_volume_follow_the_machines(inventory: Inventory) -> None:
    inventory.note_machine(machine(disk="/v/a"))
    (user,) = inventory.users_of("/v/a")
    assert (user.machine, user.active, user.read_only) == ("one", True, False)

    inventory.note_machine(machine(MachineState.STOPPED, disk="/v/b"))

    assert inventory.users_of("/v/a") == ()
    assert not inventory.users_of("/v/b")[0].active


def test_who_stopped_listening_is_not_told(inventory: Inventory) -> None:
    events: list[HostEvent] = []
    end = inventory.listen(events.append)
    end()

    inventory.note_lost("gone")
    inventory.note_machine(machine())

    assert events == []
