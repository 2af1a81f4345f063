"""What a domain's XML says, as our values."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import get_args

from lxml import etree

from skerry.hypervisor.types import Consoles, DirectKernel, Disk, Firmware, Nic
from skerry.hypervisor.xml import canonical, parse_domain

_UNITS = {
    "b": 1, "bytes": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "k": 2**10, "kib": 2**10, "m": 2**20, "mib": 2**20, "g": 2**30, "gib": 2**30, "t": 2**40, "tib": 2**40,
}  # fmt: skip
_DEVICES = get_args(Disk.model_fields["device"].annotation)

Folders = Mapping[str, str]  # folder -> the storage pool that shows it


@dataclass(frozen=True)
class Reading:
    """All of a definition that we model; compared to tell whether a running machine differs from it."""

    vcpus: int
    max_vcpus: int
    memory: int
    max_memory: int
    firmware: Firmware
    secure_boot: bool
    tpm: bool
    disks: tuple[Disk, ...]
    nics: tuple[Nic, ...]
    boot_order: tuple[str, ...]
    direct_kernel: DirectKernel | None
    consoles: Consoles


def etag_of(xml: str) -> str:
    """Changes whenever the definition does, and not with how it is written down."""
    return hashlib.sha256(canonical(xml)).hexdigest()[:32]


def read(root: etree._Element, folders: Folders) -> Reading:
    """Read a domain's XML; `folders` tells which files are volumes of a storage pool."""
    vcpu = root.find("vcpu")
    max_vcpus = _number(vcpu, 1)
    max_memory = _memory(root.find("memory"), 0)
    return Reading(
        vcpus=max_vcpus if vcpu is None else int(vcpu.get("current", max_vcpus)),
        max_vcpus=max_vcpus,
        memory=_memory(root.find("currentMemory"), max_memory),
        max_memory=max_memory,
        firmware=_firmware(root),
        secure_boot=_secure_boot(root),
        tpm=root.find("devices/tpm") is not None,
        disks=tuple(_disk(element, folders) for element in root.findall("devices/disk")),
        nics=tuple(_nic(element) for element in root.findall("devices/interface")),
        boot_order=_boot_order(root),
        direct_kernel=_direct_kernel(root),
        consoles=Consoles(
            graphics=any(graphics.get("type") == "vnc" for graphics in root.findall("devices/graphics")),
            serial=root.find("devices/serial") is not None or root.find("devices/console") is not None,
        ),
    )


def title_and_description(root: etree._Element) -> tuple[str, str]:
    """The words that people gave a machine."""
    return (root.findtext("title") or "").strip(), (root.findtext("description") or "").strip()


def serial_log(xml: str) -> str | None:
    """The path of the file that keeps what a machine wrote on its first serial console."""
    root = parse_domain(xml)
    for log in (*root.findall("devices/serial/log"), *root.findall("devices/console/log")):
        if log.get("file"):
            return log.get("file")
    return None


def disk_paths(root: etree._Element) -> Iterator[str]:
    """Paths of all disks that are files or devices."""
    for source in root.findall("devices/disk/source"):
        path = source.get("file") or source.get("dev")
        if path:
            yield path


def _number(element: etree._Element | None, default: int) -> int:
    try:
        return int((element.text or "").strip()) if element is not None else default
    except ValueError:
        return default


def _memory(element: etree._Element | None, default: int) -> int:
    if element is None:
        return default
    return _number(element, 0) * _UNITS.get(element.get("unit", "KiB").lower(), 1024)


def _firmware(root: etree._Element) -> Firmware:
    os = root.find("os")
    if os is None:
        return Firmware.BIOS
    loader = os.find("loader")
    is_efi = os.get("firmware") == "efi" or (loader is not None and loader.get("type") == "pflash")
    return Firmware.UEFI if is_efi else Firmware.BIOS


def _secure_boot(root: etree._Element) -> bool:
    loader = root.find("os/loader")
    if loader is not None and loader.get("secure") == "yes":
        return True
    features = root.findall("os/firmware/feature")
    return any(feature.get("name") == "secure-boot" and feature.get("enabled") == "yes" for feature in features)


def _boot_order(root: etree._Element) -> tuple[str, ...]:
    devices = [word for boot in root.findall("os/boot") if (word := boot.get("dev"))]
    if devices:
        return tuple(devices)
    ordered: list[tuple[int, str]] = []
    for boot in root.findall("devices/*/boot"):
        device = boot.getparent()
        assert device is not None
        target, mac = device.find("target"), device.find("mac")
        name = mac.get("address") if mac is not None else target.get("dev") if target is not None else None
        ordered.append((_whole(boot.get("order")) or 0, name or str(device.tag)))
    return tuple(name for _, name in sorted(ordered))


def _direct_kernel(root: etree._Element) -> DirectKernel | None:
    kernel = root.findtext("os/kernel")
    if not kernel:
        return None
    return DirectKernel(
        kernel=kernel,
        initrd=root.findtext("os/initrd") or None,
        command_line=root.findtext("os/cmdline") or "",
    )


def _disk(element: etree._Element, folders: Folders) -> Disk:
    target, source, driver = element.find("target"), element.find("source"), element.find("driver")
    name, pool, volume = _source(source, folders)
    device = element.get("device", "disk")
    return Disk(
        target="" if target is None else target.get("dev", ""),
        device=device if device in _DEVICES else "disk",
        bus="" if target is None else target.get("bus", ""),
        source=name,
        storage_pool=pool,
        volume=volume,
        format=None if driver is None else driver.get("type"),
        read_only=element.find("readonly") is not None or device == "cdrom",
        boot_order=_own_boot_order(element),
    )


def _source(source: etree._Element | None, folders: Folders) -> tuple[str | None, str | None, str | None]:
    """What the guest's disk is on: its name, and pool and volume where that is what it is."""
    if source is None:
        return None, None, None
    pool, volume = source.get("pool"), source.get("volume")
    if pool and volume:
        return f"{pool}/{volume}", pool, volume
    path = source.get("file") or source.get("dev")
    if path:
        folder, _, name = path.rpartition("/")
        pool = folders.get(folder)
        return path, pool, name if pool else None
    return source.get("name") or source.get("dir"), None, None


def _nic(element: etree._Element) -> Nic:
    source, mac = element.find("source"), element.find("mac")
    model, link = element.find("model"), element.find("link")
    plugged = None
    if source is not None:
        plugged = source.get("network") or source.get("bridge") or source.get("dev") or source.get("name")
    return Nic(
        mac="" if mac is None else mac.get("address", ""),
        kind=element.get("type", ""),
        network=plugged,
        model=None if model is None else model.get("type"),
        link_up=link is None or link.get("state") != "down",
        boot_order=_own_boot_order(element),
    )


def _own_boot_order(element: etree._Element) -> int | None:
    boot = element.find("boot")
    return None if boot is None else _whole(boot.get("order"))


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None
