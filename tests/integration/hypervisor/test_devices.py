"""Disks, media, cards and snapshots of machines that are there."""

import subprocess
from uuid import UUID

import pytest
from tests.integration.hypervisor.conftest import Lab

from skerry.errors import BadInput, InUse, InvalidState, NameTaken, NotFound
from skerry.hypervisor import machines
from skerry.hypervisor.domain_xml import DiskSource
from skerry.hypervisor.types import Machine, NewDisk, NewNic

EXTRA = NewDisk(storage_pool="pool", volume="extra.qcow2")


def image(lab: Lab, name: str = "extra.qcow2", size: str = "8M") -> DiskSource:
    path = lab.libvirt.pools / name
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, size], check=True)
    return DiskSource(str(path), "qcow2")


def qemu_io(source: DiskSource, command: str) -> str:
    argv = ["qemu-io", "-f", "qcow2", "-c", command, source.path]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


async def attach(lab: Lab, uuid: UUID, source: DiskSource, disk: NewDisk = EXTRA) -> Machine:
    return await lab.hypervisor.call(lambda c: machines.attach_disk(c, uuid, disk, source))


class TestADisk:
    async def test_comes_and_goes_while_the_machine_is_stopped(self, lab: Lab) -> None:
        uuid = (await lab.define("web", lab.guest_disk())).uuid
        source = image(lab)

        attached = await attach(lab, uuid, source)
        detached = await lab.hypervisor.call(lambda c: machines.detach_disk(c, uuid, "vdb"))

        assert [(disk.target, disk.format) for disk in attached.disks] == [("vda", "raw"), ("vdb", "qcow2")]
        assert [disk.target for disk in detached.disks] == ["vda"]

    async def test_comes_while_the_machine_runs(self, lab: Lab) -> None:
        uuid = (await lab.define("web", lab.guest_disk())).uuid
        await lab.start(uuid)

        attached = await attach(lab, uuid, image(lab))

        assert not attached.needs_restart
        assert "vdb" in lab.libvirt.virsh("domblklist", "web")
        assert "vdb" in lab.libvirt.virsh("domblklist", "web", "--inactive")

    async def test_that_the_machine_has_is_not_put_in_twice(self, lab: Lab) -> None:
        uuid = (await lab.define("web", lab.guest_disk())).uuid
        source = image(lab)

        await attach(lab, uuid, source)
        again = await attach(lab, uuid, source)

        assert len(again.disks) == 2

    async def test_that_a_guest_does_not_let_go_goes_with_the_next_start(self, lab: Lab) -> None:
        uuid = (await lab.define("web", lab.guest_disk())).uuid
        source = image(lab)
        await lab.start(uuid)
        await attach(lab, uuid, source)

        detached = await lab.hypervisor.call(lambda c: machines.detach_disk(c, uuid, "vdb"))

        assert [disk.target for disk in detached.disks] == ["vda"]
        assert detached.needs_restart
        await lab.hypervisor.call(lambda c: machines.power_off(c, uuid))
        assert not (await lab.start(uuid)).needs_restart

    async def test_that_cannot_be_read_is_not_kept(self, lab: Lab) -> None:
        uuid = (await lab.define("web", lab.guest_disk())).uuid
        await lab.start(uuid)

        with pytest.raises(Exception, match="No such file or directory"):
            await attach(lab, uuid, DiskSource(str(lab.libvirt.pools / "none.qcow2"), "qcow2"))

        assert [disk.target for disk in (await lab.get(uuid)).disks] == ["vda"]

    async def test_that_there_is_not_cannot_be_taken_out(self, lab: Lab) -> None:
        uuid = (await lab.define("web")).uuid

        with pytest.raises(NotFound, match="machine web has no disk vdb"):
            await lab.hypervisor.call(lambda c: machines.detach_disk(c, uuid, "vdb"))

    async def test_many_can_be_put_in_while_it_runs(self, lab: Lab) -> None:
        uuid = (await lab.define("web", lab.guest_disk())).uuid
        await lab.start(uuid)

        for number in range(4):
            source = image(lab, f"extra-{number}.qcow2")
            machine = await attach(lab, uuid, source)

        assert not machine.needs_restart


class TestADrive:
    async def test_changes_its_medium_whether_the_machine_runs_or_not(self, lab: Lab) -> None:
        uuid = (await lab.define("web", lab.guest_disk())).uuid
        first, second = lab.guest_disk("first.iso"), lab.guest_disk("second.iso")
        cd = NewDisk(storage_pool="pool", volume="first.iso", device="cdrom")
        await attach(lab, uuid, first, cd)
        await lab.start(uuid)

        changed = await lab.hypervisor.call(lambda c: machines.change_media(c, uuid, "sda", second))
        live = lab.libvirt.virsh("domblklist", "web")
        empty = await lab.hypervisor.call(lambda c: machines.change_media(c, uuid, "sda", None))

        assert changed.disks[-1].source == second.path
        assert "second.iso" in live
        assert empty.disks[-1].source is None
        assert "iso" not in lab.libvirt.virsh("domblklist", "web")
        assert not empty.needs_restart

    async def test_cannot_come_while_the_machine_runs_and_waits(self, lab: Lab) -> None:
        uuid = (await lab.define("web", lab.guest_disk())).uuid
        await lab.start(uuid)

        machine = await attach(
            lab, uuid, lab.guest_disk("a.iso"), NewDisk(storage_pool="pool", volume="a.iso", device="cdrom")
        )

        assert [disk.device for disk in machine.disks] == ["disk", "cdrom"]
        assert machine.needs_restart

    async def test_is_no_disk(self, lab: Lab) -> None:
        uuid = (await lab.define("web", lab.guest_disk())).uuid

        with pytest.raises(BadInput, match="vda of machine web is a disk"):
            await lab.hypervisor.call(lambda c: machines.change_media(c, uuid, "vda", None))


class TestACard:
    async def test_comes_and_goes(self, lab: Lab) -> None:
        lab.libvirt.virsh("net-start", "default")
        uuid = (await lab.define("web", lab.guest_disk())).uuid
        await lab.start(uuid)

        attached = await lab.hypervisor.call(lambda c: machines.attach_nic(c, uuid, NewNic()))
        (nic,) = attached.nics
        assert not attached.needs_restart
        assert nic.mac in lab.libvirt.virsh("domiflist", "web")

        detached = await lab.hypervisor.call(lambda c: machines.detach_nic(c, uuid, nic.mac.upper()))
        assert detached.nics == ()

    async def test_has_an_address_of_its_own(self, lab: Lab) -> None:
        uuid = (await lab.define("web", nics=(NewNic(mac="52:54:00:00:00:01"),))).uuid

        with pytest.raises(InUse, match="52:54:00:00:00:01"):
            await lab.hypervisor.call(lambda c: machines.attach_nic(c, uuid, NewNic(mac="52:54:00:00:00:01")))


class TestASnapshot:
    async def test_is_taken_gone_back_to_and_forgotten(self, lab: Lab) -> None:
        source = image(lab)
        uuid = (await lab.define("web", source)).uuid

        taken = await lab.hypervisor.call(lambda c: machines.create_snapshot(c, uuid, "before", "the upgrade"))
        qemu_io(source, "write -P 7 0 4k")
        await lab.hypervisor.call(lambda c: machines.revert_snapshot(c, uuid, "before"))
        listed = await lab.hypervisor.call(lambda c: machines.list_snapshots(c, uuid))

        assert (taken.name, taken.description, taken.current) == ("before", "the upgrade", True)
        assert listed == [taken]
        assert "Pattern verification failed" not in qemu_io(source, "read -P 0 0 4k")
        await lab.hypervisor.call(lambda c: machines.delete_snapshot(c, uuid, "before"))
        assert await lab.hypervisor.call(lambda c: machines.list_snapshots(c, uuid)) == []

    async def test_can_be_taken_of_a_machine_with_uefi(self, lab: Lab) -> None:
        uuid = (await lab.define("web", image(lab), firmware="uefi")).uuid

        await lab.hypervisor.call(lambda c: machines.create_snapshot(c, uuid, "one"))

        assert [s.name for s in await lab.hypervisor.call(lambda c: machines.list_snapshots(c, uuid))] == ["one"]

    async def test_needs_a_machine_that_is_stopped(self, lab: Lab) -> None:
        uuid = (await lab.define("web", image(lab))).uuid
        await lab.start(uuid)

        with pytest.raises(InvalidState, match="machine web is running, so a snapshot"):
            await lab.hypervisor.call(lambda c: machines.create_snapshot(c, uuid, "one"))

    async def test_needs_disks_that_can_keep_it(self, lab: Lab) -> None:
        uuid = (await lab.define("web", lab.guest_disk())).uuid

        with pytest.raises(BadInput, match="disk vda of machine web is raw"):
            await lab.hypervisor.call(lambda c: machines.create_snapshot(c, uuid, "one"))

    async def test_has_a_name_of_its_own(self, lab: Lab) -> None:
        uuid = (await lab.define("web", image(lab))).uuid
        await lab.hypervisor.call(lambda c: machines.create_snapshot(c, uuid, "one"))

        with pytest.raises(NameTaken, match="snapshot one"):
            await lab.hypervisor.call(lambda c: machines.create_snapshot(c, uuid, "one"))

    async def test_that_there_is_not_is_not_found(self, lab: Lab) -> None:
        uuid = (await lab.define("web", image(lab))).uuid

        for act in (machines.revert_snapshot, machines.delete_snapshot):
            with pytest.raises(NotFound, match="machine web has no snapshot none"):
                await lab.hypervisor.call(lambda c, act=act: act(c, uuid, "none"))
