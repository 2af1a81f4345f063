"""What is true of the operations of every host, real or simulated.

A test module inherits the classes and gives the fixture `host`: started, reached, without machines, with a storage
pool `skerry` that has no volumes, and a network `default`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from skerry.errors import (
    BadDefinition,
    BadInput,
    Changed,
    Denied,
    InUse,
    InvalidState,
    NameTaken,
    NotFound,
)
from skerry.host.agent import Host
from skerry.host.operation import MachineRef, Nothing, Operation
from skerry.host.operations import (
    consoles,
    definition,
    devices,
    facts,
    machines,
    networks,
    snapshots,
    storage_pools,
    uploads,
    volumes,
)
from skerry.host.types import (
    CloneKind,
    DirectKernel,
    HostEvent,
    Machine,
    MachineChanged,
    MachineChanges,
    MachineRemoved,
    MachineState,
    NewDisk,
    NewMachine,
    NewNic,
    Volume,
)

MIB = 1024**2
POOL = "skerry"
ONE = UUID("11111111-1111-4111-8111-111111111111")
TWO = UUID("22222222-2222-4222-8222-222222222222")
REF = MachineRef(uuid=ONE)


def new(
    uuid: UUID = ONE, name: str = "one", *disks: str, memory: int = 64 * MIB, nics: tuple[NewNic, ...] = ()
) -> NewMachine:
    """A small machine on volumes that exist."""
    plugged = tuple(NewDisk(storage_pool=POOL, volume=disk) for disk in disks)
    return NewMachine(uuid=uuid, name=name, vcpus=1, memory=memory, disks=plugged, nics=nics)


async def volume(host: Host, name: str, *, size: int = 8 * MIB) -> Volume:
    """A new empty volume."""
    args = volumes.NewVolume(storage_pool=POOL, name=name, size=size, origin=f"make {name}")
    return await host.call(volumes.create, args)


async def machine(host: Host, *disks: str) -> Machine:
    """A new machine on new volumes."""
    for disk in disks:
        await volume(host, disk)
    return await host.call(machines.create, new(ONE, "one", *disks))


async def clone(host: Host, source: str, name: str, *, full: bool = False) -> Volume:
    args = volumes.CloneVolume(
        storage_pool=POOL,
        source=source,
        name=name,
        how=CloneKind.FULL if full else CloneKind.THIN,
        origin=f"clone {name}",
    )
    return await host.call(volumes.clone, args)


async def delete(host: Host, name: str) -> None:
    await host.call(volumes.delete, volumes.DeleteVolume(storage_pool=POOL, name=name))


@asynccontextmanager
async def events(host: Host) -> AsyncIterator[asyncio.Queue[HostEvent]]:
    """What the host tells from now on."""
    queue: asyncio.Queue[HostEvent] = asyncio.Queue()
    end = host.listen(queue.put_nowait)
    yield queue
    end()


async def until(queue: asyncio.Queue[HostEvent], uuid: UUID, state: MachineState) -> None:
    """Wait until a machine is told to be in a state."""
    async with asyncio.timeout(30):
        while True:
            event = await queue.get()
            if isinstance(event, MachineChanged) and (event.machine.uuid, event.machine.state) == (uuid, state):
                return


class MachineSuite:
    """Facts about machines and their states."""

    async def test_a_host_tells_what_it_is(self, host: Host) -> None:
        found = await host.call(facts.show, Nothing())

        assert found.name == host.name
        assert found.memory > 0
        assert found.cpus > 0
        assert found.accelerator.reason

    async def test_a_created_machine_is_listed_and_shown(self, host: Host) -> None:
        made = await machine(host, "disk-1")

        assert (made.uuid, made.name, made.state) == (ONE, "one", MachineState.STOPPED)
        (disk,) = made.disks
        assert (disk.storage_pool, disk.volume, disk.size) == (POOL, "disk-1", 8 * MIB)
        assert await host.call(machines.list_machines, Nothing()) == (made,)
        assert await host.call(machines.show, REF) == made
        assert host.inventory.machines == {ONE: made}

    async def test_creating_again_finds_the_earlier_work(self, host: Host) -> None:
        made = await machine(host, "disk-1")

        assert await host.call(machines.create, new(ONE, "one", "disk-1")) == made
        assert len(await host.call(machines.list_machines, Nothing())) == 1

    async def test_a_name_is_given_once(self, host: Host) -> None:
        await machine(host)

        with pytest.raises(NameTaken, match="one"):
            await host.call(machines.create, new(TWO, "one"))
        assert len(await host.call(machines.list_machines, Nothing())) == 1

    async def test_a_machine_cannot_have_more_memory_than_the_host(self, host: Host) -> None:
        with pytest.raises(BadInput, match="memory"):
            await host.call(machines.create, new(memory=2**50))
        assert await host.call(machines.list_machines, Nothing()) == ()

    @pytest.mark.parametrize("memory", [0, -1, 1024])
    def test_a_machine_has_some_memory(self, memory: int) -> None:
        with pytest.raises(ValueError, match="memory"):
            new(memory=memory)

    async def test_an_unknown_volume_network_or_pool_is_named(self, host: Host) -> None:
        with pytest.raises(NotFound, match="volume nothing"):
            await host.call(machines.create, new(ONE, "one", "nothing"))
        with pytest.raises(NotFound, match="network nowhere"):
            await host.call(machines.create, new(nics=(NewNic(network="nowhere"),)))
        other = NewDisk(storage_pool="elsewhere", volume="disk-1")
        with pytest.raises(NotFound, match="storage pool elsewhere"):
            await host.call(machines.create, new().model_copy(update={"disks": (other,)}))
        assert await host.call(machines.list_machines, Nothing()) == ()

    async def test_a_kernel_comes_from_where_images_come_from(self, host: Host) -> None:
        wanted = new().model_copy(update={"direct_kernel": DirectKernel(kernel="/etc/passwd")})

        with pytest.raises(Denied, match="/etc/passwd"):
            await host.call(machines.create, wanted)
        assert await host.call(machines.list_machines, Nothing()) == ()

    async def test_a_machine_lives_through_its_states(self, host: Host) -> None:
        await machine(host)
        moves = [
            (machines.start, MachineState.RUNNING),
            (machines.pause, MachineState.PAUSED),
            (machines.resume, MachineState.RUNNING),
            (machines.reset, MachineState.RUNNING),
            (machines.save, MachineState.SAVED),
            (machines.restore, MachineState.RUNNING),
            (machines.power_off, MachineState.STOPPED),
        ]
        for move, state in moves:
            assert (await host.call(move, REF)).state is state

    async def test_a_machine_knows_since_when_it_runs(self, host: Host) -> None:
        began = datetime.now(UTC) - timedelta(seconds=2)  # processes are told with a second's precision
        assert (await machine(host)).started_at is None

        started = (await host.call(machines.start, REF)).started_at

        assert started is not None
        assert began <= started <= datetime.now(UTC) + timedelta(seconds=2)
        assert (await host.call(machines.pause, REF)).started_at == started
        assert (await host.call(machines.power_off, REF)).started_at is None

    async def test_what_is_so_already_is_fine(self, host: Host) -> None:
        await machine(host)

        assert (await host.call(machines.power_off, REF)).state is MachineState.STOPPED
        await host.call(machines.start, REF)
        assert (await host.call(machines.start, REF)).state is MachineState.RUNNING
        await host.call(machines.pause, REF)
        assert (await host.call(machines.pause, REF)).state is MachineState.PAUSED

    @pytest.mark.parametrize("move", ["reboot", "reset", "pause", "resume", "save", "restore"])
    async def test_a_stopped_machine_can_only_start(self, host: Host, move: str) -> None:
        await machine(host)

        with pytest.raises(InvalidState, match="one"):
            await host.call(getattr(machines, move), REF)

    @pytest.mark.parametrize(
        "ask",
        [
            machines.show, machines.start, machines.shutdown, machines.power_off, machines.reboot, machines.reset,
            machines.pause, machines.resume, machines.save, machines.restore, definition.show, devices.addresses,
            snapshots.list_snapshots,
        ],
        ids=lambda operation: operation.name,
    )  # fmt: skip
    async def test_an_unknown_machine_is_not_found(self, host: Host, ask: Operation[MachineRef, object]) -> None:
        with pytest.raises(NotFound, match=str(ONE)):
            await host.call(ask, REF)

    async def test_states_are_told_with_their_reasons(self, host: Host) -> None:
        async with events(host) as told:
            await machine(host)
            await host.call(machines.start, REF)
            await until(told, ONE, MachineState.RUNNING)
            await host.call(machines.power_off, REF)
            await until(told, ONE, MachineState.STOPPED)
            await host.call(machines.undefine, machines.UndefineMachine(uuid=ONE))
            async with asyncio.timeout(30):
                while await told.get() != MachineRemoved(uuid=ONE):
                    pass

    async def test_an_undefined_machine_leaves_its_volumes(self, host: Host) -> None:
        await machine(host, "disk-1")

        await host.call(machines.undefine, machines.UndefineMachine(uuid=ONE))

        assert await host.call(machines.list_machines, Nothing()) == ()
        assert (await host.call(volumes.show, volumes.VolumeRef(storage_pool=POOL, name="disk-1"))).used_by == ()
        with pytest.raises(NotFound, match=str(ONE)):
            await host.call(machines.undefine, machines.UndefineMachine(uuid=ONE))
        await host.call(machines.undefine, machines.UndefineMachine(uuid=ONE, missing_ok=True))

    async def test_a_running_machine_cannot_be_undefined_or_renamed(self, host: Host) -> None:
        await machine(host)
        await host.call(machines.start, REF)

        with pytest.raises(InvalidState, match="one"):
            await host.call(machines.undefine, machines.UndefineMachine(uuid=ONE))
        with pytest.raises(InvalidState, match="one"):
            await host.call(machines.rename, machines.RenameMachine(uuid=ONE, name="other"))

    async def test_a_machine_is_renamed(self, host: Host) -> None:
        await machine(host)
        await host.call(machines.create, new(TWO, "two"))

        assert (await host.call(machines.rename, machines.RenameMachine(uuid=ONE, name="three"))).name == "three"
        with pytest.raises(NameTaken, match="two"):
            await host.call(machines.rename, machines.RenameMachine(uuid=ONE, name="two"))

    async def test_autostart_is_kept(self, host: Host) -> None:
        await machine(host)

        assert (await host.call(machines.set_autostart, machines.SetAutostart(uuid=ONE, enabled=True))).autostart
        assert (await host.call(machines.set_autostart, machines.SetAutostart(uuid=ONE, enabled=True))).autostart
        assert not (
            await host.call(machines.set_autostart, machines.SetAutostart(uuid=ONE, enabled=False))
        ).autostart


class DefinitionSuite:
    """Facts about definitions."""

    async def test_a_definition_is_edited_as_xml(self, host: Host) -> None:
        made = await machine(host)
        stored = await host.call(definition.show, REF)
        assert stored.etag == made.etag
        edited = stored.xml.replace(str(64 * 1024), str(96 * 1024))

        args = definition.DefineMachine(xml=edited, expected_etag=stored.etag)
        changed = await host.call(definition.define, args)

        assert changed.memory == 96 * MIB
        assert changed.etag != stored.etag
        with pytest.raises(Changed, match="one"):
            await host.call(definition.define, args)

    async def test_a_check_changes_nothing(self, host: Host) -> None:
        made = await machine(host)
        stored = await host.call(definition.show, REF)

        checked = await host.call(definition.check, definition.CheckDefinition(xml=stored.xml))

        assert "<name>one</name>" in checked.xml
        assert await host.call(machines.list_machines, Nothing()) == (made,)

    @pytest.mark.parametrize(
        "xml", ["", "<", "not xml", "<network/>", "<domain/>", "<domain><name>x</name></domain>"]
    )
    async def test_what_is_no_domain_is_refused(self, host: Host, xml: str) -> None:
        if xml:
            with pytest.raises(BadDefinition):
                await host.call(definition.define, definition.DefineMachine(xml=xml))
            with pytest.raises(BadDefinition):
                await host.call(definition.check, definition.CheckDefinition(xml=xml))
        assert await host.call(machines.list_machines, Nothing()) == ()

    async def test_entities_do_not_expand(self, host: Host) -> None:
        xml = '<!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/passwd">]><domain><name>&e;</name><memory>1</memory></domain>'

        with pytest.raises(BadDefinition):
            await host.call(definition.define, definition.DefineMachine(xml=xml))

    async def test_a_definition_is_changed_by_form(self, host: Host) -> None:
        made = await machine(host)
        changes = MachineChanges(vcpus=2, memory=128 * MIB, title="The first")

        args = definition.ChangeMachine(uuid=ONE, changes=changes, expected_etag=made.etag)
        changed = await host.call(definition.change, args)

        assert (changed.vcpus, changed.memory, changed.title) == (2, 128 * MIB, "The first")
        with pytest.raises(Changed, match="one"):
            await host.call(definition.change, args)

    async def test_a_change_is_checked_like_a_new_machine(self, host: Host) -> None:
        await machine(host)

        for changes in (MachineChanges(memory=2**50), MachineChanges(vcpus=512)):
            with pytest.raises(BadInput, match="cannot have"):
                await host.call(definition.change, definition.ChangeMachine(uuid=ONE, changes=changes))


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


async def seed(host: Host, name: str) -> Volume:
    """A CD with first settings."""
    args = volumes.SeedVolume(
        storage_pool=POOL, name=name, instance_id="i-1", hostname="one", user_data="#cloud-config\n", origin=name
    )
    return await host.call(volumes.seed, args)


class VolumeSuite:
    """Facts about volumes; those of drivers are in their own suite."""

    async def test_a_seed_is_a_cd(self, host: Host) -> None:
        made = await seed(host, "seed-1")

        assert made.format == "iso"
        assert await seed(host, "seed-1") == made

    async def test_a_volume_grows_with_and_without_its_machine_running(self, host: Host) -> None:
        await machine(host, "disk-1")

        async def grown(size: int) -> Volume:
            args = volumes.ResizeVolume(storage_pool=POOL, name="disk-1", size=size)
            return await host.call(volumes.resize, args)

        assert (await grown(16 * MIB)).capacity == 16 * MIB
        await host.call(machines.start, REF)
        assert (await grown(32 * MIB)).capacity == 32 * MIB
        assert (await grown(32 * MIB)).capacity == 32 * MIB
        assert (await host.call(machines.show, REF)).disks[0].size == 32 * MIB
        with pytest.raises(BadInput, match="only grow"):
            await grown(16 * MIB)

    async def test_an_image_is_uploaded_and_imported(self, host: Host) -> None:
        stream = await host.stream(uploads.open_upload, uploads.OpenUpload(upload="up-1"))
        await stream.write(bytes(510) + b"\x55\xaa")
        await stream.write(bytes(MIB - 512))
        await stream.finish()
        assert await stream.read() == b""
        await stream.close()
        state = await host.call(uploads.show, uploads.UploadRef(upload="up-1"))
        assert state.size == MIB

        args = volumes.ImportVolume(storage_pool=POOL, name="image", upload="up-1", origin="t1")
        made = await host.call(volumes.import_image, args)

        assert (made.format, made.capacity) == ("qcow2", MIB)
        assert (await host.call(uploads.show, uploads.UploadRef(upload="up-1"))).size == 0
        assert await host.call(volumes.import_image, args) == made
        await host.call(uploads.delete, uploads.UploadRef(upload="up-1"))

    async def test_files_of_the_host_are_not_imported_from_anywhere(self, host: Host) -> None:
        args = volumes.ImportVolume(storage_pool=POOL, name="image", path="/etc/passwd", origin="t1")

        with pytest.raises(Denied, match="/etc/passwd"):
            await host.call(volumes.import_image, args)

    def test_an_import_has_one_source(self) -> None:
        with pytest.raises(ValueError, match="either an upload or a path"):
            volumes.ImportVolume(storage_pool=POOL, name="image", origin="t1")


class SnapshotSuite:
    """Facts about snapshots."""

    async def test_a_snapshot_is_taken_and_reverted_to(self, host: Host) -> None:
        await machine(host, "disk-1")

        taken = await host.call(snapshots.create, snapshots.NewSnapshot(uuid=ONE, name="s1", description="first"))

        assert (taken.name, taken.description, taken.current) == ("s1", "first", True)
        assert await host.call(snapshots.list_snapshots, REF) == (taken,)
        ref = snapshots.SnapshotRef(uuid=ONE, name="s1")
        assert (await host.call(snapshots.revert, ref)).state is MachineState.STOPPED
        await host.call(snapshots.delete, ref)
        assert await host.call(snapshots.list_snapshots, REF) == ()
        with pytest.raises(NotFound, match="s1"):
            await host.call(snapshots.delete, ref)
        with pytest.raises(NotFound, match="s1"):
            await host.call(snapshots.revert, ref)

    async def test_a_snapshot_has_a_name_of_its_own(self, host: Host) -> None:
        await machine(host, "disk-1")
        args = snapshots.NewSnapshot(uuid=ONE, name="s1")
        await host.call(snapshots.create, args)

        with pytest.raises(NameTaken, match="s1"):
            await host.call(snapshots.create, args)

    async def test_a_running_machine_has_no_snapshot_taken(self, host: Host) -> None:
        await machine(host, "disk-1")
        await host.call(machines.start, REF)

        with pytest.raises(InvalidState, match="one"):
            await host.call(snapshots.create, snapshots.NewSnapshot(uuid=ONE, name="s1"))


# Writes "login: " to the serial port, and then whatever comes from there.
_BOOT_SECTOR = (
    bytes.fromhex(
        "31c0 8ed8 fc be227c"  # ds = 0, si = the text
        "ac 84c0 7406 baf803 ee ebf5"  # each letter of it to the port
        "bafd03 ec a801 74f8 baf803 ec ee ebf1"  # wait for a byte, and write it
    )
    + b"login: \0"
)


async def booting(host: Host) -> None:
    """The machine on a disk that boots, and talks on the serial port."""
    stream = await host.stream(uploads.open_upload, uploads.OpenUpload(upload="boot"))
    await stream.write(_BOOT_SECTOR.ljust(510, b"\0") + b"\x55\xaa" + bytes(MIB - 512))
    await stream.finish()
    await stream.close()
    args = volumes.ImportVolume(storage_pool=POOL, name="boot", upload="boot", origin="boot")
    await host.call(volumes.import_image, args)
    await host.call(machines.create, new(ONE, "one", "boot"))


class ConsoleSuite:
    """Facts about consoles."""

    async def test_a_display_greets(self, host: Host) -> None:
        await machine(host)
        await host.call(machines.start, REF)

        stream = await host.stream(consoles.graphics, REF)

        async with asyncio.timeout(30):
            assert (await stream.read()).startswith(b"RFB 003.")
        await stream.close()
        await stream.close()

    async def test_a_serial_console_is_read_and_typed_into(self, host: Host) -> None:
        await booting(host)
        await host.call(machines.start, REF)

        stream = await host.stream(consoles.console, REF)
        await stream.write(b"ping")

        seen = b""
        async with asyncio.timeout(30):
            while b"ping" not in seen:
                seen += await stream.read()
        await stream.close()
        await stream.close()

    async def test_the_past_of_a_serial_console_is_kept(self, host: Host) -> None:
        await booting(host)
        await host.call(machines.start, REF)
        args = consoles.SerialLogRange(uuid=ONE, limit=1000)

        async with asyncio.timeout(30):
            while "login: " not in (await host.call(consoles.serial_log, args)).text:
                await asyncio.sleep(0.05)

    async def test_a_stopped_machine_has_no_console(self, host: Host) -> None:
        await machine(host)

        for operation in (consoles.console, consoles.graphics):
            with pytest.raises(InvalidState, match="one"):
                await host.stream(operation, REF)
