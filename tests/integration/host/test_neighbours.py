"""A host among others who use the same libvirt, and when it or libvirt ends in the middle of things."""

import asyncio
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from tests.fixtures.private_libvirt import PrivateLibvirt
from tests.integration.host.conftest import PROBE
from tests.unit.host.suite import given

from skerry.commands import start_daemon
from skerry.errors import Conflict, SkerryError, Unavailable
from skerry.host.agent import Host
from skerry.host.operation import MachineRef, Nothing
from skerry.host.operations import machines, storage_pools, volumes
from skerry.host.real import HostSettings, real_host
from skerry.host.types import HostEvent, MachineChanged, MachineState, NewNic
from skerry.progress import Quiet

Told = asyncio.Queue[HostEvent]


async def until(told: Told, true: Callable[[], bool]) -> None:
    """Read events until something is so."""
    async with asyncio.timeout(60):
        while not true():
            await told.get()


def state(host: Host) -> MachineState | None:
    machine = host.inventory.machines.get(given.ONE)
    return machine.state if machine else None


async def test_what_virsh_does_is_seen(host: Host, clean_libvirtd: PrivateLibvirt, tmp_path: Path) -> None:
    virsh = clean_libvirtd.virsh
    domain = tmp_path / "domain.xml"
    domain.write_text(
        f"<domain type='qemu'><name>virsh-made</name><uuid>{given.ONE}</uuid><memory unit='MiB'>32</memory>"
        "<os><type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/></features></domain>"
    )
    async with given.events(host) as told:
        virsh("define", domain)
        await until(told, lambda: state(host) is MachineState.STOPPED)
        virsh("start", "virsh-made")
        await until(told, lambda: state(host) is MachineState.RUNNING)
        virsh("suspend", "virsh-made")
        await until(told, lambda: state(host) is MachineState.PAUSED)
        virsh("destroy", "virsh-made")
        await until(told, lambda: state(host) is MachineState.STOPPED)
        virsh("setmaxmem", "virsh-made", "64M", "--config")
        await until(told, lambda: host.inventory.machines[given.ONE].max_memory == 64 * given.MIB)
        virsh("undefine", "virsh-made")
        await until(told, lambda: state(host) is None)


async def test_virsh_sees_the_volumes(host: Host, clean_libvirtd: PrivateLibvirt) -> None:
    async with given.events(host) as told:
        await given.volume(host, "disk-1")
        await until(told, lambda: "disk-1" in clean_libvirtd.virsh("vol-list", "skerry"))

        await given.delete(host, "disk-1")
        await until(told, lambda: "disk-1" not in clean_libvirtd.virsh("vol-list", "skerry"))


async def test_pools_of_others_are_listed(host: Host, clean_libvirtd: PrivateLibvirt) -> None:
    folder = clean_libvirtd.pools / "other"
    folder.mkdir()
    async with given.events(host) as told:
        clean_libvirtd.virsh("pool-create-as", "other", "dir", "--target", folder)
        async with asyncio.timeout(60):
            while (await told.get()).kind != "storage-changed":
                pass

    pools = await host.call(storage_pools.list_pools, Nothing())
    assert [(pool.name, pool.active) for pool in pools] == [("other", True), ("skerry", True)]


async def test_a_pool_that_was_removed_behind_our_back_comes_back(
    host: Host, clean_libvirtd: PrivateLibvirt
) -> None:
    clean_libvirtd.virsh("pool-destroy", "skerry")
    clean_libvirtd.virsh("pool-undefine", "skerry")

    async with given.events(host) as told:
        await given.volume(host, "disk-1")
        await until(told, lambda: "skerry" in clean_libvirtd.virsh("pool-list"))


async def test_fifty_machines_on_thin_clones_at_once(host: Host, clean_libvirtd: PrivateLibvirt) -> None:
    await given.volume(host, "base")

    async def make(number: int) -> None:
        await given.clone(host, "base", f"disk-{number}")
        uuid = UUID(int=number)
        nic = NewNic(kind="user")
        await host.call(machines.create, given.new(uuid, f"machine-{number}", f"disk-{number}", nics=(nic,)))

    await asyncio.gather(*(make(number) for number in range(50)))

    made = await host.call(machines.list_machines, Nothing())
    assert len({machine.name for machine in made}) == 50
    assert len({machine.nics[0].mac for machine in made}) == 50
    assert len({machine.disks[0].volume for machine in made}) == 50
    listed = await host.call(volumes.list_volumes, volumes.PoolRef(storage_pool=given.POOL))
    assert sum(len(volume.used_by) == 1 for volume in listed) == 50


async def test_machines_run_side_by_side_on_clones_of_one_volume(host: Host) -> None:
    await given.volume(host, "base")
    refs = [MachineRef(uuid=UUID(int=number)) for number in (1, 2)]
    for number, ref in enumerate(refs):
        await given.clone(host, "base", f"disk-{number}")
        await host.call(machines.create, given.new(ref.uuid, f"machine-{number}", f"disk-{number}"))

    for ref in refs:
        assert (await host.call(machines.start, ref)).state is MachineState.RUNNING
    await host.call(machines.power_off, refs[0])
    await given.clone(host, "base", "disk-3")

    assert (await host.call(machines.start, refs[0])).state is MachineState.RUNNING


async def test_a_libvirtd_that_restarts_under_load_is_found_again(
    host: Host, clean_libvirtd: PrivateLibvirt
) -> None:
    await given.machine(host)
    going = True

    async def load() -> None:
        while going:
            for move in (machines.start, machines.power_off):
                try:
                    await host.call(move, given.REF)
                except SkerryError:  # it is away
                    await asyncio.sleep(0.01)

    async with given.events(host) as told:
        working = [asyncio.create_task(load()) for _ in range(4)]
        await until(told, lambda: state(host) is MachineState.RUNNING)
        await asyncio.to_thread(clean_libvirtd.restart)
        await until(told, lambda: host.inventory.lost is not None)
        await until(told, lambda: host.inventory.lost is None)
        going = False
        async with asyncio.timeout(60):
            await asyncio.gather(*working)
        await host.call(machines.power_off, given.REF)
        await until(told, lambda: state(host) is MachineState.STOPPED)

    assert "shut off" in clean_libvirtd.virsh("domstate", "one")


async def test_a_host_starts_before_its_libvirt(settings: HostSettings, clean_libvirtd: PrivateLibvirt) -> None:
    await asyncio.to_thread(clean_libvirtd.kill)
    early = real_host(settings, accelerator=PROBE)
    async with given.events(early) as told:
        await early.start()
        assert [event.kind for event in early.state()] == ["hypervisor-lost"]
        with pytest.raises(Unavailable):
            await early.call(machines.list_machines, Nothing())
        assert (await given.volume(early, "disk-1")).name == "disk-1"
        with pytest.raises(Unavailable):  # who uses it cannot be told
            await given.delete(early, "disk-1")

        await asyncio.to_thread(clean_libvirtd.start)

        await until(told, lambda: early.inventory.lost is None)
        assert "disk-1" in clean_libvirtd.virsh("vol-list", "skerry")
    await early.stop()


async def test_a_pool_of_that_name_that_is_another_one_is_named(
    settings: HostSettings, clean_libvirtd: PrivateLibvirt
) -> None:
    folder = clean_libvirtd.pools / "other"
    folder.mkdir()
    clean_libvirtd.virsh("pool-create-as", "skerry", "dir", "--target", folder)
    other = real_host(settings, accelerator=PROBE)
    async with given.events(other) as told:
        await other.start()
        await until(told, lambda: other.inventory.lost is None)

    assert any(str(folder) in warning for warning in other.inventory.facts.warnings)
    with pytest.raises(Conflict, match="shows"):
        await other.storage.announce()
    await other.stop()


_IMPORT = """
import asyncio, sys
from pathlib import Path
from skerry.progress import Collected
from skerry.storage.directory import Directory

class Nobody:
    async def ensure(self, name, path): pass
    async def refresh(self, name): pass

class Telling(Collected):
    def step(self, name):
        print(name, flush=True)

async def main(root, source):
    driver = Directory("skerry", Path(root), registry=Nobody())
    await driver.start()
    await driver.import_image("image", Path(source), sha256=None, raw=True, origin="t1", progress=Telling())

asyncio.run(main(*sys.argv[1:]))
"""


async def test_an_agent_killed_while_it_imports_leaves_nothing(settings: HostSettings, tmp_path: Path) -> None:
    source, log = tmp_path / "image", tmp_path / "log"
    with source.open("wb") as image:
        for _ in range(128):
            image.write(b"\xa5" * given.MIB)
    argv = [sys.executable, "-c", _IMPORT, settings.storage_folder, source]
    killed = start_daemon(argv, log=log)
    parts = settings.storage_folder / "spool" / "parts"
    async with asyncio.timeout(60):
        while not (parts.is_dir() and any(part.stat().st_size > given.MIB for part in parts.iterdir())):
            assert killed.alive(), log.read_text()
            await asyncio.sleep(0.005)
        killed.signal(signal.SIGKILL)
        while killed.alive():
            await asyncio.sleep(0.005)

    host = real_host(settings, accelerator=PROBE)
    await host.start()

    driver = host.storage.driver("skerry")
    assert list(parts.iterdir()) == []
    assert await driver.volumes() == []
    made = await driver.import_image("image", source, sha256=None, raw=True, origin="t1", progress=Quiet())
    assert made.capacity == 128 * given.MIB
    await host.stop()


async def test_events_tell_why(host: Host) -> None:
    async with given.events(host) as told:
        await given.machine(host)
        await host.call(machines.start, given.REF)
        reasons: list[str] = []
        async with asyncio.timeout(60):
            while not any("started booted" in reason for reason in reasons):
                event = await told.get()
                if isinstance(event, MachineChanged):
                    reasons.append(event.reason)
