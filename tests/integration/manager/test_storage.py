"""What a whole manager does with volumes, uploads, seeds and CD drives, on a simulated host."""

from __future__ import annotations

from uuid import uuid4

import pytest
from tests.fixtures.simulated_manager import imported, succeeded, until

from skerry.errors import BadInput, Denied, InUse, NoSpace, NotFound
from skerry.host.agent import Host
from skerry.host.operation import Permission
from skerry.host.types import Disk, StoragePool
from skerry.manager.access import SYSTEM, Access, Caller
from skerry.manager.manager import Manager
from skerry.manager.types import (
    CdDrive,
    CloudInit,
    EmptyDisk,
    MediaChange,
    NewUpload,
    NewVm,
    NewVmDisk,
    TemplateDisk,
    Vm,
    VmAction,
    VmActionRequest,
    VmClone,
)
from skerry.sizes import GIB, TIB

ISO = bytes(32769) + b"CD001" + bytes(4096)


async def made(manager: Manager, name: str, *disks: NewVmDisk, seed: bool = False) -> Vm:
    new = NewVm(name=name, disks=disks, start=False, cloud_init=CloudInit() if seed else None)
    await succeeded(manager, await manager.machines.create(SYSTEM, new))
    return await manager.machines.get(SYSTEM, name)


async def names(host: Host) -> list[str]:
    return [volume.name for volume in await host.storage.driver("skerry").volumes()]


def drive(vm: Vm) -> Disk:
    (found,) = [disk for disk in vm.disks if disk.device == "cdrom"]
    return found


# ---- uploads


async def test_an_upload_that_does_not_fit_is_refused_before_a_byte_is_sent(manager: Manager) -> None:
    await made(manager, "web1", EmptyDisk(size=GIB))  # on a host that has 1 TiB

    with pytest.raises(NoSpace, match="no room for 1 TiB") as refused:
        await manager.uploads.open(SYSTEM, NewUpload(size=TIB))

    assert "volume ls --unused" in (refused.value.hint or "")
    assert (await manager.uploads.list(SYSTEM)).total == 0


async def test_what_other_uploads_were_promised_is_not_promised_twice(manager: Manager) -> None:
    await manager.uploads.open(SYSTEM, NewUpload(size=TIB - GIB))

    with pytest.raises(NoSpace, match="other uploads need"):
        await manager.uploads.open(SYSTEM, NewUpload(size=2 * GIB))


async def test_left_uploads_are_listed_for_their_owner_and_for_administrators(manager: Manager) -> None:
    alice, bob = [Caller(name, Access(pools={uuid4(): frozenset(Permission)})) for name in ("alice", "bob")]
    upload = await manager.uploads.open(alice, NewUpload(size=10, name="debian.qcow2"))

    (listed,) = (await manager.uploads.list(alice)).items
    assert (listed.id, listed.name, listed.user, listed.received) == (upload.id, "debian.qcow2", "alice", 0)
    assert (await manager.uploads.list(bob)).items == ()
    assert (await manager.uploads.list(SYSTEM)).items == (listed,)

    await manager.uploads.delete(SYSTEM, upload.id)
    assert (await manager.uploads.list(alice)).items == ()


# ---- volumes


async def test_kept_disks_are_shown_as_unused_and_can_be_deleted(manager: Manager, host: Host) -> None:
    await made(manager, "web1", EmptyDisk(size=GIB), seed=True)
    assert len(await names(host)) == 2

    await succeeded(manager, await manager.machines.delete(SYSTEM, "web1", keep_disks=True))

    (left,) = (await manager.volumes.list(SYSTEM, unused=True)).items
    assert not left.name.endswith("-seed"), "the seed may hold passwords"
    assert await names(host) == [left.name]
    await succeeded(manager, await manager.volumes.delete(SYSTEM, "skerry", left.name))
    assert await names(host) == []
    with pytest.raises(NotFound, match=left.name):
        await manager.volumes.delete(SYSTEM, "skerry", left.name)


async def test_a_volume_that_something_needs_is_not_deleted(manager: Manager) -> None:
    await imported(manager, "debian")
    vm = await made(manager, "web1", TemplateDisk(image="debian"))
    found = {volume.name: volume for volume in (await manager.volumes.list(SYSTEM)).items}
    disk = found[str(vm.disks[0].volume)]
    (base,) = [volume for volume in found.values() if volume.image == "debian"]
    assert (base.clones, base.unused, disk.used_by, disk.unused) == ((disk.name,), False, ("web1",), False)
    assert (await manager.volumes.list(SYSTEM, unused=True)).items == ()

    with pytest.raises(InUse, match="image debian"):
        await manager.volumes.delete(SYSTEM, "skerry", base.name)
    with pytest.raises(InUse, match="disk of web1"):
        await manager.volumes.delete(SYSTEM, "skerry", disk.name)


async def test_only_who_may_change_everything_deletes_volumes(manager: Manager) -> None:
    await made(manager, "web1", EmptyDisk(size=GIB))
    await succeeded(manager, await manager.machines.delete(SYSTEM, "web1", keep_disks=True))
    (left,) = (await manager.volumes.list(SYSTEM)).items
    alice = Caller("alice", Access(pools={uuid4(): frozenset(Permission)}))

    with pytest.raises(Denied, match=left.name):
        await manager.volumes.delete(alice, "skerry", left.name)


async def test_a_pool_of_the_hypervisor_that_is_not_ours_is_passed_over(
    manager: Manager, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = StoragePool(
        name="default", kind="dir", path="/other", active=True, capacity=1, allocation=0, available=1
    )

    async def pools() -> list[StoragePool]:
        return [other]

    monkeypatch.setattr(host.storage, "_others", pools)
    host.inventory.note_pools(await host.storage.pools())
    await until(lambda: manager.hosts.storage_pools(SYSTEM), lambda page: page.total == 2)

    assert (await manager.volumes.list(SYSTEM)).items == ()
    with pytest.raises(NotFound, match="default"):
        await manager.volumes.delete(SYSTEM, "default", "disk")


# ---- seeds and CDs


async def test_a_seed_goes_when_it_is_ejected_or_its_drive_is_taken_out(manager: Manager, host: Host) -> None:
    vm = await made(manager, "web1", seed=True)
    await succeeded(
        manager, await manager.devices.change_media(SYSTEM, "web1", drive(vm).target, MediaChange(image=None))
    )
    assert await names(host) == []
    assert drive(await manager.machines.get(SYSTEM, "web1")).source is None

    vm = await made(manager, "web2", seed=True)
    await succeeded(manager, await manager.devices.remove_disk(SYSTEM, "web2", drive(vm).target))
    assert await names(host) == []


async def test_a_cd_of_the_library_is_not_deleted_with_its_drive(manager: Manager, host: Host) -> None:
    await imported(manager, "netinst", ISO)
    vm = await made(manager, "web1", CdDrive(image="netinst"))

    with pytest.raises(BadInput, match="not its own"):
        await manager.devices.remove_disk(SYSTEM, "web1", drive(vm).target, delete=True)
    assert len(await names(host)) == 1


async def test_a_machine_is_made_with_an_empty_drive_that_takes_cds(manager: Manager) -> None:
    await imported(manager, "netinst", ISO)
    vm = await made(manager, "web1", EmptyDisk(size=GIB), CdDrive())
    target = drive(vm).target
    assert (drive(vm).source, drive(vm).bus) == (None, "sata")
    await succeeded(manager, await manager.machines.act(SYSTEM, "web1", VmActionRequest(action=VmAction.START)))

    for medium in ("netinst", None, "netinst"):
        change = MediaChange(image=medium)
        await succeeded(manager, await manager.devices.change_media(SYSTEM, "web1", target, change))
        assert (drive(await manager.machines.get(SYSTEM, "web1")).source is None) == (medium is None)


async def test_two_empty_drives_asked_for_at_once_are_two(manager: Manager) -> None:
    await made(manager, "web1")

    tasks = [await manager.devices.add_disk(SYSTEM, "web1", CdDrive()) for _ in range(2)]
    for task in tasks:
        await succeeded(manager, task)

    disks = (await manager.machines.get(SYSTEM, "web1")).disks
    assert [(disk.target, disk.device, disk.source) for disk in disks] == [
        ("sda", "cdrom", None),
        ("sdb", "cdrom", None),
    ]


# ---- clones


@pytest.mark.parametrize("full", [False, True], ids=["thin", "full"])
async def test_a_clone_stands_on_the_same_image_unless_it_shall_stand_alone(
    manager: Manager, host: Host, *, full: bool
) -> None:
    await imported(manager, "debian")
    await made(manager, "web1", TemplateDisk(image="debian"), CdDrive(), seed=True)

    await succeeded(manager, await manager.machines.clone(SYSTEM, "web1", VmClone(name="web2", full_copy=full)))

    web2 = await manager.machines.get(SYSTEM, "web2")
    assert [disk.device for disk in web2.disks] == ["disk", "cdrom", "cdrom"]
    volume = await host.storage.driver("skerry").get(str(web2.disks[0].volume))
    assert (volume.backing is None) == full
    assert (await manager.images.get(SYSTEM, "debian")).used_by == (("web1",) if full else ("web1", "web2"))
    await succeeded(manager, await manager.machines.delete(SYSTEM, "web1"))
    assert (await manager.machines.get(SYSTEM, "web2")).disks[0].volume == volume.name
