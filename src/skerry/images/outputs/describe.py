"""Machines for what was built, as XML beside it: a libvirt domain, and virt-image's form.

The domain names its files by their whole paths, as libvirt wants it, so it can be defined as it is:

    virsh define web.qcow2.libvirt.xml && virsh start web

virt-image's form (virt-image(5)) is what appliance-creator wrote: it names files beside itself, and counts memory
in KiB and sizes of disks in MB, which are 2^20 bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from skerry.images.words import Meaning
from skerry.sizes import KIB, MIB

MEMORY = 512 * MIB  # what appliance-creator gave, and twice what the appliance base needs
LIVE_MEMORY = 1024 * MIB  # everything that a live system writes is in memory
_FORMATS = {".raw": "raw", ".qcow2": "qcow2", ".iso": "iso"}


@dataclass(frozen=True)
class Medium:
    """A disk or CD that was built."""

    file: str  # its name
    size: int  # bytes that the machine sees
    sha256: str

    @property
    def format(self) -> str:
        """raw, qcow2 or iso."""
        return _FORMATS[Path(self.file).suffix]


@dataclass(frozen=True)
class Machine:
    """A machine that starts what was built."""

    name: str
    media: tuple[Medium, ...]
    networks: int = 1

    @property
    def is_live(self) -> bool:
        """Whether it starts from a CD."""
        return self.media[0].format == "iso"

    @property
    def memory(self) -> int:
        """Bytes."""
        return LIVE_MEMORY if self.is_live else MEMORY

    def targets(self) -> list[tuple[Medium, str]]:
        """The media with the devices that they are: vda, vdb … or a CD drive."""
        first = "sd" if self.is_live else "vd"
        return [(medium, f"{first}{chr(ord('a') + number)}") for number, medium in enumerate(self.media)]


def describe(name: str, meaning: Meaning, outputs: Mapping[str, Sequence[Medium]], folder: Path) -> dict[str, str]:
    """The texts for what was built, by the names of their files; what no machine starts from has none."""
    found = {}
    for output, media in outputs.items():
        bootable = tuple(medium for medium in media if Path(medium.file).suffix in _FORMATS)
        if bootable:
            machine = Machine(name, bootable, max(len(meaning.networks), 1))
            found[f"{name}.{output}.libvirt.xml"] = domain_xml(machine, folder)
            found[f"{name}.{output}.virt-image.xml"] = virt_image_xml(machine)
    return found


def domain_xml(machine: Machine, folder: Path) -> str:
    """A libvirt domain: q35, virtio, a screen and a serial console."""
    root = ET.Element("domain", type="kvm")
    _add(root, "name", machine.name)
    _add(root, "memory", str(machine.memory // KIB), unit="KiB")
    _add(root, "vcpu", "1")
    system = _add(root, "os")
    _add(system, "type", "hvm", arch="x86_64", machine="q35")
    _add(system, "boot", dev="cdrom" if machine.is_live else "hd")
    features = _add(root, "features")
    _add(features, "acpi")
    _add(features, "apic")
    _add(root, "cpu", mode="host-passthrough", migratable="on")
    devices = _add(root, "devices")
    for medium, target in machine.targets():
        kind = "cdrom" if machine.is_live else "disk"
        disk = _add(devices, "disk", type="file", device=kind)
        _add(disk, "driver", name="qemu", type="raw" if medium.format == "iso" else medium.format)
        _add(disk, "source", file=str(folder.absolute() / medium.file))
        _add(disk, "target", dev=target, bus="sata" if machine.is_live else "virtio")
        if machine.is_live:
            _add(disk, "readonly")
    for _ in range(machine.networks):
        interface = _add(devices, "interface", type="network")
        _add(interface, "source", network="default")
        _add(interface, "model", type="virtio")
    _add(_add(devices, "serial", type="pty"), "target", port="0")
    _add(_add(devices, "console", type="pty"), "target", type="serial", port="0")
    _add(devices, "graphics", type="vnc", listen="127.0.0.1")
    _add(_add(devices, "video"), "model", type="virtio")
    _add(_add(devices, "rng", model="virtio"), "backend", "/dev/urandom", model="random")
    return _text(root)


def virt_image_xml(machine: Machine) -> str:
    """virt-image's form of the same."""
    root = ET.Element("image")
    _add(root, "name", machine.name)
    domain = _add(root, "domain")
    boot = _add(domain, "boot", type="hvm")
    guest = _add(boot, "guest")
    _add(guest, "arch", "x86_64")
    features = _add(guest, "features")
    _add(features, "acpi")
    _add(features, "apic")
    _add(_add(boot, "os"), "loader", dev="cdrom" if machine.is_live else "hd")
    for medium, target in machine.targets():
        _add(boot, "drive", disk=medium.file, target=target)
    devices = _add(domain, "devices")
    _add(devices, "vcpu", "1")
    _add(devices, "memory", str(machine.memory // KIB))
    for _ in range(machine.networks):
        _add(devices, "interface")
    _add(devices, "graphics")
    storage = _add(root, "storage")
    for medium in machine.media:
        size = str(-(-medium.size // MIB))
        disk = _add(storage, "disk", file=medium.file, use="system", format=medium.format, size=size)
        _add(disk, "checksum", medium.sha256, type="sha256")
    return _text(root)


def _add(parent: ET.Element, tag: str, text: str = "", /, **attributes: str) -> ET.Element:
    child = ET.SubElement(parent, tag, attributes)
    child.text = text or None
    return child


def _text(root: ET.Element) -> str:
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"
