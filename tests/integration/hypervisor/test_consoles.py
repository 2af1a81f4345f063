"""Both consoles of a guest of 512 bytes: seen, typed into, shared, lost."""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol
from uuid import UUID

import pytest
from tests.fixtures.little_guest import GREETING
from tests.integration.hypervisor.conftest import Lab, eventually

from skerry.commands import CommandRunner
from skerry.errors import InUse, InvalidState, NotFound, Unavailable
from skerry.hypervisor import machines
from skerry.hypervisor.accelerator import AcceleratorProbe
from skerry.hypervisor.consoles import SerialConsoles, SerialStream, open_graphics, read_serial_log
from skerry.hypervisor.facts import host_facts
from skerry.hypervisor.networks import list_networks
from skerry.hypervisor.samples import Sampler
from skerry.hypervisor.types import Accelerator


class Readable(Protocol):
    async def read(self) -> bytes: ...


async def read_until(stream: Readable, wanted: bytes) -> bytes:
    got = b""
    async with asyncio.timeout(60):
        while wanted not in got:
            more = await stream.read()
            assert more, f"the console ended after {got!r}"
            got += more
    return got


async def read_to_the_end(stream: Readable) -> None:
    async with asyncio.timeout(60):
        while await stream.read():
            pass


@pytest.fixture
async def serial(lab: Lab) -> AsyncIterator[SerialConsoles]:
    consoles = SerialConsoles(lab.hypervisor)
    yield consoles
    await consoles.stop()


@pytest.fixture
async def guest(lab: Lab) -> UUID:
    """A machine that has greeted, and echoes."""
    uuid = (await lab.define("guest", lab.guest_disk())).uuid
    await lab.start(uuid)

    async def has_greeted() -> bool:
        return GREETING in await read_serial_log(lab.hypervisor, uuid, 1000)

    await eventually(has_greeted)
    return uuid


async def typed(stream: SerialStream, text: bytes) -> None:
    await stream.write(text)
    await read_until(stream, text)


class TestTheSerialConsole:
    async def test_shows_what_the_guest_says_and_takes_what_is_typed(
        self, guest: UUID, serial: SerialConsoles
    ) -> None:
        stream = await serial.open(guest)

        await stream.write(b"abc")

        assert (await read_until(stream, b"abc")).endswith(GREETING + b"abc")
        await stream.close()
        await stream.close()

    async def test_is_shared_by_all_who_look_on(self, guest: UUID, serial: SerialConsoles) -> None:
        one, two = await serial.open(guest), await serial.open(guest)

        await one.write(b"first")
        await read_until(two, b"first")
        await two.write(b"second")

        await read_until(one, b"firstsecond")
        await one.close()
        await typed(two, b"third")
        await two.close()

    async def test_first_shows_what_was_said_before(self, guest: UUID, serial: SerialConsoles) -> None:
        one = await serial.open(guest)
        await typed(one, b"earlier")

        two = await serial.open(guest)

        assert (await read_until(two, b"earlier")).endswith(GREETING + b"earlier")

    async def test_is_free_for_others_when_nobody_looks_on(
        self, lab: Lab, guest: UUID, serial: SerialConsoles
    ) -> None:
        stream = await serial.open(guest)
        await stream.close()

        other = SerialConsoles(lab.hypervisor)  # stands for virsh console
        theirs = await other.open(guest)

        with pytest.raises(InUse, match="another program has the serial console of machine guest"):
            await serial.open(guest)
        await theirs.close()
        await (await serial.open(guest)).close()

    async def test_can_be_opened_again_while_it_is_being_closed(self, guest: UUID, serial: SerialConsoles) -> None:
        one = await serial.open(guest)
        closing = asyncio.create_task(one.close())
        await asyncio.sleep(0)  # it has begun

        await typed(await serial.open(guest), b"again")

        await closing

    async def test_ends_with_the_machine(self, lab: Lab, guest: UUID, serial: SerialConsoles) -> None:
        stream = await serial.open(guest)

        await lab.hypervisor.call(lambda c: machines.power_off(c, guest))

        await read_to_the_end(stream)
        with pytest.raises(Unavailable, match="the console is closed"):
            await stream.write(b"x")

    async def test_ends_with_libvirtd_and_can_be_opened_again(
        self, lab: Lab, guest: UUID, serial: SerialConsoles
    ) -> None:
        stream = await serial.open(guest)

        lab.libvirt.restart()

        await read_to_the_end(stream)
        await lab.hypervisor.wait_connected()
        await typed(await serial.open(guest), b"again")

    async def test_keeps_what_was_said_before_anybody_looked(self, lab: Lab, guest: UUID) -> None:
        assert await read_serial_log(lab.hypervisor, guest, 8) == GREETING[-8:]

    async def test_starts_its_log_anew_with_the_machine(
        self, lab: Lab, guest: UUID, serial: SerialConsoles
    ) -> None:
        stream = await serial.open(guest)
        await typed(stream, b"old")

        await lab.hypervisor.call(lambda c: machines.power_off(c, guest))
        await lab.start(guest)

        assert b"old" not in await read_serial_log(lab.hypervisor, guest, 1000)

    async def test_takes_much_at_once(self, guest: UUID, serial: SerialConsoles) -> None:
        stream = await serial.open(guest)
        text = b"0123456789abcdef" * 4  # the guest's line is slow: it echoes one byte at each tick of its clock

        await stream.write(text)

        assert (await read_until(stream, text)).endswith(GREETING + text)

    async def test_of_a_stopped_machine_says_so(self, lab: Lab, serial: SerialConsoles) -> None:
        uuid = (await lab.define("off")).uuid

        with pytest.raises(InvalidState, match="machine off does not run"):
            await serial.open(uuid)

    async def test_of_a_machine_without_one_says_so(self, lab: Lab, serial: SerialConsoles) -> None:
        uuid = (await lab.define("bare")).uuid
        definition = (await lab.hypervisor.call(lambda c: machines.get_definition(c, uuid))).xml
        start, end = definition.index("<serial"), definition.index("<channel")
        without = definition[:start] + definition[end:]
        await lab.hypervisor.call(lambda c: machines.define_xml(c, without))
        assert not (await lab.start(uuid)).consoles.serial

        with pytest.raises(NotFound, match="machine bare has no serial console"):
            await serial.open(uuid)
        assert await read_serial_log(lab.hypervisor, uuid, 100) == b""


class TestTheGraphicsConsole:
    async def test_speaks_rfb_to_several_at_once(self, lab: Lab, guest: UUID) -> None:
        one, two = await open_graphics(lab.hypervisor, guest), await open_graphics(lab.hypervisor, guest)

        for stream in (one, two):
            assert await read_until(stream, b"\n") == b"RFB 003.008\n"
            await stream.write(b"RFB 003.008\n")
            assert await read_until(stream, b"\x01") == b"\x01\x01"  # one way in, and that is none: no password
            await stream.close()
            await stream.close()

    async def test_ends_with_the_machine(self, lab: Lab, guest: UUID) -> None:
        stream = await open_graphics(lab.hypervisor, guest)

        await lab.hypervisor.call(lambda c: machines.power_off(c, guest))

        await read_to_the_end(stream)
        await stream.close()

    async def test_of_a_stopped_machine_says_so(self, lab: Lab) -> None:
        uuid = (await lab.define("off")).uuid

        with pytest.raises(InvalidState, match="machine off does not run"):
            await open_graphics(lab.hypervisor, uuid)


class TestTheHost:
    async def test_tells_what_it_is(self, lab: Lab) -> None:
        accelerator = Accelerator(kind="tcg", reason="for the test")

        facts = await lab.hypervisor.call(lambda c: host_facts(c, "here", accelerator))

        assert (facts.name, facts.libvirt_uri, facts.accelerator) == ("here", lab.libvirt.uri, accelerator)
        assert facts.warnings == ()
        assert facts.uefi
        assert facts.tpm
        assert facts.memory > facts.free_memory > 0

    async def test_knows_how_guests_run(self) -> None:
        found = await AcceleratorProbe(CommandRunner()).result()

        assert found.kind in {"kvm", "tcg"}
        assert found.reason

    async def test_tells_what_machines_use(self, lab: Lab, guest: UUID) -> None:
        sampler = Sampler()
        await lab.hypervisor.call(sampler.take)

        async def shows_work() -> bool:
            usage = await lab.hypervisor.call(sampler.take)
            (sample,) = usage.machines
            return sample.uuid == guest and sample.resident > 0 and 0 < sample.cpu <= 1

        await eventually(shows_work)

    async def test_lists_its_networks(self, lab: Lab) -> None:
        lab.libvirt.virsh("net-start", "default")

        (network,) = [n for n in await lab.hypervisor.call(list_networks) if n.name == "default"]
        assert (network.active, network.forward, network.bridge, network.dhcp) == (True, "nat", "virbr0", True)
        assert network.addresses == ("192.168.122.1/24",)
