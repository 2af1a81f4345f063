"""Disks, CDs and network cards of machines that are there already.

The stored definition is changed first, then the running machine. Where a device cannot come or go while the
machine runs, the change waits for its restart (`Machine.needs_restart` says so).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from uuid import UUID

import libvirt
from lxml import etree

from skerry.errors import BadInput, InUse
from skerry.hypervisor.domain_edit import find_disk, find_nic, set_media, targets
from skerry.hypervisor.domain_xml import DiskSource, disk_element, nic_element
from skerry.hypervisor.networks import plugged
from skerry.hypervisor.reading import INACTIVE, find, read_machine
from skerry.hypervisor.types import Machine, NewDisk, NewNic
from skerry.hypervisor.volumes import locate
from skerry.hypervisor.xml import parse_domain, write

_CONFIG = libvirt.VIR_DOMAIN_AFFECT_CONFIG
_LIVE = libvirt.VIR_DOMAIN_AFFECT_LIVE
# What libvirt says where a kind of device cannot come or go while the machine runs, or all slots are taken.
_NOT_WHILE_RUNNING = frozenset(
    {
        libvirt.VIR_ERR_OPERATION_UNSUPPORTED,
        libvirt.VIR_ERR_CONFIG_UNSUPPORTED,
        libvirt.VIR_ERR_INTERNAL_ERROR,
        libvirt.VIR_ERR_XML_ERROR,
        libvirt.VIR_ERR_DEVICE_MISSING,
        libvirt.VIR_ERR_OPERATION_INVALID,
    }
)


def attach_disk(
    connection: libvirt.virConnect, uuid: UUID, disk: NewDisk, source: DiskSource | None = None
) -> Machine:
    """Put a volume into a machine as a disk or CD, or an empty drive; a volume that it has already is left alone.

    `source` None: libvirt knows the volume.
    """
    source = source or locate(connection, disk)
    domain = find(connection, uuid)
    root = parse_domain(domain.XMLDesc(INACTIVE))
    if source is not None and source.path in (
        element.get("file") for element in root.findall("devices/disk/source")
    ):
        return read_machine(connection, domain)
    taken = targets(root)
    if domain.isActive():
        taken |= targets(parse_domain(domain.XMLDesc(0)))
    _attach(domain, disk_element(disk, source, taken))
    return read_machine(connection, domain)


def detach_disk(connection: libvirt.virConnect, uuid: UUID, target: str) -> Machine:
    """Take a disk or drive out; its volume stays.

    Raises:
        NotFound: there is no disk with this target.
    """
    domain = find(connection, uuid)
    _detach(domain, lambda root: find_disk(root, target))
    return read_machine(connection, domain)


def attach_nic(connection: libvirt.virConnect, uuid: UUID, nic: NewNic) -> Machine:
    """Put a network card into a machine.

    Raises:
        NotFound: there is no such network.
        InUse: the machine has a card with this MAC address.
    """
    nic = plugged(connection, nic)
    domain = find(connection, uuid)
    macs = {mac.get("address", "").lower() for mac in parse_domain(domain.XMLDesc(INACTIVE)).iter("mac")}
    mac = nic.mac or "52:54:00:" + ":".join(f"{byte:02x}" for byte in secrets.token_bytes(3))
    if mac.lower() in macs:
        raise InUse(f"machine {domain.name()} has a network card {mac} already", hint="leave the address out")
    _attach(domain, nic_element(nic, mac))
    return read_machine(connection, domain)


def detach_nic(connection: libvirt.virConnect, uuid: UUID, mac: str) -> Machine:
    """Take a network card out.

    Raises:
        NotFound: there is no card with this MAC address.
    """
    domain = find(connection, uuid)
    _detach(domain, lambda root: find_nic(root, mac))
    return read_machine(connection, domain)


def change_media(connection: libvirt.virConnect, uuid: UUID, target: str, source: DiskSource | None) -> Machine:
    """Change the medium in a drive; None takes out what is in it.

    Raises:
        NotFound: there is no drive with this target.
        BadInput: that is a disk, not a drive.
    """
    domain = find(connection, uuid)
    for flag, xml_flag in ((_CONFIG, INACTIVE), *(((_LIVE, 0),) if domain.isActive() else ())):
        root = parse_domain(domain.XMLDesc(xml_flag))
        if flag == _LIVE and target not in targets(root):
            break  # a drive that was put in while the machine ran: it comes with the next start
        drive = find_disk(root, target)
        if drive.get("device") not in {"cdrom", "floppy"}:
            raise BadInput(f"{target} of machine {domain.name()} is a disk and holds no medium")
        set_media(drive, None if source is None else source.path, "raw" if source is None else source.format)
        force = libvirt.VIR_DOMAIN_DEVICE_MODIFY_FORCE if flag == _LIVE else 0  # a guest may have locked the drive
        domain.updateDeviceFlags(write(drive), flag | force)
    return read_machine(connection, domain)


def _attach(domain: libvirt.virDomain, device: etree._Element) -> None:
    xml = write(device)
    domain.attachDeviceFlags(xml, _CONFIG)
    if not domain.isActive():
        return
    try:
        domain.attachDeviceFlags(xml, _LIVE)
    except libvirt.libvirtError as exc:
        if exc.get_error_code() not in _NOT_WHILE_RUNNING:
            domain.detachDeviceFlags(xml, _CONFIG)
            raise


def _detach(domain: libvirt.virDomain, look: Callable[[etree._Element], etree._Element]) -> None:
    device = look(parse_domain(domain.XMLDesc(INACTIVE)))
    domain.detachDeviceFlags(write(device), _CONFIG)
    if not domain.isActive():
        return
    try:
        domain.detachDeviceFlags(write(device), _LIVE)
    except libvirt.libvirtError as exc:
        if exc.get_error_code() not in _NOT_WHILE_RUNNING:
            raise
