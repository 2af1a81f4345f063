"""The simulated host, under the suite of all hosts."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast
from uuid import UUID

import pytest
from tests.unit.host.suite import given
from tests.unit.host.suite.consoles import ConsoleSuite
from tests.unit.host.suite.definitions import DefinitionSuite
from tests.unit.host.suite.devices import DeviceSuite
from tests.unit.host.suite.machines import MachineSuite
from tests.unit.host.suite.snapshots import SnapshotSuite
from tests.unit.host.suite.volumes import VolumeSuite

from skerry.errors import NotFound, TimedOut, Unavailable
from skerry.host.agent import Host
from skerry.host.memory_hypervisor import MemoryHypervisor
from skerry.host.operation import Nothing
from skerry.host.operations import devices, machines
from skerry.host.port import AgentConnected, Reached
from skerry.host.simulated import simulated_host
from skerry.host.types import Address, AddressesChanged, AddressSource, HostEvent, Machine, Samples


@pytest.fixture
def hypervisor() -> MemoryHypervisor:
    return MemoryHypervisor()


@pytest.fixture
def looks_often(host: Host) -> None:
    """Addresses are asked for without long waits."""
    host.watch._finder._first_wait_s = 0.01


@pytest.fixture
async def host(tmp_path: Path, hypervisor: MemoryHypervisor) -> AsyncIterator[Host]:
    simulated = simulated_host("host-1", folder=tmp_path, hypervisor=hypervisor)
    async with given.events(simulated) as told:
        await simulated.start()
        assert (await told.get()).kind == "listing"
    yield simulated
    await simulated.stop()


class TestMachines(MachineSuite):
    """The suite of all hosts."""


class TestDefinitions(DefinitionSuite):
    """The suite of all hosts."""


class TestDevices(DeviceSuite):
    """The suite of all hosts."""


class TestVolumes(VolumeSuite):
    """The suite of all hosts."""


class TestSnapshots(SnapshotSuite):
    """The suite of all hosts."""


class TestConsoles(ConsoleSuite):
    """The suite of all hosts."""


async def test_a_hypervisor_that_goes_and_comes_is_told(host: Host, hypervisor: MemoryHypervisor) -> None:
    async with given.events(host) as told:
        hypervisor.fail("it ended")
        assert (await told.get()).kind == "hypervisor-lost"
        with pytest.raises(Unavailable, match="it ended"):
            await host.call(machines.list_machines, Nothing())

        hypervisor.reach()
        assert (await told.get()).kind == "listing"


async def test_the_addresses_of_a_started_machine_are_found(host: Host) -> None:
    async with given.events(host) as told:
        await host.call(machines.create, given.new(nics=(given.NewNic(),)))
        await host.call(machines.start, given.REF)

        async with asyncio.timeout(30):
            while (await told.get()).kind != "addresses-changed":
                pass

    assert [address.address[:8] for address in host.inventory.addresses[given.ONE]] == ["192.0.2."]


async def addresses_told(told: asyncio.Queue[HostEvent]) -> list[str]:
    async with asyncio.timeout(30):
        while not isinstance(event := await told.get(), AddressesChanged):
            pass
    return [address.address for address in event.addresses]


@pytest.mark.usefixtures("looks_often")
async def test_the_addresses_of_a_card_that_is_added_later_are_found(host: Host) -> None:
    async with given.events(host) as told:
        await host.call(machines.create, given.new(nics=(given.NewNic(),)))
        await host.call(machines.start, given.REF)
        assert len(await addresses_told(told)) == 1

        await host.call(devices.attach_nic, devices.AttachNic(uuid=given.ONE, nic=given.NewNic()))

        assert len(await addresses_told(told)) == 2


@pytest.mark.usefixtures("looks_often")
async def test_an_address_that_one_look_does_not_show_is_not_given_up_at_once(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (
        Address(mac="52:54:00:00:00:01", address=text, prefix=24, family="ipv4", source=AddressSource.AGENT)
        for text in ("192.0.2.1", "192.0.2.2")
    )
    looks: list[list[Address]] = [[one], [], [one], [other], [other]]  # the agent had no time; then a new lease

    async def addresses(_uuid: UUID) -> list[Address]:
        return looks.pop(0) if len(looks) > 1 else looks[0]

    monkeypatch.setattr(host.hypervisor, "addresses", addresses)
    async with given.events(host) as told:
        await host.call(machines.create, given.new(nics=(given.NewNic(),)))
        await host.call(machines.start, given.REF)

        assert await addresses_told(told) == ["192.0.2.1"]
        assert await addresses_told(told) == ["192.0.2.2"]


async def test_a_look_that_began_before_a_removal_does_not_keep_the_volumes(
    host: Host, hypervisor: MemoryHypervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    await given.machine(host, "disk")
    read, reading, removed = hypervisor.machine, asyncio.Event(), asyncio.Event()

    async def slowly(uuid: UUID) -> Machine:
        found = await read(uuid)
        reading.set()
        await removed.wait()
        return found

    with monkeypatch.context() as slow:
        slow.setattr(hypervisor, "machine", slowly)
        look = asyncio.create_task(host.watch.machine(given.ONE))
        await reading.wait()
    await host.call(machines.undefine, machines.UndefineMachine(uuid=given.ONE))
    removed.set()
    with pytest.raises(NotFound):
        await look

    await given.delete(host, "disk")
    assert await host.storage.driver("skerry").volumes() == []


async def test_machines_that_run_are_sampled(tmp_path: Path) -> None:
    simulated = simulated_host("host-1", folder=tmp_path)
    simulated.sample_s = 0.01
    async with given.events(simulated) as told:
        await simulated.start()
        await told.get()
        await simulated.call(machines.create, given.new())
        await simulated.call(machines.start, given.REF)

        async with asyncio.timeout(30):
            while (await told.get()).kind != "samples":
                pass
    await simulated.stop()


async def test_a_stopped_host_answers_no_more_and_can_stop_again(tmp_path: Path) -> None:
    simulated = simulated_host("host-1", folder=tmp_path)
    await simulated.start()

    await simulated.stop()
    await simulated.stop()


async def test_samples_that_cannot_be_taken_are_left_out(tmp_path: Path, hypervisor: MemoryHypervisor) -> None:
    simulated = simulated_host("host-1", folder=tmp_path, hypervisor=hypervisor)
    simulated.sample_s = 0.01
    take, tries = hypervisor.samples, []

    async def fail_first() -> Samples:
        tries.append(1)
        if len(tries) < 3:
            raise TimedOut("busy")
        return await take()

    hypervisor.samples = fail_first  # type: ignore[method-assign]
    async with given.events(simulated) as told:
        await simulated.start()
        await told.get()
        await simulated.call(machines.create, given.new())
        await simulated.call(machines.start, given.REF)
        async with asyncio.timeout(30):
            while (await told.get()).kind != "samples":
                pass
    await simulated.stop()

    assert len(tries) >= 3


async def test_a_host_begins_anew_after_a_bug(
    host: Host, hypervisor: MemoryHypervisor, caplog: pytest.LogCaptureFixture
) -> None:
    async with given.events(host) as told:
        for queue in hypervisor._events:
            queue.put_nowait(cast("Reached", AgentConnected(uuid=cast("UUID", []))))  # cannot be a key

        kinds = [(await told.get()).kind]
        async with asyncio.timeout(30):
            while kinds[-1] != "listing":
                kinds.append((await told.get()).kind)

    assert kinds == ["hypervisor-lost", "listing"]
    assert "lost track" in caplog.text
