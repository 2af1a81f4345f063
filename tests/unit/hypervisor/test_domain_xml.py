"""New machines' XML, what is read from it, and changes to it in place."""

from pathlib import Path
from uuid import UUID

import pytest
from lxml import etree

from skerry.errors import BadDefinition, BadInput, NotFound
from skerry.hypervisor import domain_edit
from skerry.hypervisor.domain_read import Reading, etag_of, read, serial_log
from skerry.hypervisor.domain_xml import DiskSource, Platform, build_domain, free_target, mac_of
from skerry.hypervisor.types import (
    DirectKernel,
    Firmware,
    MachineChanges,
    NewDisk,
    NewMachine,
    NewNic,
)
from skerry.hypervisor.xml import MOST_XML, element, parse, parse_domain, write

UUID_1 = UUID("11111111-2222-3333-4444-555555555555")
EMULATED = Platform("qemu", "x86_64", Path("/var/log/skerry"))
GIB = 1024**3
# What a person wrote with virsh edit and an editor of their own: parts that we know nothing of.
FOREIGN = """\
<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <!-- the accountants' machine: ask Ada before touching it -->
  <name>books</name>
  <uuid>99999999-2222-3333-4444-555555555555</uuid>
  <metadata>
    <terraform:state xmlns:terraform="urn:terraform"><terraform:serial>7</terraform:serial></terraform:state>
  </metadata>
  <memory unit='GiB'>4</memory>
  <currentMemory unit='MiB'>2048</currentMemory>
  <memoryBacking><hugepages/></memoryBacking>
  <vcpu placement='static' current='2'>8</vcpu>
  <os>
    <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
    <loader readonly='yes' type='pflash' secure='yes'>/usr/share/OVMF/OVMF_CODE.fd</loader>
  </os>
  <cpu mode='host-model'><topology sockets='1' cores='4' threads='2'/></cpu>
  <devices>
    <disk type='block' device='disk'>
      <driver name='qemu' type='raw' cache='none' io='native'/>
      <source dev='/dev/vg/books'/>
      <target dev='sda' bus='scsi'/>
      <boot order='2'/>
      <vendor>ACME</vendor>
    </disk>
    <disk type='volume' device='disk'>
      <driver name='qemu' type='qcow2'/>
      <source pool='images' volume='two.qcow2'/>
      <target dev='vdb' bus='virtio'/>
    </disk>
    <disk type='file' device='cdrom'>
      <target dev='sdb' bus='sata'/>
      <readonly/>
    </disk>
    <interface type='bridge'>
      <mac address='52:54:00:AA:BB:CC'/>
      <source bridge='br0'/>
      <boot order='1'/>
      <link state='down'/>
    </interface>
    <tpm model='tpm-tis'><backend type='passthrough'/></tpm>
    <graphics type='vnc' passwd='secret'/>
  </devices>
  <qemu:commandline><qemu:arg value='-no-shutdown'/></qemu:commandline>
</domain>"""


def new_machine(**more: object) -> NewMachine:
    values: dict[str, object] = {"uuid": UUID_1, "name": "web", "vcpus": 2, "memory": GIB}
    return NewMachine.model_validate(values | more)


def built(new: NewMachine, *sources: DiskSource, platform: Platform = EMULATED) -> etree._Element:
    return parse_domain(build_domain(new, sources, platform))


def reading(root: etree._Element) -> Reading:
    return read(root, {"/pools/images": "images"})


def texts(root: etree._Element, path: str, attribute: str) -> list[str | None]:
    return [element.get(attribute) for element in root.findall(path)]


class TestANewMachine:
    def test_is_read_back_as_it_was_asked_for(self) -> None:
        disk = NewDisk(storage_pool="images", volume="web.qcow2")
        nic = NewNic(mac="52:54:00:00:00:01")

        found = reading(
            built(new_machine(disks=(disk,), nics=(nic,)), DiskSource("/pools/images/web.qcow2", "qcow2"))
        )

        assert (found.vcpus, found.memory, found.firmware) == (2, GIB, Firmware.BIOS)
        assert [(d.target, d.bus, d.storage_pool, d.volume, d.format) for d in found.disks] == [
            ("vda", "virtio", "images", "web.qcow2", "qcow2")
        ]
        assert [(n.mac, n.kind, n.network, n.model) for n in found.nics] == [
            ("52:54:00:00:00:01", "network", "default", "virtio")
        ]
        assert found.consoles.graphics
        assert found.consoles.serial
        assert found.boot_order == ("hd", "cdrom", "network")

    def test_has_no_open_port(self) -> None:
        root = built(new_machine())

        assert texts(root, "devices/graphics/listen", "type") == ["none"]
        assert not root.xpath("//@port[not(. = '0')]")

    def test_keeps_what_its_serial_console_says(self) -> None:
        xml = build_domain(new_machine(), (), EMULATED)

        assert serial_log(xml) == f"/var/log/skerry/{UUID_1}-serial0.log"

    def test_gives_back_what_its_disks_no_longer_need(self) -> None:
        disk = NewDisk(storage_pool="images", volume="web")

        driver = built(new_machine(disks=(disk,)), DiskSource("/x", "qcow2")).find("devices/disk/driver")

        assert driver is not None
        assert driver.get("discard") == "unmap"

    def test_has_cds_that_cannot_be_written(self) -> None:
        cd = NewDisk(storage_pool="isos", volume="debian.iso", device="cdrom")

        found = reading(built(new_machine(disks=(cd,)), DiskSource("/isos/debian.iso", "raw"))).disks[0]

        assert (found.device, found.target, found.bus, found.read_only) == ("cdrom", "sda", "sata", True)

    def test_names_no_two_disks_alike(self) -> None:
        disks = (
            NewDisk(storage_pool="p", volume="a"),
            NewDisk(storage_pool="p", volume="b", bus="scsi"),
            NewDisk(storage_pool="p", volume="c", device="cdrom"),
            NewDisk(storage_pool="p", volume="d"),
        )

        root = built(new_machine(disks=disks), *(DiskSource(f"/p/{n}", "qcow2") for n in "abcd"))

        assert texts(root, "devices/disk/target", "dev") == ["vda", "sda", "sdb", "vdb"]
        assert "virtio-scsi" in texts(root, "devices/controller", "model")

    def test_gets_the_same_addresses_each_time_and_others_than_its_neighbours(self) -> None:
        cards = (NewNic(), NewNic())

        first = reading(built(new_machine(nics=cards))).nics
        again = reading(built(new_machine(nics=cards))).nics

        assert first == again
        assert len({nic.mac for nic in first} | {mac_of(UUID(int=5), 0)}) == 3
        assert all(nic.mac.startswith("52:54:00:") for nic in first)

    @pytest.mark.parametrize("secure", [True, False])
    def test_can_start_from_uefi(self, secure: bool) -> None:
        found = reading(built(new_machine(firmware="uefi", secure_boot=secure)))

        assert (found.firmware, found.secure_boot) == (Firmware.UEFI, secure)

    def test_has_secure_boot_with_uefi_only(self) -> None:
        with pytest.raises(BadInput, match="secure boot needs UEFI"):
            built(new_machine(secure_boot=True))

    def test_can_have_a_tpm(self) -> None:
        assert reading(built(new_machine(tpm=True))).tpm

    def test_can_boot_a_kernel_directly(self) -> None:
        kernel = DirectKernel(kernel="/boot/vmlinuz", initrd="/boot/initrd", command_line="console=ttyS0 a=<b>")

        assert reading(built(new_machine(direct_kernel=kernel))).direct_kernel == kernel

    def test_uses_the_processor_as_it_is_under_kvm(self) -> None:
        root = built(new_machine(), platform=Platform("kvm", "x86_64", Path("/log")))

        assert root.get("type") == "kvm"
        assert texts(root, "cpu", "mode") == ["host-passthrough"]

    def test_takes_any_words_as_its_title(self) -> None:
        root = built(new_machine(title="a <b> & 'ü' 漢字"))

        assert root.findtext("title") == "a <b> & 'ü' 漢字"


class TestADefinitionOfSomebodyElse:
    def test_is_read(self) -> None:
        found = reading(parse_domain(FOREIGN))

        assert (found.vcpus, found.max_vcpus) == (2, 8)
        assert (found.memory, found.max_memory) == (2 * GIB, 4 * GIB)
        assert (found.firmware, found.secure_boot, found.tpm) == (Firmware.UEFI, True, True)
        assert [disk.source for disk in found.disks] == ["/dev/vg/books", "images/two.qcow2", None]
        assert [(disk.storage_pool, disk.volume) for disk in found.disks][1] == ("images", "two.qcow2")
        assert found.boot_order == ("52:54:00:AA:BB:CC", "sda")
        assert not found.nics[0].link_up

    @pytest.mark.parametrize(
        "changes",
        [
            MachineChanges(title="Books", description="of the firm"),
            MachineChanges(vcpus=3),
            MachineChanges(memory=3 * GIB),
            MachineChanges(boot_order=("cdrom", "hd")),
            MachineChanges(direct_kernel=DirectKernel(kernel="/k")),
        ],
        ids=["words", "vcpus", "memory", "boot order", "kernel"],
    )
    def test_keeps_what_we_do_not_know(self, changes: MachineChanges) -> None:
        root = parse_domain(FOREIGN)

        domain_edit.change_domain(root, changes)

        after = write(root)
        for kept in (
            "<!-- the accountants' machine: ask Ada before touching it -->",
            "<terraform:serial>7</terraform:serial></terraform:state>",
            "<memoryBacking><hugepages/></memoryBacking>",
            "<vendor>ACME</vendor>",
            '<qemu:commandline><qemu:arg value="-no-shutdown"/></qemu:commandline>',
        ):
            assert kept in after

    def test_is_the_same_text_where_nothing_is_changed(self) -> None:
        root = parse_domain(FOREIGN)

        domain_edit.change_domain(root, MachineChanges())

        assert etree.canonicalize(write(root), with_comments=True) == etree.canonicalize(
            FOREIGN, with_comments=True
        )


class TestAChange:
    @pytest.fixture
    def root(self) -> etree._Element:
        return parse_domain(FOREIGN)

    def test_of_the_vcpus_takes_along_a_topology_that_no_longer_fits(self, root: etree._Element) -> None:
        domain_edit.change_domain(root, MachineChanges(vcpus=3))

        assert (reading(root).vcpus, reading(root).max_vcpus) == (3, 3)
        assert root.find("cpu/topology") is None

    def test_of_the_vcpus_leaves_a_topology_that_fits(self, root: etree._Element) -> None:
        domain_edit.change_domain(root, MachineChanges(vcpus=8))

        assert root.find("cpu/topology") is not None

    def test_of_the_memory_is_of_both_figures(self, root: etree._Element) -> None:
        domain_edit.change_domain(root, MachineChanges(memory=3 * GIB))

        assert (reading(root).memory, reading(root).max_memory) == (3 * GIB, 3 * GIB)

    def test_of_the_boot_order_replaces_orders_of_devices(self, root: etree._Element) -> None:
        domain_edit.change_domain(root, MachineChanges(boot_order=("cdrom", "hd")))

        assert reading(root).boot_order == ("cdrom", "hd")
        assert root.find("devices/disk/boot") is None

    def test_of_the_title_is_put_where_libvirt_wants_it(self, root: etree._Element) -> None:
        domain_edit.change_domain(root, MachineChanges(title="Books", description="long"))

        assert [child.tag for child in root if isinstance(child.tag, str)][:5] == [
            "name", "uuid", "title", "description", "metadata",
        ]  # fmt: skip

    def test_to_no_title_takes_the_element_out(self, root: etree._Element) -> None:
        domain_edit.change_domain(root, MachineChanges(title="Books"))
        domain_edit.change_domain(root, MachineChanges(title=""))

        assert root.find("title") is None

    def test_of_the_kernel_can_be_taken_back(self, root: etree._Element) -> None:
        before = write(root)
        domain_edit.change_domain(root, MachineChanges(direct_kernel=DirectKernel(kernel="/k", command_line="x")))
        domain_edit.change_domain(root, MachineChanges(remove_direct_kernel=True))

        assert reading(root).direct_kernel is None
        assert etag_of(write(root)) == etag_of(before)

    def test_of_a_medium_gives_the_drive_a_source(self, root: etree._Element) -> None:
        drive = domain_edit.find_disk(root, "sdb")
        domain_edit.set_media(drive, "/isos/debian.iso", "raw")

        assert reading(root).disks[2].source == "/isos/debian.iso"

        domain_edit.set_media(drive, None, "raw")
        assert reading(root).disks[2].source is None

    def test_of_a_disk_that_is_not_there_says_so(self, root: etree._Element) -> None:
        with pytest.raises(NotFound, match="machine books has no disk vdz"):
            domain_edit.find_disk(root, "vdz")

    def test_finds_cards_however_their_address_is_written(self, root: etree._Element) -> None:
        assert domain_edit.find_nic(root, "52:54:00:aa:bb:cc") is root.find("devices/interface")

    def test_that_was_not_shown_a_password_does_not_lose_it(self, root: etree._Element) -> None:
        edited = parse_domain(FOREIGN.replace(" passwd='secret'", ""))

        domain_edit.keep_secrets(root, edited)

        assert texts(edited, "devices/graphics", "passwd") == ["secret"]


class TestAnEtag:
    def test_is_the_same_however_a_definition_is_written_down(self) -> None:
        other = FOREIGN.replace("'", '"').replace("\n  ", "\n        ")

        assert etag_of(other) == etag_of(FOREIGN)

    def test_differs_when_a_value_does(self) -> None:
        assert etag_of(FOREIGN.replace("7.2", "7.1")) != etag_of(FOREIGN)


class TestHostileXml:
    BOMB = '<!DOCTYPE d [<!ENTITY a "x"><!ENTITY b "&a;&a;&a;&a;">]><domain><name>&b;</name></domain>'
    FILE = '<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/passwd">]><domain><name>&a;</name></domain>'

    @pytest.mark.parametrize("text", [BOMB, FILE], ids=["entities in entities", "entity from a file"])
    def test_with_entities_is_refused(self, text: str) -> None:
        with pytest.raises(BadDefinition, match="document type"):
            parse(text)

    @pytest.mark.parametrize("text", ["", "no xml", "<domain>", "<domain/><domain/>", "<a>\0</a>", "\ud800"])
    def test_that_is_none_is_refused(self, text: str) -> None:
        with pytest.raises(BadDefinition, match="not well-formed"):
            parse(text)

    def test_that_is_too_long_is_refused(self) -> None:
        with pytest.raises(BadDefinition, match="longer than"):
            parse("<domain>" + " " * MOST_XML + "</domain>")

    def test_of_something_else_is_refused_by_name(self) -> None:
        with pytest.raises(BadDefinition, match="root is <network>, not <domain>"):
            parse_domain("<network/>")


def test_disks_are_named_past_z() -> None:
    taken = {f"vd{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"}

    assert free_target("virtio", taken) == "vdaa"


def test_words_that_xml_cannot_hold_are_refused() -> None:
    with pytest.raises(BadInput, match="characters that a definition cannot"):
        element("title", "a\0b")
