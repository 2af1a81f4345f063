"""Which parts of a definition a person may write who has the machine and not the host."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree
from tests.unit.host.suite.given import POOL, new

from skerry.host.hardware import DEVICES, OTHERS, foreign_part, known_parts
from skerry.host.types import Firmware, NewDisk, NewNic
from skerry.hypervisor.domain_xml import DiskSource, Platform, build_domain
from skerry.hypervisor.xml import parse_domain

TARGET = "<target dev='vdb' bus='virtio'/>"
PCI = "<address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>"


def foreign(device: str, stored: str = "") -> str | None:
    """What is refused of a device, in a machine that has others."""
    old = parse_domain(f"<domain><devices>{stored}</devices></domain>")
    (part,) = parse_domain(f"<domain><devices>{device}</devices></domain>").findall("devices/*")
    return foreign_part(part, DEVICES, known_parts(old))


@pytest.mark.parametrize(
    "device",
    [
        f"<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/x'/>{TARGET}</disk>",
        f"<disk><source file='/x'/>{TARGET}<iotune><x>9</x></iotune><boot order='1'/></disk>",
        "<disk type='volume'><source pool='p' volume='v'/><target dev='sda' bus='scsi'/><serial>7</serial></disk>",
        "<disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>",
        f"<disk type='file'><source file='/x'/><backingStore/>{TARGET}{PCI}</disk>",
        "<interface type='network'><source network='default'/><model type='virtio'/><boot order='2'/></interface>",
        "<interface type='bridge'><mac address='52:54:00:1:2:3'/><source bridge='b'/><mtu size='9'/></interface>",
        "<interface type='user'><model type='e1000e'/><link state='down'/><rom enabled='no'/></interface>",
        "<controller type='scsi' model='virtio-scsi'><driver queues='4'/></controller>",
        "<controller type='pci' model='pcie-root-port'><target chassis='1'/></controller>",
        "<serial type='pty'><target type='isa-serial' port='0'><model name='isa-serial'/></target></serial>",
        "<console type='pty'><target type='virtio' port='1'/></console>",
        "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>",
        "<channel type='unix'><source mode='bind'/><target type='virtio' name='org.other.0'/></channel>",
        "<channel type='spicevmc'><target type='virtio' name='com.redhat.spice.0'/></channel>",
        "<redirdev bus='usb' type='spicevmc'/>",
        "<graphics type='spice' port='-1'><listen type='none'/><image compression='off'/></graphics>",
        "<video><model type='qxl' ram='65536' heads='1' primary='yes'/></video>",
        "<input type='keyboard' bus='virtio'/>",
        "<sound model='ich9'><codec type='duplex'/><audio id='1'/></sound>",
        "<audio id='1' type='none'/>",
        "<watchdog model='i6300esb' action='reset'/>",
        "<memballoon model='virtio' autodeflate='on'><stats period='5'/></memballoon>",
        "<rng model='virtio'><rate bytes='9'/><backend model='random'>/dev/urandom</backend></rng>",
        "<rng model='virtio'><backend model='builtin'/></rng>",
        "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>",
        "<panic model='isa'/>",
        "<hub type='usb'/>",
    ],
)
def test_what_ordinary_people_need_is_theirs(device: str) -> None:
    assert foreign(device) is None


@pytest.mark.parametrize(
    ("device", "told"),
    [
        (
            f"<disk type='nvme'><source type='pci' managed='yes' namespace='1'>{PCI}</source>{TARGET}</disk>",
            "'nvme'",
        ),
        (f"<disk type='vhostuser'><source type='unix' path='/s'/>{TARGET}</disk>", "'vhostuser'"),
        (f"<disk type='vhostvdpa'><source dev='/dev/vhost-vdpa-0'/>{TARGET}</disk>", "'vhostvdpa'"),
        (f"<disk type='network'><source protocol='nbd' name='x'/>{TARGET}</disk>", "'network'"),
        (f"<disk type='block'><source dev='/dev/sda'/>{TARGET}</disk>", "'block'"),
        (f"<disk type='dir'><source dir='/etc'/>{TARGET}</disk>", "'dir'"),
        (f"<disk type='volume' device='lun'><source pool='p' volume='v'/>{TARGET}</disk>", "'lun'"),
        (f"<disk><source file='/x' fdgroup='1'/>{TARGET}</disk>", "<source> in <disk> with fdgroup"),
        (f"<disk><source file='/x'><slices/></source>{TARGET}</disk>", "<slices> in <source> in <disk>"),
        (f"<disk><source file='/x'><reservations managed='yes'/></source>{TARGET}</disk>", "<reservations>"),
        (f"<disk><source file='/x'><dataStore/></source>{TARGET}</disk>", "<dataStore>"),
        (f"<disk><source file='/x'><encryption format='luks'/></source>{TARGET}</disk>", "<encryption>"),
        (f"<disk><source file='/x'><seclabel relabel='no'/></source>{TARGET}</disk>", "<seclabel>"),
        (f"<disk><source file='/x'/><mirror file='/y'/>{TARGET}</disk>", "<mirror> in <disk>"),
        (f"<disk><source file='/x'/><transient/>{TARGET}</disk>", "<transient> in <disk>"),
        (
            f"<disk><backingStore type='block'><source dev='/dev/sda'/></backingStore>{TARGET}</disk>",
            "<backingStore>",
        ),
        (f"<disk><y:source xmlns:y='u:y' file='/y'/>{TARGET}</disk>", "<source> in <disk>"),
        ("<interface type='ethernet'/>", "'ethernet'"),
        ("<interface type='direct'><source dev='eth0'/></interface>", "'direct'"),
        ("<interface type='server'><source address='0.0.0.0' port='5'/></interface>", "'server'"),
        ("<interface type='user'><backend type='passt'/></interface>", "<backend> in <interface>"),
        ("<interface type='user'><portForward proto='tcp' address='0.0.0.0'/></interface>", "<portForward>"),
        ("<interface type='network'><source network='n' portgroup='g'/></interface>", "portgroup='g'"),
        ("<interface type='bridge'><source bridge='b'/><vlan><tag id='4'/></vlan></interface>", "<vlan>"),
        ("<interface type='bridge'><source bridge='b'/><target dev='eth0'/></interface>", "<target>"),
        ("<interface type='bridge'><source bridge='b'/><script path='x'/></interface>", "<script>"),
        ("<interface type='network'><source network='n'/><rom file='x'/></interface>", "<rom>"),
        ("<serial type='file'><source path='x'/></serial>", "'file'"),
        ("<serial type='tcp'><source mode='bind' host='::' service='1'/></serial>", "'tcp'"),
        ("<channel type='unix'><source mode='bind' path='x'/></channel>", "path='x'"),
        ("<channel type='unix'><source mode='connect'/></channel>", "mode='connect'"),
        ("<channel type='pty'><target type='guestfwd' address='10.0.2.1' port='1'/></channel>", "'guestfwd'"),
        ("<channel type='dbus'><source channel='org.qemu'/></channel>", "'dbus'"),
        ("<redirdev bus='usb' type='tcp'/>", "'tcp'"),
        (
            "<rng model='virtio'><backend model='egd' type='tcp'><source mode='bind' host='::'/></backend></rng>",
            "egd",
        ),
        ("<rng model='virtio'><backend model='egd' type='udp'/></rng>", "model='egd'"),
        (
            "<rng model='virtio'><backend model='random'>/dev/sda</backend></rng>",
            "<backend> in <rng> with '/dev/sda'",
        ),
        ("<graphics type='vnc' port='5900'><listen type='none'/></graphics>", "port='5900'"),
        ("<graphics type='vnc' websocket='5700'><listen type='none'/></graphics>", "websocket='5700'"),
        ("<graphics type='vnc'><listen type='socket'/></graphics>", "'socket'"),
        ("<graphics type='spice'><listen type='none'/><gl enable='yes'/></graphics>", "<gl>"),
        ("<graphics type='dbus' p2p='yes'/>", "'dbus'"),
        ("<graphics type='sdl' display=':0'/>", "'sdl'"),
        ("<video><driver name='vhostuser'/><model type='virtio'/></video>", "'vhostuser'"),
        ("<video><model type='virtio'><acceleration accel3d='yes'/></model></video>", "accel3d='yes'"),
        ("<input type='evdev'><source dev='/dev/input/event0'/></input>", "'evdev'"),
        ("<input type='passthrough' bus='virtio'/>", "'passthrough'"),
        ("<audio id='1' type='file' path='x'/>", "'file'"),
        ("<audio id='1' type='pulseaudio' serverName='tcp:h'/>", "'pulseaudio'"),
        ("<watchdog model='i6300esb' action='dump'/>", "'dump'"),
        ("<tpm><backend type='passthrough'/></tpm>", "'passthrough'"),
        (
            "<tpm><backend type='external'><source type='unix' mode='connect' path='x'/></backend></tpm>",
            "'external'",
        ),
        (
            "<tpm><backend type='emulator'><source type='dir' path='x'/></backend></tpm>",
            "<source> in <backend> in <tpm>",
        ),
        ("<tpm><backend type='emulator'><encryption secret='s'/></backend></tpm>", "<encryption>"),
        ("<smartcard mode='host'/>", "'host'"),
        ("<smartcard mode='host-certificates'><certificate>c</certificate></smartcard>", "'host-certificates'"),
        ("<filesystem type='ram'><source usage='9'/><target dir='r'/></filesystem>", "<filesystem>"),
        ("<hostdev mode='subsystem' type='usb'/>", "<hostdev>"),
        ("<shmem name='s'/>", "<shmem>"),
        ("<vsock><cid auto='yes'/></vsock>", "<vsock>"),
        ("<crypto model='virtio' type='qemu'><backend model='lkcf'/></crypto>", "<crypto>"),
        ("<memory model='nvdimm'/>", "<memory>"),
        ("<lease><key>k</key></lease>", "<lease>"),
        ("<pstore backend='acpi-erst'/>", "<pstore>"),
        ("<invented-tomorrow/>", "<invented-tomorrow>"),
    ],
)
def test_what_reaches_the_host_is_named_and_refused(device: str, told: str) -> None:
    assert told in str(foreign(device))


@pytest.mark.parametrize(
    ("part", "allowed"),
    [
        ("<cpu mode='host-model'><topology sockets='1' cores='2' threads='1'/></cpu>", True),
        ("<features><acpi/><hyperv><relaxed state='on'/></hyperv></features>", True),
        ("<clock offset='localtime'><timer name='rtc' tickpolicy='catchup'/></clock>", True),
        ("<os firmware='efi'><type arch='x86_64'>hvm</type><boot dev='hd'/><bootmenu enable='yes'/></os>", True),
        ("<vcpu placement='static' current='1'>2</vcpu>", True),
        ("<sysinfo type='smbios'><bios><entry name='vendor'>x</entry></bios></sysinfo>", True),
        ("<on_crash>restart</on_crash>", True),
        ("<on_crash>coredump-restart</on_crash>", False),
        ("<sysinfo type='fwcfg'><entry name='opt/x' file='x'/></sysinfo>", False),
        ("<os><type>hvm</type><loader readonly='no'>x</loader></os>", False),
        ("<os><type>hvm</type><nvram type='network'><source protocol='nbd' name='x'/></nvram></os>", False),
        ("<os><type>hvm</type><acpi><table type='slic'>x</table></acpi></os>", False),
        ("<vcpu cpuset='0'>1</vcpu>", False),
        ("<cputune><vcpusched vcpus='0' scheduler='fifo' priority='99'/></cputune>", False),
        ("<memoryBacking><locked/></memoryBacking>", False),
        ("<resource><partition>machine</partition></resource>", False),
        ("<seclabel type='none'/>", False),
        ("<q:commandline xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'/>", False),
    ],
)
def test_beside_devices_too_only_what_is_the_machines_own_is_taken(part: str, allowed: bool) -> None:
    root = parse_domain(f"<domain>{part}</domain>")

    assert (foreign_part(root[0], OTHERS, frozenset()) is None) == allowed


def test_what_an_administrator_put_in_stays_while_it_is_as_it_was() -> None:
    network = "<source network='n' portgroup='g'/>"
    stored = f"<interface type='network'>{network}<model type='virtio'/></interface><shmem name='s'/>"

    assert foreign("<shmem name='s'/>", stored) is None
    assert foreign(f"<interface type='network'>{network}<model type='e1000e'/></interface>", stored) is None
    assert "<shmem>" in str(foreign("<shmem name='t'/>", stored))
    assert "portgroup='h'" in str(
        foreign("<interface type='network'><source network='n' portgroup='h'/></interface>")
    )


def test_a_part_is_known_only_where_it_was() -> None:
    source = "<source mode='bind' path='/s'/>"

    assert foreign(f"<channel type='unix'>{source}</channel>", f"<channel type='unix'>{source}</channel>") is None
    assert "path='/s'" in str(foreign(f"<console type='pty'>{source}</console>", f"<channel>{source}</channel>"))


def test_all_that_machines_of_ours_have_may_be_written_by_anybody() -> None:
    disks = tuple(NewDisk(storage_pool=POOL, volume=f"v{bus}", bus=bus) for bus in ("virtio", "scsi", "sata"))
    nics = tuple(NewNic(kind=kind, network="n") for kind in ("network", "bridge", "user"))
    cd = NewDisk(device="cdrom")
    machine = new(nics=nics).model_copy(
        update={"disks": (*disks, cd), "firmware": Firmware.UEFI, "secure_boot": True, "tpm": True}
    )
    platform = Platform(domain_type="kvm", architecture="x86_64", serial_logs=Path("/l"))
    sources = (*(DiskSource(f"/v/{disk.volume}", "qcow2") for disk in disks), None)
    root = parse_domain(build_domain(machine, sources, platform))

    parts = [(part, OTHERS) for part in root.iterchildren(etree.Element) if part.tag != "devices"]
    parts += [(part, DEVICES) for part in root.findall("devices/*")]
    assert [foreign_part(part, shapes, frozenset()) for part, shapes in parts] == [None] * len(parts)
