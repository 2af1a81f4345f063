"""What is true of disks, drives, cards and networks on every host, real or simulated."""

import asyncio

import pytest
from tests.unit.host.suite.given import ONE, POOL, REF, TWO, clone, delete, machine, new, seed, volume

from skerry.errors import (
    InUse,
    NotFound,
)
from skerry.host.agent import Host
from skerry.host.operation import Nothing
from skerry.host.operations import (
    devices,
    machines,
    networks,
    storage_pools,
    volumes,
)
from skerry.host.types import (
    Machine,
    NewDisk,
    NewNic,
)


class DeviceSuite:
    """Facts about disks, CDs and network cards."""

    async def test_a_disk_comes_and_goes(self, host: Host) -> None:
        await machine(host, "disk-1")
        await volume(host, "disk-2")
        args = devices.AttachDisk(uuid=ONE, disk=NewDisk(storage_pool=POOL, volume="disk-2"))

        first = await host.call(devices.attach_disk, args)
        second = await host.call(devices.attach_disk, args)

        assert [disk.volume for disk in first.disks] == ["disk-1", "disk-2"]
        assert second == first
        target = first.disks[1].target
        last = await host.call(devices.detach_disk, devices.DetachDisk(uuid=ONE, target=target))
        assert [disk.volume for disk in last.disks] == ["disk-1"]
        with pytest.raises(NotFound, match=target):
            await host.call(devices.detach_disk, devices.DetachDisk(uuid=ONE, target=target))

    async def test_a_volume_belongs_to_one_machine(self, host: Host) -> None:
        await machine(host, "disk-1")

        with pytest.raises(InUse, match="disk of one"):
            await host.call(machines.create, new(TWO, "two", "disk-1"))
        with pytest.raises(InUse, match="used by one"):
            await delete(host, "disk-1")
        shown = await host.call(volumes.show, volumes.VolumeRef(storage_pool=POOL, name="disk-1"))
        assert shown.used_by == ("one",)
        assert await host.call(volumes.list_volumes, volumes.PoolRef(storage_pool=POOL)) == (shown,)

    async def test_what_clones_stand_on_is_not_written(self, host: Host) -> None:
        await volume(host, "base")
        await clone(host, "base", "copy")

        with pytest.raises(InUse, match="copy"):
            await host.call(machines.create, new(ONE, "one", "base"))

    async def test_what_a_machine_writes_is_no_base_for_clones(self, host: Host) -> None:
        await machine(host, "disk-1")

        with pytest.raises(InUse, match="one"):
            await clone(host, "disk-1", "copy")
        assert (await clone(host, "disk-1", "copy", full=True)).backing is None
        await host.call(machines.start, REF)
        with pytest.raises(InUse, match="one"):
            await clone(host, "disk-1", "another", full=True)

    async def test_a_drive_may_be_empty(self, host: Host) -> None:
        await seed(host, "seed-1")
        made = await host.call(
            machines.create, new().model_copy(update={"disks": (NewDisk(device="cdrom", read_only=True),)})
        )
        (drive,) = made.disks
        assert (drive.device, drive.source, drive.target) == ("cdrom", None, "sda")
        await host.call(machines.start, REF)

        ref = volumes.VolumeRef(storage_pool=POOL, name="seed-1")
        put = devices.ChangeMedia(uuid=ONE, target=drive.target, volume=ref)
        assert (await host.call(devices.change_media, put)).disks[0].volume == "seed-1"
        await host.call(machines.power_off, REF)

        second = devices.AttachDisk(uuid=ONE, disk=NewDisk(device="cdrom", read_only=True, target="sdb"))
        for _ in range(2):
            assert [disk.target for disk in (await host.call(devices.attach_disk, second)).disks] == ["sda", "sdb"]

    async def test_two_that_want_a_volume_at_once_do_not_both_get_it(self, host: Host) -> None:
        await volume(host, "disk-1")

        results = await asyncio.gather(
            host.call(machines.create, new(ONE, "one", "disk-1")),
            host.call(machines.create, new(TWO, "two", "disk-1")),
            delete(host, "disk-1"),
            return_exceptions=True,
        )

        assert sum(not isinstance(result, Exception) for result in results) == 1
        users = host.inventory.users()
        assert all(len(found) == 1 for found in users.values())

    async def test_a_cd_is_changed(self, host: Host) -> None:
        await seed(host, "seed-1")
        await seed(host, "seed-2")
        cd = NewDisk(storage_pool=POOL, volume="seed-1", device="cdrom")
        made = await host.call(machines.create, new().model_copy(update={"disks": (cd,)}))
        (drive,) = made.disks
        assert (drive.device, drive.volume, drive.read_only) == ("cdrom", "seed-1", True)

        async def put(name: str | None) -> Machine:
            ref = volumes.VolumeRef(storage_pool=POOL, name=name) if name else None
            return await host.call(
                devices.change_media, devices.ChangeMedia(uuid=ONE, target=drive.target, volume=ref)
            )

        assert (await put("seed-2")).disks[0].volume == "seed-2"
        assert (await put(None)).disks[0].source is None
        with pytest.raises(NotFound, match="nothing"):
            await put("nothing")

    async def test_a_cd_may_be_in_two_drives(self, host: Host) -> None:
        await seed(host, "seed-1")
        cd = NewDisk(storage_pool=POOL, volume="seed-1", device="cdrom")

        for uuid, name in ((ONE, "one"), (TWO, "two")):
            await host.call(machines.create, new(uuid, name).model_copy(update={"disks": (cd,)}))

        shown = await host.call(volumes.show, volumes.VolumeRef(storage_pool=POOL, name="seed-1"))
        assert shown.used_by == ("one", "two")

    async def test_a_network_card_comes_and_goes(self, host: Host) -> None:
        await machine(host)
        args = devices.AttachNic(uuid=ONE, nic=NewNic(mac="52:54:00:AA:BB:CC"))

        made = await host.call(devices.attach_nic, args)

        assert [(nic.mac, nic.network) for nic in made.nics] == [("52:54:00:aa:bb:cc", "default")]
        with pytest.raises(NotFound, match="nowhere"):
            await host.call(devices.attach_nic, devices.AttachNic(uuid=ONE, nic=NewNic(network="nowhere")))
        gone = await host.call(devices.detach_nic, devices.DetachNic(uuid=ONE, mac="52:54:00:AA:BB:CC"))
        assert gone.nics == ()
        with pytest.raises(NotFound, match="52:54:00"):
            await host.call(devices.detach_nic, devices.DetachNic(uuid=ONE, mac="52:54:00:aa:bb:cc"))

    async def test_cards_have_addresses_of_their_own(self, host: Host) -> None:
        made = await host.call(machines.create, new(nics=(NewNic(), NewNic())))

        assert len({nic.mac for nic in made.nics}) == 2

    async def test_a_stopped_machine_has_no_addresses(self, host: Host) -> None:
        await host.call(machines.create, new(nics=(NewNic(),)))

        assert await host.call(devices.addresses, REF) == ()

    async def test_networks_and_pools_are_listed(self, host: Host) -> None:
        assert "default" in [found.name for found in await host.call(networks.list_networks, Nothing())]
        assert POOL in [found.name for found in await host.call(storage_pools.list_pools, Nothing())]
