"""What machines in memory are made of: disks, cards, addresses, and definitions as XML."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from uuid import UUID, uuid5

from lxml import etree

from skerry.errors import BadDefinition, InUse
from skerry.host.port import DiskImage
from skerry.host.types import (
    Address,
    AddressSource,
    Consoles,
    Definition,
    Disk,
    Machine,
    MachineSample,
    MachineState,
    NewDisk,
    NewNic,
    Nic,
)
from skerry.sizes import KIB

NAMESPACE = UUID("7f8d3e0a-5a3f-4a5e-9a43-0d4b5a3c2b11")
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True)


def disk(disk: NewDisk, image: DiskImage | None, others: Iterable[Disk]) -> Disk:
    """A disk at the target that it asks for, or the next free one; without an image an empty drive."""
    bus = disk.on_bus
    prefix = "vd" if bus == "virtio" else "sd"
    taken = {other.target for other in others}
    if disk.target in taken:
        raise InUse(f"the machine has another disk {disk.target}")
    free = (name for letter in "abcdefghijklmnopqrstuvwxyz" if (name := prefix + letter) not in taken)
    return Disk(
        target=disk.target or next(free),
        device=disk.device,
        bus=bus,
        source=image and image.path,
        format=image and image.format,
        read_only=disk.read_only,
    )


def nic(nic: NewNic, uuid: UUID, number: int) -> Nic:
    """A network card, with an address of its own."""
    made = "52:54:00:" + hashlib.sha256(f"{uuid} {number}".encode()).digest()[:3].hex(":")
    return Nic(mac=(nic.mac or made).lower(), kind=nic.kind, network=nic.network, model=nic.model)


def address(nic: Nic) -> Address:
    """An address of the documentation, made from the card."""
    last = int(nic.mac.rpartition(":")[2], 16)
    return Address(mac=nic.mac, address=f"192.0.2.{last}", prefix=24, family="ipv4", source=AddressSource.LEASE)


def idle(machine: Machine) -> MachineSample:
    """What a machine uses that does nothing."""
    return MachineSample(
        uuid=machine.uuid,
        cpu=0.0,
        memory=None,
        resident=machine.memory,
        disk_read=0.0,
        disk_write=0.0,
        net_receive=0.0,
        net_send=0.0,
    )


def parsed(xml: str) -> Machine:
    """The machine of a definition; raises BadDefinition."""
    try:
        domain = etree.fromstring(xml.encode(), _PARSER)
        if domain.tag != "domain":
            raise BadDefinition(f"the XML is a {domain.tag}, not a domain")
        name = domain.findtext("name") or ""
        memory = int(domain.findtext("memory") or "") * KIB
        vcpus = int(domain.findtext("vcpu") or "1")
        uuid = UUID(domain.findtext("uuid")) if domain.findtext("uuid") else uuid5(NAMESPACE, name)
    except (etree.XMLSyntaxError, ValueError) as exc:
        raise BadDefinition(f"the XML is not a domain: {exc}") from exc
    if not name:
        raise BadDefinition("the domain has no name")
    return Machine(
        uuid=uuid,
        name=name,
        state=MachineState.STOPPED,
        vcpus=vcpus,
        memory=memory,
        max_vcpus=vcpus,
        max_memory=memory,
        consoles=Consoles(graphics=False, serial=False),
        etag="",
    )


def definition(machine: Machine) -> Definition:
    """The definition of a machine."""
    domain = etree.Element("domain", type=machine.domain_type)
    etree.SubElement(domain, "name").text = machine.name
    etree.SubElement(domain, "uuid").text = str(machine.uuid)
    etree.SubElement(domain, "title").text = machine.title
    etree.SubElement(domain, "memory", unit="KiB").text = str(machine.memory // KIB)
    etree.SubElement(domain, "vcpu").text = str(machine.vcpus)
    devices = etree.SubElement(domain, "devices")
    for disk in machine.disks:
        element = etree.SubElement(devices, "disk", type="file", device=disk.device)
        etree.SubElement(element, "source", file=disk.source or "")
        etree.SubElement(element, "target", dev=disk.target, bus=disk.bus)
    for nic in machine.nics:
        element = etree.SubElement(devices, "interface", type=nic.kind)
        etree.SubElement(element, "mac", address=nic.mac)
    xml = etree.tostring(domain, encoding="unicode", pretty_print=True)
    stored = machine.model_dump_json(exclude={"state", "etag", "started_at"})
    return Definition(xml=xml, etag=hashlib.sha256(stored.encode()).hexdigest()[:16])
