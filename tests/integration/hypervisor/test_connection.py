"""The connection survives whatever libvirtd does, and no call hangs."""

import asyncio
from pathlib import Path
from uuid import UUID

import pytest
from tests.fixtures.private_libvirt import PrivateLibvirt
from tests.integration.hypervisor.conftest import Heard, Lab

from skerry.errors import HostError, NotFound, SkerryError, TimedOut, Unavailable
from skerry.hypervisor import machines
from skerry.hypervisor.connection import ConnectionState, Hypervisor
from skerry.hypervisor.events import Connected, DomainEvent, HypervisorEvent, Lost, NetworkEvent, StoragePoolEvent

MACHINE = UUID("12345678-1234-1234-1234-123456789abc")
DOMAIN = f"""\
<domain type='qemu'><name>behind</name><uuid>{MACHINE}</uuid><memory unit='MiB'>32</memory>
<os><type machine='q35'>hvm</type></os><features><acpi/></features></domain>"""


def happened(what: str, uuid: UUID = MACHINE):  # type: ignore[no-untyped-def]
    return lambda event: event == DomainEvent(uuid, what)


def is_a(kind: type[HypervisorEvent]):  # type: ignore[no-untyped-def]
    return lambda event: isinstance(event, kind)


class TestWithoutLibvirt:
    @pytest.fixture
    def alone(self, tmp_path: Path) -> Hypervisor:
        return Hypervisor(f"qemu:///system?socket={tmp_path}/none")

    async def test_calls_fail_at_once_and_say_why(self, alone: Hypervisor) -> None:
        await alone.start()
        with pytest.raises(Unavailable, match="cannot be reached"):
            await alone.wait_connected(deadline_s=0.5)

        with pytest.raises(Unavailable, match=r"is not connected: .*No such file") as raised:
            await alone.call(lambda connection: connection.getHostname())

        assert raised.value.hint
        await alone.stop()

    async def test_stop_may_come_twice_or_before_start(self, alone: Hypervisor) -> None:
        await alone.stop()
        await alone.start()
        await alone.stop()

        assert alone.state is ConnectionState.STOPPED

    async def test_what_is_needed_is_started_before_each_attempt(self, tmp_path: Path) -> None:
        attempts = asyncio.Semaphore(0)

        async def prepare() -> None:
            attempts.release()

        hypervisor = Hypervisor(f"qemu:///system?socket={tmp_path}/none", before_connect=prepare)
        await hypervisor.start()

        async with asyncio.timeout(60):
            for _ in range(3):
                await attempts.acquire()

        await hypervisor.stop()


class TestACall:
    async def test_gives_what_its_function_gives(self, lab: Lab) -> None:
        assert await lab.hypervisor.call(lambda connection: connection.getType()) == "QEMU"

    async def test_turns_errors_of_libvirt_into_ours(self, lab: Lab) -> None:
        with pytest.raises(NotFound, match="no domain with matching name"):
            await lab.hypervisor.call(lambda connection: connection.lookupByName("nobody"))

    async def test_to_a_stuck_libvirtd_ends_at_its_deadline(self, lab: Lab) -> None:
        lab.libvirt.freeze()

        with pytest.raises(TimedOut):
            await lab.hypervisor.call(lambda connection: connection.listAllDomains(), deadline_s=0.3)

        lab.libvirt.thaw()
        assert await lab.hypervisor.call(lambda connection: connection.getType()) == "QEMU"

    async def test_does_not_hold_up_the_event_loop(self, lab: Lab) -> None:
        lab.libvirt.freeze()
        call = asyncio.create_task(lab.hypervisor.call(lambda connection: connection.listAllDomains()))

        for _ in range(10):
            await asyncio.sleep(0.001)

        assert not call.done()
        lab.libvirt.thaw()
        assert await call == []

    async def test_that_is_under_way_when_libvirtd_dies_says_so(self, lab: Lab) -> None:
        lab.libvirt.freeze()
        call = asyncio.create_task(lab.hypervisor.call(lambda connection: connection.listAllDomains()))
        await asyncio.sleep(0)

        lab.libvirt.kill()

        with pytest.raises(Unavailable):
            await call


class TestAMachineMadeByVirsh:
    @pytest.fixture
    def definition(self, tmp_path: Path) -> Path:
        path = tmp_path / "behind.xml"
        path.write_text(DOMAIN)
        return path

    async def test_appears_changes_runs_and_disappears(self, lab: Lab, heard: Heard, definition: Path) -> None:
        lab.libvirt.virsh("define", definition)
        await heard.until(happened("defined added"))
        lab.libvirt.virsh("start", "behind")
        await heard.until(happened("started booted"))
        lab.libvirt.virsh("suspend", "behind")
        await heard.until(happened("suspended paused"))
        lab.libvirt.virsh("destroy", "behind")
        await heard.until(happened("stopped destroyed"))
        lab.libvirt.virsh("undefine", "behind")
        await heard.until(happened("undefined removed"))

    async def test_is_seen_to_change_where_libvirt_tells_nothing(
        self, lab: Lab, heard: Heard, definition: Path
    ) -> None:
        lab.libvirt.virsh("define", definition)
        await heard.until(happened("defined added"))
        await asyncio.sleep(1.1)  # the file has to be seen once before its change can be
        heard.forget()

        lab.libvirt.virsh("setmaxmem", "behind", "64M", "--config")

        await heard.until(happened("definition changed"))
        assert (await lab.get(MACHINE)).max_memory == 64 * 1024**2

    async def test_is_listed(self, lab: Lab, definition: Path) -> None:
        lab.libvirt.virsh("create", definition)

        (machine,) = await lab.hypervisor.call(machines.list_machines)

        assert (machine.name, machine.state, machine.persistent) == ("behind", "running", False)


async def test_networks_and_storage_pools_tell_of_themselves(lab: Lab, heard: Heard) -> None:
    lab.libvirt.virsh("net-start", "default")
    await heard.until(lambda event: event == NetworkEvent("default", "started"))
    lab.libvirt.virsh("net-destroy", "default")
    lab.libvirt.virsh("pool-create-as", "disks", "dir", "--target", lab.libvirt.pools)
    await heard.until(lambda event: event == StoragePoolEvent("disks", "started"))
    lab.libvirt.virsh("pool-refresh", "disks")
    await heard.until(lambda event: event == StoragePoolEvent("disks", "refreshed"))


async def test_every_subscriber_hears_all(lab: Lab, heard: Heard, tmp_path: Path) -> None:
    other = Heard(lab.hypervisor)
    listening = asyncio.create_task(other.listen())
    await other.until(is_a(Connected))
    (tmp_path / "d.xml").write_text(DOMAIN)

    lab.libvirt.virsh("define", tmp_path / "d.xml")

    await heard.until(happened("defined added"))
    await other.until(happened("defined added"))
    await lab.hypervisor.stop()
    async with asyncio.timeout(60):
        await listening  # the end of the hypervisor is the end of its events


class TestARestartOfLibvirtd:
    async def test_is_told_and_events_come_again(self, lab: Lab, heard: Heard, tmp_path: Path) -> None:
        (tmp_path / "d.xml").write_text(DOMAIN)
        heard.forget()

        lab.libvirt.restart()

        await heard.until(is_a(Lost))
        await heard.until(is_a(Connected))
        lab.libvirt.virsh("define", tmp_path / "d.xml")
        await heard.until(happened("defined added"))

    async def test_under_load_leaves_no_call_hanging(self, lab: Lab) -> None:
        machine = await lab.define()
        await lab.start(machine.uuid)
        stop = asyncio.Event()
        outcomes: list[str] = []

        async def load() -> None:
            while not stop.is_set():
                try:
                    await lab.hypervisor.call(machines.list_machines, deadline_s=30)
                    outcomes.append("listed")
                except Unavailable:
                    outcomes.append("unavailable")
                    await asyncio.sleep(0.01)
                except SkerryError as exc:
                    outcomes.append(repr(exc))

        callers = [asyncio.create_task(load()) for _ in range(8)]
        for _ in range(3):
            await asyncio.to_thread(lab.libvirt.restart)
            await lab.hypervisor.wait_connected(deadline_s=20)
            outcomes.clear()
            async with asyncio.timeout(60):
                while "listed" not in outcomes:
                    await asyncio.sleep(0.01)
        stop.set()

        async with asyncio.timeout(30):
            await asyncio.gather(*callers)
        assert set(outcomes) <= {"listed", "unavailable"}
        assert (await lab.get(machine.uuid)).state == "running"

    async def test_finds_what_happened_meanwhile(self, lab: Lab, heard: Heard, tmp_path: Path) -> None:
        machine = await lab.define()
        await lab.start(machine.uuid)
        heard.forget()
        lab.libvirt.kill()
        await heard.until(is_a(Lost))

        lab.libvirt.end_guests()
        lab.libvirt.start()

        await heard.until(is_a(Connected))
        (found,) = await lab.hypervisor.call(machines.list_machines)
        assert found.state == "stopped"


async def test_a_libvirtd_that_hangs_for_good_is_given_up(clean_libvirtd: PrivateLibvirt) -> None:
    hypervisor = Hypervisor(clean_libvirtd.uri, keepalive_s=1)
    await hypervisor.start()
    await hypervisor.wait_connected()

    clean_libvirtd.freeze()
    async with asyncio.timeout(30):
        await hypervisor.wait_lost()

    with pytest.raises(Unavailable, match="libvirtd does not answer"):
        await hypervisor.call(lambda connection: connection.getType())
    clean_libvirtd.thaw()
    await hypervisor.wait_connected()
    await hypervisor.stop()


async def test_two_connections_live_side_by_side(lab: Lab, clean_libvirtd: PrivateLibvirt) -> None:
    second = Hypervisor(clean_libvirtd.uri)
    await second.start()
    await second.wait_connected()

    await second.stop()

    assert await lab.hypervisor.call(lambda connection: connection.getType()) == "QEMU"
    with pytest.raises(Unavailable, match="closed"):
        await second.call(lambda connection: connection.getType())


async def test_a_function_of_ours_that_fails_is_not_taken_for_libvirt(lab: Lab) -> None:
    def fail(_connection: object) -> None:
        raise HostError("mine")

    with pytest.raises(HostError, match="mine"):
        await lab.hypervisor.call(fail)
