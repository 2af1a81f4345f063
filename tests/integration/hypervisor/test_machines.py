"""Machines from their making to their end, on a real libvirt and QEMU."""

import asyncio
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from lxml import etree
from tests.integration.hypervisor.conftest import MIB, Heard, Lab, eventually

from skerry.errors import BadDefinition, BadInput, Changed, Conflict, InvalidState, NameTaken, NotFound
from skerry.hypervisor import machines
from skerry.hypervisor.types import Firmware, Machine, MachineChanges, MachineState, NewDisk, NewNic

STRANGE = """\
<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>strange</name>
  <uuid>99999999-2222-3333-4444-555555555555</uuid>
  <metadata>
    <terraform:state xmlns:terraform="urn:terraform"><terraform:serial>7</terraform:serial></terraform:state>
  </metadata>
  <memory unit='MiB'>64</memory>
  <vcpu current='1'>2</vcpu>
  <os><type machine='q35'>hvm</type><smbios mode='sysinfo'/></os>
  <sysinfo type='smbios'><system><entry name='serial'>ACME-1</entry></system></sysinfo>
  <features><acpi/></features>
  <devices>
    <disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>
    <watchdog model='i6300esb' action='pause'/>
    <graphics type='vnc' port='-1' passwd='secret'><listen type='address' address='127.0.0.1'/></graphics>
  </devices>
  <qemu:commandline><qemu:arg value='-no-shutdown'/></qemu:commandline>
</domain>"""


async def xml_of(lab: Lab, uuid: UUID) -> str:
    return (await lab.hypervisor.call(lambda c: machines.get_definition(c, uuid))).xml


async def define_strange(lab: Lab) -> Machine:
    return await lab.hypervisor.call(lambda c: machines.define_xml(c, STRANGE))


async def change(lab: Lab, uuid: UUID, etag: str | None = None, **changes: object) -> Machine:
    wanted = MachineChanges.model_validate(changes)
    return await lab.hypervisor.call(lambda c: machines.change(c, uuid, wanted, expected_etag=etag))


class TestANewMachine:
    async def test_is_what_was_asked_for(self, lab: Lab) -> None:
        machine = await lab.define(
            "web",
            lab.guest_disk(),
            title="The wëb",
            description="a <b>",
            vcpus=2,
            memory=64 * MIB,
            nics=(NewNic(),),
        )

        assert (machine.name, machine.title, machine.description) == ("web", "The wëb", "a <b>")
        assert (machine.state, machine.vcpus, machine.memory) == (MachineState.STOPPED, 2, 64 * MIB)
        assert [(disk.target, disk.format, disk.size) for disk in machine.disks] == [("vda", "raw", MIB)]
        assert [nic.network for nic in machine.nics] == ["default"]
        assert machine.consoles.graphics
        assert not machine.needs_restart
        assert machine == await lab.get(machine.uuid)

    async def test_that_is_there_already_is_found(self, lab: Lab) -> None:
        uuid = uuid4()

        first, second = await lab.define("web", uuid=uuid), await lab.define("web", uuid=uuid)

        assert first == second

    async def test_cannot_have_the_name_of_another(self, lab: Lab) -> None:
        await lab.define("web")

        with pytest.raises(NameTaken, match="'web' already exists"):
            await lab.define("web")

    async def test_cannot_have_the_uuid_of_another(self, lab: Lab) -> None:
        other = await lab.define("web")

        with pytest.raises(Conflict, match="the UUID of new is that of machine web"):
            await lab.define("new", uuid=other.uuid)

    async def test_cannot_have_more_memory_than_the_host(self, lab: Lab) -> None:
        with pytest.raises(BadInput, match="more than the host has"):
            await lab.define(memory=1024**5)

        assert await lab.hypervisor.call(machines.list_machines) == []

    async def test_cannot_be_plugged_into_a_network_that_there_is_not(self, lab: Lab) -> None:
        with pytest.raises(NotFound, match="no network blue") as raised:
            await lab.define(nics=(NewNic(network="blue"),))

        assert raised.value.hint == "the host has: default"

    async def test_finds_its_volumes_in_libvirts_pools(self, lab: Lab) -> None:
        lab.libvirt.virsh("pool-create-as", "disks", "dir", "--target", lab.libvirt.pools)
        lab.guest_disk("fresh.img")
        new = NewDisk(storage_pool="disks", volume="fresh.img")

        machine = await lab.define()
        attached = await lab.hypervisor.call(lambda c: machines.attach_disk(c, machine.uuid, new))

        assert [(disk.storage_pool, disk.volume) for disk in attached.disks] == [("disks", "fresh.img")]

    async def test_with_a_volume_that_there_is_not_is_refused(self, lab: Lab) -> None:
        lab.libvirt.virsh("pool-create-as", "disks", "dir", "--target", lab.libvirt.pools)
        machine = await lab.define()
        new = NewDisk(storage_pool="disks", volume="none.img")

        with pytest.raises(NotFound, match=r"no volume none.img in storage pool disks"):
            await lab.hypervisor.call(lambda c: machines.attach_disk(c, machine.uuid, new))


class TestALife:
    async def test_goes_through_all_states(self, lab: Lab) -> None:
        uuid = (await lab.define("web", lab.guest_disk())).uuid
        call = lab.hypervisor.call

        states = [
            (await call(lambda c: step(c, uuid))).state  # type: ignore[misc]  # noqa: B023 - called at once
            for step in (
                machines.start,
                machines.pause,
                machines.resume,
                machines.reset,
                machines.save,
                machines.restore,
                machines.power_off,
            )
        ]

        assert states == ["running", "paused", "running", "running", "saved", "running", "stopped"]

    async def test_says_what_cannot_be_done_now_and_why(self, lab: Lab) -> None:
        uuid = (await lab.define("web")).uuid

        with pytest.raises(InvalidState, match="machine web is stopped, so it cannot be paused") as raised:
            await lab.hypervisor.call(lambda c: machines.pause(c, uuid))

        assert raised.value.hint == "this is possible while it is running"

    async def test_a_running_machine_is_not_started_again(self, lab: Lab) -> None:
        uuid = (await lab.define("web")).uuid
        await lab.start(uuid)

        with pytest.raises(InvalidState, match="machine web is running, so it cannot be started"):
            await lab.start(uuid)

    async def test_a_guest_is_asked_to_shut_down(self, lab: Lab, heard: Heard) -> None:
        uuid = (await lab.define("web", lab.guest_disk())).uuid
        await lab.start(uuid)

        machine = await lab.hypervisor.call(lambda c: machines.shutdown(c, uuid))

        assert machine.state == "running"  # this guest does not listen

    async def test_the_keys_that_restart_it_can_be_pressed(self, lab: Lab) -> None:
        uuid = (await lab.define("web", lab.guest_disk())).uuid
        await lab.start(uuid)

        await lab.hypervisor.call(lambda c: machines.send_ctrl_alt_del(c, uuid))

    async def test_it_can_start_with_its_host(self, lab: Lab) -> None:
        uuid = (await lab.define("web")).uuid

        on = await lab.hypervisor.call(lambda c: machines.set_autostart(c, uuid, enabled=True))
        (listed,) = await lab.hypervisor.call(machines.list_machines)
        off = await lab.hypervisor.call(lambda c: machines.set_autostart(c, uuid, enabled=False))

        assert (on.autostart, listed.autostart, off.autostart) == (True, True, False)

    async def test_a_machine_without_its_disk_is_listed_and_says_why_it_does_not_start(self, lab: Lab) -> None:
        disk = lab.guest_disk()
        uuid = (await lab.define("web", disk)).uuid
        Path(disk.path).unlink()

        (machine,) = await lab.hypervisor.call(machines.list_machines)

        assert machine.disks[0].size is None
        with pytest.raises(Exception, match="No such file or directory"):
            await lab.start(uuid)

    async def test_a_machine_that_hangs_holds_up_nobody(self, lab: Lab) -> None:
        stuck, other = await lab.define("stuck", lab.guest_disk()), await lab.define("other")
        await lab.start(stuck.uuid)
        lab.libvirt.freeze_guest("stuck")

        listed = await lab.hypervisor.call(machines.list_machines)

        assert {machine.name: machine.state for machine in listed} == {"stuck": "running", "other": "stopped"}
        assert (await lab.get(stuck.uuid)).disks[0].size == MIB
        assert (await lab.start(other.uuid)).state == "running"

    async def test_nobody_is_not_found(self, lab: Lab) -> None:
        uuid = uuid4()

        for act in (machines.get_machine, machines.start, machines.undefine, machines.addresses):
            with pytest.raises(NotFound, match=f"no machine {uuid}"):
                await lab.hypervisor.call(lambda c, act=act: act(c, uuid))


class TestTheEnd:
    async def test_takes_along_all_records_and_leaves_the_disks(self, lab: Lab) -> None:
        disk = lab.guest_disk()
        uuid = (await lab.define("web", disk, firmware="uefi", tpm=True)).uuid
        await lab.start(uuid)
        await lab.hypervisor.call(lambda c: machines.save(c, uuid))

        await lab.hypervisor.call(lambda c: machines.undefine(c, uuid))

        assert await lab.hypervisor.call(machines.list_machines) == []
        assert Path(disk.path).exists()
        left = [
            path for kind in ("nvram", "save") for path in (lab.libvirt.folder / "lib" / "qemu" / kind).iterdir()
        ]
        assert left == []
        assert list(lab.libvirt.serial_logs.iterdir()) == []

    async def test_does_not_come_while_it_runs(self, lab: Lab) -> None:
        uuid = (await lab.define("web")).uuid
        await lab.start(uuid)

        with pytest.raises(InvalidState, match="machine web is running, so it cannot be deleted"):
            await lab.hypervisor.call(lambda c: machines.undefine(c, uuid))


class TestANewName:
    async def test_is_taken_on(self, lab: Lab) -> None:
        uuid = (await lab.define("old")).uuid

        machine = await lab.hypervisor.call(lambda c: machines.rename(c, uuid, "new"))
        again = await lab.hypervisor.call(lambda c: machines.rename(c, uuid, "new"))

        assert (machine.name, again.name, machine.uuid) == ("new", "new", uuid)

    async def test_must_be_free(self, lab: Lab) -> None:
        uuid = (await lab.define("one")).uuid
        await lab.define("two")

        with pytest.raises(NameTaken, match="two"):
            await lab.hypervisor.call(lambda c: machines.rename(c, uuid, "two"))

    async def test_waits_until_the_machine_is_stopped(self, lab: Lab) -> None:
        uuid = (await lab.define("one")).uuid
        await lab.start(uuid)

        with pytest.raises(InvalidState, match="machine one is running, so it cannot be renamed"):
            await lab.hypervisor.call(lambda c: machines.rename(c, uuid, "two"))


class TestADefinition:
    async def test_of_others_keeps_what_we_do_not_know_through_our_changes(self, lab: Lab) -> None:
        uuid = (await define_strange(lab)).uuid
        before = etree.fromstring(await xml_of(lab, uuid))

        await change(lab, uuid, title="Strange", vcpus=2, memory=96 * MIB, boot_order=("cdrom",))

        after = etree.fromstring(await xml_of(lab, uuid))
        for path in ("metadata", "sysinfo", "devices", "features", "{*}commandline"):
            old, new = before.find(path), after.find(path)
            assert old is not None
            assert new is not None
            assert etree.tostring(new, method="c14n") == etree.tostring(old, method="c14n")

    async def test_is_shown_without_passwords_and_does_not_lose_them(self, lab: Lab) -> None:
        uuid = (await define_strange(lab)).uuid
        shown = await xml_of(lab, uuid)

        await lab.hypervisor.call(
            lambda c: machines.define_xml(c, shown.replace("<name>", "<title>x</title><name>"))
        )

        assert "secret" not in shown
        assert "passwd='secret'" in lab.libvirt.virsh("dumpxml", "strange", "--security-info")

    async def test_that_changed_meanwhile_is_not_overwritten(self, lab: Lab) -> None:
        machine = await lab.define("web")
        lab.libvirt.virsh("desc", "web", "--config", "changed by another")
        xml = await xml_of(lab, machine.uuid)

        with pytest.raises(Changed, match="definition of web is not any more"):
            await lab.hypervisor.call(lambda c: machines.define_xml(c, xml, expected_etag=machine.etag))
        with pytest.raises(Changed):
            await change(lab, machine.uuid, etag=machine.etag, vcpus=2)

        assert (await lab.get(machine.uuid)).description == "changed by another"

    async def test_that_did_not_change_can_be_stored(self, lab: Lab) -> None:
        machine = await lab.define("web")
        xml = (await xml_of(lab, machine.uuid)).replace("<vcpu placement='static'>1<", "<vcpu>3<")

        stored = await lab.hypervisor.call(lambda c: machines.define_xml(c, xml, expected_etag=machine.etag))

        assert stored.vcpus == 3
        assert stored.etag != machine.etag

    async def test_has_the_same_etag_in_every_view(self, lab: Lab) -> None:
        uuid = (await lab.define("web", lab.guest_disk())).uuid
        stopped = await lab.get(uuid)

        running = await lab.start(uuid)
        (listed,) = await lab.hypervisor.call(machines.list_machines)
        definition = await lab.hypervisor.call(lambda c: machines.get_definition(c, uuid))

        assert {stopped.etag, running.etag, listed.etag, definition.etag} == {stopped.etag}

    @pytest.mark.parametrize(
        ("xml", "words"),
        [
            ("<network/>", "root is <network>"),
            ("<domain", "not well-formed"),
            ("<domain type='qemu'/>", "Extra element|Expecting|validate|missing"),
            (STRANGE.replace("q35", "toaster"), "toaster|PCI"),
            (STRANGE.replace("99999999-2222", "nonsense"), "not a UUID|uuid"),
            (STRANGE.replace("bus='sata'", "bus='steam'"), "validate|steam"),
        ],
        ids=["another root", "not closed", "empty", "unknown machine", "no uuid", "against the schema"],
    )
    async def test_that_is_bad_is_refused_with_a_reason(self, lab: Lab, xml: str, words: str) -> None:
        for store in (machines.define_xml, machines.check_definition):
            with pytest.raises(BadDefinition, match=words):
                await lab.hypervisor.call(lambda c, store=store: store(c, xml))

        assert await lab.hypervisor.call(machines.list_machines) == []

    async def test_that_is_good_can_be_checked_without_being_stored(self, lab: Lab) -> None:
        await lab.hypervisor.call(lambda c: machines.check_definition(c, STRANGE))

        assert await lab.hypervisor.call(machines.list_machines) == []


class TestChanges:
    async def test_to_a_running_machine_wait_for_its_restart(self, lab: Lab) -> None:
        uuid = (await lab.define("web", lab.guest_disk())).uuid
        await lab.start(uuid)

        changed = await change(lab, uuid, vcpus=2, memory=64 * MIB)

        assert (changed.vcpus, changed.memory, changed.needs_restart) == (2, 64 * MIB, True)
        await lab.hypervisor.call(lambda c: machines.power_off(c, uuid))
        assert not (await lab.start(uuid)).needs_restart

    async def test_of_words_are_live(self, lab: Lab) -> None:
        uuid = (await lab.define("web")).uuid
        await lab.start(uuid)

        await change(lab, uuid, title="The web", description="long")

        assert "<title>The web</title>" in lab.libvirt.virsh("dumpxml", "web")

    async def test_to_less_memory_are_live(self, lab: Lab) -> None:
        uuid = (await lab.define("web", memory=64 * MIB)).uuid
        await lab.start(uuid)

        lab.libvirt.virsh("setmem", "web", "48M", "--config")

        assert (await lab.get(uuid)).needs_restart


class TestUefi:
    @pytest.mark.parametrize("secure", [False, True], ids=["without secure boot", "with secure boot"])
    async def test_a_machine_starts_from_it(self, lab: Lab, secure: bool) -> None:
        uuid = (await lab.define("efi", firmware="uefi", secure_boot=secure, tpm=True, memory=64 * MIB)).uuid

        machine = await lab.start(uuid)

        assert (machine.firmware, machine.secure_boot, machine.tpm) == (Firmware.UEFI, secure, True)
        assert not machine.needs_restart


class TestTheGuestsAddresses:
    async def test_are_those_of_its_leases(self, lab: Lab) -> None:
        nic = NewNic(mac="52:54:00:00:00:07")
        uuid = (await lab.define("web", nics=(nic,), boot_order=("network",), memory=64 * MIB)).uuid
        await lab.start(uuid)

        async def has_one() -> bool:  # the boot ROM of the card asks for it
            return bool(await lab.hypervisor.call(lambda c: machines.addresses(c, uuid)))

        await eventually(has_one, limit_s=60)  # its network was started with it
        (found,) = await lab.hypervisor.call(lambda c: machines.addresses(c, uuid))
        assert (found.mac, found.family, found.source) == ("52:54:00:00:00:07", "ipv4", "lease")
        assert found.address.startswith("192.168.122.")

    async def test_are_none_while_it_is_stopped(self, lab: Lab) -> None:
        uuid = (await lab.define("web")).uuid

        assert await lab.hypervisor.call(lambda c: machines.addresses(c, uuid)) == ()


async def test_fifty_machines_are_made_at_once(lab: Lab) -> None:
    made = await asyncio.gather(*(lab.define(f"clone-{n}", nics=(NewNic(),)) for n in range(50)))

    listed = await lab.hypervisor.call(machines.list_machines)
    assert {machine.uuid for machine in listed} == {machine.uuid for machine in made}
    assert len({machine.nics[0].mac for machine in listed}) == 50


async def test_a_kernel_is_booted_directly(lab: Lab, tmp_path: Path) -> None:
    kernel = {"kernel": "/boot/vmlinuz", "initrd": "/boot/initrd", "command_line": "console=ttyS0"}
    uuid = (await lab.define("web", direct_kernel=kernel)).uuid

    assert (await lab.get(uuid)).direct_kernel is not None
    assert (await change(lab, uuid, remove_direct_kernel=True)).direct_kernel is None
