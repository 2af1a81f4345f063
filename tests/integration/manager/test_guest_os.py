"""Machines whose disk a guest OS definition installs, on a simulated host that runs real definitions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.fixtures.little_definition import write_definition
from tests.fixtures.simulated_manager import ended, running_host, running_manager, succeeded, until

from skerry.errors import BadInput, Denied, NotFound
from skerry.host.agent import Host
from skerry.host.operation import Permission
from skerry.manager.access import SYSTEM, Access, Caller
from skerry.manager.manager import Manager
from skerry.manager.settings import ManagerSettings
from skerry.manager.store import tables
from skerry.manager.types import EmptyDisk, NewVm, Task, VmClone
from skerry.sizes import MIB

_KERNEL = """#!/bin/sh
set -e
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/boot"
echo kernel > "$work/boot/vmlinuz-6.1.0-1-amd64"
echo initrd > "$work/boot/initrd.img-6.1.0-1-amd64"
mke2fs -q -t ext4 -U 11111111-2222-4333-8444-555555555555 -d "$work" "$DISK_0_PATH"
"""


class World:
    def __init__(self, host: Host, manager: Manager, folder: Path) -> None:
        self.host = host
        self.manager = manager
        self.folder = folder

    async def volumes(self) -> list[str]:
        return [volume.name for volume in await self.host.storage.driver("skerry").volumes()]

    def spool(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "uploads").iterdir())

    async def create(self, guest_os: str = "little+calm", **parameters: str) -> Task:
        return await self.manager.machines.create(SYSTEM, a_machine(guest_os, **parameters))

    async def log(self, task: Task) -> list[str]:
        lines = (await self.manager.tasks.log(SYSTEM, task.id)).items
        return [line.text for line in lines]


def a_machine(guest_os: str, **parameters: str) -> NewVm:
    disks = (EmptyDisk(size=16 * MIB),)
    return NewVm(name="web1", disks=disks, guest_os=guest_os, os_parameters=parameters, start=False)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    folder = tmp_path / "host"
    settings = ManagerSettings(data_dir=tmp_path / "data", guest_oses=("offered", "partly+b"))
    async with running_host(folder) as host, running_manager(settings, host) as manager:
        yield World(host, manager, folder)


async def test_a_definition_installs_the_disk_and_its_words_are_in_the_log(world: World) -> None:
    write_definition(world.folder / "guest-os")

    task = await succeeded(world.manager, await world.create(words="good ones"))

    vm = await world.manager.machines.get(SYSTEM, "web1")
    assert [disk.size for disk in vm.disks] == [16 * MIB]
    assert await world.volumes() == [disk.volume for disk in vm.disks]
    assert "installing web1 as little+calm" in await world.log(task)
    assert world.spool() == []


async def test_what_the_definition_wrote_is_what_becomes_the_volume(world: World, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    write_definition(world.folder / "guest-os", create=f'#!/bin/sh\necho "$OSP_WORDS|$DISK_COUNT" > {seen}\n')

    await succeeded(world.manager, await world.create(words="two words"))

    assert seen.read_text() == "two words|1\n"


async def test_a_failure_tells_the_last_words_and_leaves_nothing(world: World) -> None:
    write_definition(
        world.folder / "guest-os", create="#!/bin/sh\nsetsid sleep 600 &\necho no mirror >&2\nexit 7\n"
    )

    task = await ended(world.manager, await world.create())

    assert task.state == "failed"
    assert task.error is not None
    assert "exited with status 7" in task.error.detail
    assert task.error.detail.endswith("no mirror")
    assert task.not_undone == ()
    assert any("left behind: process" in line for line in await world.log(task))
    assert (await world.volumes(), world.spool()) == ([], [])
    with pytest.raises(NotFound):
        await world.manager.machines.get(SYSTEM, "web1")


async def test_parameters_that_the_definition_refuses_are_told_before_anything_is_made(world: World) -> None:
    write_definition(world.folder / "guest-os")

    task = await ended(world.manager, await world.create(words="bad"))

    assert task.error is not None
    assert "words: bad ones are not taken" in task.error.detail


async def test_cancelling_ends_the_script(world: World, tmp_path: Path) -> None:
    started = tmp_path / "started"
    write_definition(world.folder / "guest-os", create=f"#!/bin/sh\ntouch {started}\nsleep 600\n")
    task = await world.create()

    async def look() -> bool:
        return await asyncio.to_thread(started.exists)

    await until(look, bool)
    await world.manager.tasks.cancel(SYSTEM, task.id)
    task = await ended(world.manager, task)

    assert task.state == "cancelled"
    assert (await world.volumes(), world.spool()) == ([], [])


async def test_a_disk_without_a_boot_loader_has_its_kernel_booted_directly(world: World) -> None:
    write_definition(world.folder / "guest-os", create=_KERNEL)

    await succeeded(world.manager, await world.create())

    vm = await world.manager.machines.get(SYSTEM, "web1")
    kernel = vm.direct_kernel
    assert kernel is not None
    assert kernel.initrd is not None
    assert kernel.command_line.startswith("root=UUID=11111111-2222-4333-8444-555555555555 ro ")
    names = [path.rpartition("/")[2] for path in (kernel.kernel, kernel.initrd)]
    assert set(names) < set(await world.volumes())

    unused = await world.manager.volumes.list(SYSTEM, unused=True)
    assert unused.items == ()
    await succeeded(world.manager, await world.manager.machines.delete(SYSTEM, "web1"))
    assert await world.volumes() == []


async def test_a_kernel_stays_while_a_clone_boots_it(world: World) -> None:
    write_definition(world.folder / "guest-os", create=_KERNEL)
    machines = world.manager.machines
    await succeeded(world.manager, await world.create())
    await succeeded(world.manager, await machines.clone(SYSTEM, "web1", VmClone(name="web2")))
    kernel = (await machines.get(SYSTEM, "web2")).direct_kernel
    assert kernel is not None

    task = await succeeded(world.manager, await machines.delete(SYSTEM, "web1"))
    assert kernel.kernel.rpartition("/")[2] in await world.volumes()
    assert any("is used by web2" in line for line in await world.log(task))

    await succeeded(world.manager, await machines.delete(SYSTEM, "web2"))
    assert await world.volumes() == []


async def test_parameters_are_forgotten_with_the_task(world: World) -> None:
    write_definition(world.folder / "guest-os")

    task = await succeeded(world.manager, await world.create(words="hunter2"))

    async with world.manager._database.read() as connection:
        stored = (await connection.execute(sa.select(tables.tasks))).one()
    assert stored.id == task.id
    assert "hunter2" not in repr(stored)


@pytest.mark.parametrize(
    ("guest_os", "parameters", "error", "words"),
    [
        ("litle+calm", {}, NotFound, "no guest OS definition litle"),
        ("little", {}, BadInput, "one must be named"),
        ("little+clam", {}, BadInput, "no variant 'clam'"),
        ("little+calm", {"wrds": "x"}, BadInput, r"os_parameters\.wrds"),
        ("broken", {}, BadInput, "broken cannot be used: ganeti_api_version:2 the line is blank"),
    ],
)
async def test_wrong_wishes_are_told_at_once(
    world: World, guest_os: str, parameters: dict[str, str], error: type[Exception], words: str
) -> None:
    write_definition(world.folder / "guest-os")
    write_definition(world.folder / "guest-os", "broken", versions="20\n\n")

    with pytest.raises(error, match=words):
        await world.create(guest_os, **parameters)


async def test_parameters_may_be_written_with_hyphens_or_underscores(world: World) -> None:
    write_definition(world.folder / "guest-os")

    await succeeded(world.manager, await world.create(file_system="xfs"))


async def test_a_definition_needs_an_empty_disk_to_fill(world: World) -> None:
    write_definition(world.folder / "guest-os")
    new = NewVm(name="web1", guest_os="little+calm", start=False)

    with pytest.raises(BadInput, match="the first disk must be an empty one"):
        await world.manager.machines.create(SYSTEM, new)


async def test_others_than_administrators_see_and_use_what_is_offered(world: World) -> None:
    for name, variants in (("little", "calm\n"), ("offered", ""), ("partly", "a\nb\n"), ("broken", "")):
        write_definition(
            world.folder / "guest-os", name, variants=variants, versions="\n" if name == "broken" else "20\n"
        )
    pool = (await world.manager.pools.list(SYSTEM)).items[0].id
    held = frozenset({Permission.VM_CREATE, Permission.VM_VIEW})
    eve = Caller("eve", Access(pools={pool: held}))

    seen = (await world.manager.guest_oses.list(eve)).items
    everything = (await world.manager.guest_oses.list(SYSTEM)).items

    assert [(one.name, one.variants) for one in seen] == [("offered", ()), ("partly", ("b",))]
    assert [(one.name, one.usable) for one in everything] == [
        ("broken", False),
        ("little", True),
        ("offered", True),
        ("partly", True),
    ]
    with pytest.raises(Denied, match="administrators only"):
        await world.manager.machines.create(eve, a_machine("little+calm"))
    with pytest.raises(Denied, match="administrators only"):
        await world.manager.machines.create(eve, a_machine("partly+a"))
    await succeeded(world.manager, await world.manager.machines.create(eve, a_machine("offered")))
