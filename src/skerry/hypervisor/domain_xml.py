"""A new machine's XML: q35, virtio, two consoles, no open port.

What libvirt fills in well by itself (addresses on the PCI bus, controllers, the exact machine version) is left to
it. Consoles are reached through libvirt: the graphics one has no listener at all, the serial one is a pty whose
output is also kept in a file.
"""

from __future__ import annotations

import hashlib
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from lxml import etree

from skerry.errors import BadInput, InUse
from skerry.hypervisor.types import DirectKernel, Firmware, NewDisk, NewMachine, NewNic
from skerry.hypervisor.xml import element, write

NAMESPACE = "urn:skerry:machine:1"
_BALLOON_PERIOD_S = 10  # how often the guest says how much memory it uses
_OWN_SLOTS = 4  # USB, serial channels, balloon, random numbers
_SPARE_SLOTS = 4  # for devices that are put in while the machine runs; one port takes one device
_PREFIX = {"virtio": "vd", "sata": "sd", "scsi": "sd", "usb": "sd", "ide": "hd", "fdc": "fd"}


@dataclass(frozen=True)
class Platform:
    """What a host gives to all its new machines."""

    domain_type: str  # kvm, or qemu for emulation
    architecture: str  # as libvirt calls it, such as x86_64
    serial_logs: Path  # the folder where libvirt's log daemon may keep the output of serial consoles


@dataclass(frozen=True)
class DiskSource:
    """Where a volume is."""

    path: str
    format: str


def build_domain(new: NewMachine, sources: Sequence[DiskSource | None], platform: Platform) -> str:
    """The XML of a new machine; `sources` are those of its disks, in their order; None: an empty drive."""
    root = element("domain", type=platform.domain_type)
    root.extend((element("name", new.name), element("uuid", str(new.uuid))))
    if new.title:
        root.append(element("title", new.title))
    if new.description:
        root.append(element("description", new.description))
    metadata = element("metadata", etree.Element(f"{{{NAMESPACE}}}machine", nsmap={"skerry": NAMESPACE}))
    root.append(metadata)
    root.append(element("memory", str(new.memory // 1024), unit="KiB"))
    root.append(element("vcpu", str(new.vcpus)))
    root.extend((_os(new, platform), _features(new), _cpu(platform), _clock()))
    root.extend(
        (element("on_poweroff", "destroy"), element("on_reboot", "restart"), element("on_crash", "destroy"))
    )
    root.append(element("pm", element("suspend-to-mem", enabled="no"), element("suspend-to-disk", enabled="no")))
    root.append(element("devices", *_devices(new, sources, platform)))
    return write(root)


def disk_element(disk: NewDisk, source: DiskSource | None, taken: set[str]) -> etree._Element:
    """A disk or CD drive, without a source an empty one.

    Its target is the one that it asks for, or the first one that is not taken; then it is taken.

    Raises:
        InUse: another disk has the target that it asks for.
    """
    bus = disk.on_bus
    if disk.target in taken:
        raise InUse(f"the machine has another disk {disk.target}", hint="leave the target out")
    target = disk.target or free_target(bus, taken)
    taken.add(target)
    driver = {"name": "qemu", "type": "raw" if source is None else source.format}
    read_only = disk.read_only or disk.device == "cdrom"
    if not read_only:
        driver |= {"discard": "unmap", "detect_zeroes": "unmap"}
    device = element(
        "disk",
        element("driver", **driver),
        *(() if source is None else (element("source", file=source.path),)),
        element("target", dev=target, bus=bus),
        type="file",
        device=disk.device,
    )
    if read_only:
        device.append(element("readonly"))
    return device


def nic_element(nic: NewNic, mac: str) -> etree._Element:
    """A network card."""
    device = element("interface", element("mac", address=mac), type=nic.kind)
    if nic.kind == "network":
        device.append(element("source", network=nic.network))
    elif nic.kind == "bridge":
        device.append(element("source", bridge=nic.network))
    device.append(element("model", type=nic.model))
    return device


def free_target(bus: str, taken: set[str]) -> str:
    """The first name for a disk on this bus that no other disk has."""
    for name in _targets(_PREFIX.get(bus, "sd")):
        if name not in taken:
            return name
    raise BadInput(f"the machine has all disks on the {bus} bus that it can have")


def mac_of(uuid: UUID, number: int) -> str:
    """The MAC address of a machine's card: always the same one for the same machine and number."""
    digest = hashlib.sha256(f"{uuid} {number}".encode()).digest()
    return "52:54:00:" + ":".join(f"{byte:02x}" for byte in digest[:3])


def os_children(direct_kernel: DirectKernel | None, boot_order: Sequence[str]) -> Iterator[etree._Element]:
    """The children of `<os>` that say what to boot."""
    if direct_kernel is not None:
        yield element("kernel", direct_kernel.kernel)
        if direct_kernel.initrd:
            yield element("initrd", direct_kernel.initrd)
        if direct_kernel.command_line:
            yield element("cmdline", direct_kernel.command_line)
    for device in boot_order:
        yield element("boot", dev=device)


def _targets(prefix: str) -> Iterator[str]:
    for letter in string.ascii_lowercase:
        yield prefix + letter
    for first in string.ascii_lowercase:
        for second in string.ascii_lowercase:
            yield prefix + first + second


def _os(new: NewMachine, platform: Platform) -> etree._Element:
    machine = "q35" if platform.architecture == "x86_64" else "virt"
    os = element("os", element("type", "hvm", arch=platform.architecture, machine=machine))
    if new.firmware is Firmware.UEFI:
        os.set("firmware", "efi")
        word = "yes" if new.secure_boot else "no"
        features = ("secure-boot", "enrolled-keys")
        os.append(element("firmware", *(element("feature", enabled=word, name=name) for name in features)))
    elif new.secure_boot:
        raise BadInput("secure boot needs UEFI firmware", hint="choose UEFI, or switch secure boot off")
    os.extend(os_children(new.direct_kernel, new.boot_order))
    return os


def _features(new: NewMachine) -> etree._Element:
    features = element("features", element("acpi"), element("apic"))
    if new.secure_boot:
        features.append(element("smm", state="on"))
    return features


def _cpu(platform: Platform) -> etree._Element:
    if platform.domain_type == "kvm":
        return element("cpu", mode="host-passthrough", check="none", migratable="on")
    # All that the emulator can, but what only costs time there: page tables of five levels, machines in machines.
    off = (element("feature", policy="disable", name=name) for name in ("la57", "svm"))
    return element("cpu", *off, mode="maximum", check="none")


def _clock() -> etree._Element:
    return element(
        "clock",
        element("timer", name="rtc", tickpolicy="catchup"),
        element("timer", name="pit", tickpolicy="delay"),
        element("timer", name="hpet", present="no"),
        offset="utc",
    )


def _devices(
    new: NewMachine, sources: Sequence[DiskSource | None], platform: Platform
) -> Iterator[etree._Element]:
    taken: set[str] = set()
    for disk, source in zip(new.disks, sources, strict=True):
        yield disk_element(disk, source, taken)
    if any(disk.bus == "scsi" for disk in new.disks):
        yield element("controller", type="scsi", model="virtio-scsi")
    yield element("controller", type="usb", model="qemu-xhci")
    if platform.architecture == "x86_64":
        yield element("controller", type="pci", index="0", model="pcie-root")
        for _ in range(_slots(new) + _SPARE_SLOTS):
            yield element("controller", type="pci", model="pcie-root-port")
    for number, nic in enumerate(new.nics):
        yield nic_element(nic, nic.mac or mac_of(new.uuid, number))
    log = platform.serial_logs / f"{new.uuid}-serial0.log"
    yield element("serial", element("log", file=str(log), append="off"), element("target", port="0"), type="pty")
    yield element("channel", element("target", type="virtio", name="org.qemu.guest_agent.0"), type="unix")
    yield element("input", type="tablet", bus="usb")
    yield element("graphics", element("listen", type="none"), type="vnc", sharePolicy="ignore")
    yield element("video", element("model", type="virtio"))
    yield element("memballoon", element("stats", period=str(_BALLOON_PERIOD_S)), model="virtio")
    yield element("rng", element("backend", "/dev/urandom", model="random"), model="virtio")
    if new.tpm:
        yield element("tpm", element("backend", type="emulator", version="2.0"), model="tpm-crb")


def _slots(new: NewMachine) -> int:
    """How many PCI Express ports the devices take; libvirt would add as many by itself, and none to spare."""
    disks = sum((disk.bus or "virtio") == "virtio" for disk in new.disks if disk.device == "disk")
    scsi = any(disk.bus == "scsi" for disk in new.disks)
    return disks + scsi + len(new.nics) + _OWN_SLOTS
