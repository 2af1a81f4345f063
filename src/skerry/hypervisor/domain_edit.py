"""Changes to a domain's XML in place: what is not named stays as it is, known to us or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from lxml import etree

from skerry.errors import NotFound
from skerry.hypervisor.domain_xml import os_children
from skerry.hypervisor.types import DirectKernel, MachineChanges
from skerry.hypervisor.xml import element, set_text

# libvirt's schema wants these before the others, in this order.
_HEAD = ("name", "uuid", "genid", "title", "description", "metadata")


def change_domain(root: etree._Element, changes: MachineChanges) -> None:
    """Change what the changes name."""
    if changes.title is not None:
        _set_words(root, "title", changes.title)
    if changes.description is not None:
        _set_words(root, "description", changes.description)
    if changes.vcpus is not None:
        set_vcpus(root, changes.vcpus)
    if changes.memory is not None:
        set_memory(root, changes.memory)
    if changes.boot_order is not None:
        set_boot_order(root, changes.boot_order)
    if changes.direct_kernel is not None or changes.remove_direct_kernel:
        set_direct_kernel(root, changes.direct_kernel)


def set_vcpus(root: etree._Element, count: int) -> None:
    """Give a machine this many vCPUs, all of them present. A topology or pinning for another number goes."""
    vcpu = _child(root, "vcpu")
    vcpu.text = str(count)
    if "current" in vcpu.attrib:
        del vcpu.attrib["current"]
    _drop(root.find("vcpus"))
    topology = root.find("cpu/topology")
    if topology is not None and _product(topology) != count:
        _drop(topology)
    for pin in root.findall("cputune/vcpupin"):
        if int(pin.get("vcpu", "0")) >= count:
            _drop(pin)


def set_memory(root: etree._Element, size: int) -> None:
    """Give a machine this much memory, in bytes."""
    for name in ("memory", "currentMemory"):
        found = root.find(name)
        if found is None and name == "currentMemory":
            continue
        found = _child(root, name)
        found.text = str(size // 1024)
        found.set("unit", "KiB")


def set_boot_order(root: etree._Element, order: Sequence[str]) -> None:
    """Boot from these kinds of devices. Orders of single devices go: libvirt takes one or the other."""
    for boot in (*root.findall("os/boot"), *root.findall("devices/*/boot")):
        _drop(boot)
    os = _child(root, "os")
    os.extend(os_children(None, order))


def set_direct_kernel(root: etree._Element, direct_kernel: DirectKernel | None) -> None:
    """Boot this kernel, or what is on the disks again."""
    os = _child(root, "os")
    for name in ("kernel", "initrd", "cmdline", "dtb"):
        _drop(os.find(name))
    os.extend(os_children(direct_kernel, ()))


def add_device(root: etree._Element, device: etree._Element) -> None:
    """Put a device into a machine, beside others of its kind."""
    devices = _child(root, "devices")
    same = devices.findall(device.tag)
    if same:
        device.tail = same[-1].tail
        same[-1].addnext(device)
    else:
        devices.append(device)


def remove_device(device: etree._Element) -> None:
    """Take a device out."""
    _drop(device)


def find_disk(root: etree._Element, target: str) -> etree._Element:
    """The disk or drive with this target.

    Raises:
        NotFound: there is none.
    """
    for disk in root.findall("devices/disk"):
        named = disk.find("target")
        if named is not None and named.get("dev") == target:
            return disk
    raise NotFound(f"machine {root.findtext('name')} has no disk {target}")


def find_nic(root: etree._Element, mac: str) -> etree._Element:
    """The network card with this MAC address.

    Raises:
        NotFound: there is none.
    """
    for nic in root.findall("devices/interface"):
        named = nic.find("mac")
        if named is not None and named.get("address", "").lower() == mac.lower():
            return nic
    raise NotFound(f"machine {root.findtext('name')} has no network card {mac}")


def set_media(disk: etree._Element, path: str | None, image_format: str) -> None:
    """Put a medium into a drive, or take it out."""
    _drop(disk.find("source"))
    _drop(disk.find("backingStore"))
    disk.set("type", "file")
    if path is None:
        return
    driver = disk.find("driver")
    if driver is None:
        driver = element("driver", name="qemu")
        disk.insert(0, driver)
    driver.set("type", image_format)
    driver.addnext(element("source", file=path))


def keep_secrets(old: etree._Element, new: etree._Element) -> None:
    """Give back the passwords that a definition has, and that a person who edited it was not shown."""
    for graphics in new.findall("devices/graphics"):
        kind = graphics.get("type")
        for before in old.findall("devices/graphics"):
            if before.get("type") == kind and before.get("passwd") and not graphics.get("passwd"):
                graphics.set("passwd", cast("str", before.get("passwd")))


def targets(root: etree._Element) -> set[str]:
    """The targets of all disks."""
    return {target.get("dev", "") for target in root.findall("devices/disk/target")}


def _set_words(root: etree._Element, name: str, words: str) -> None:
    if words:
        set_text(_child(root, name), words)
    else:
        _drop(root.find(name))


def _child(root: etree._Element, name: str) -> etree._Element:
    found = root.find(name)
    if found is not None:
        return found
    child = etree.Element(name)
    if name in _HEAD:
        before = [found for earlier in _HEAD[: _HEAD.index(name)] for found in root.findall(earlier)]
        if before:
            child.tail = before[-1].tail
            before[-1].addnext(child)
            return child
    root.append(child)
    return child


def _drop(child: etree._Element | None) -> None:
    """Take an element out, and leave the blanks around it as they should be."""
    if child is None:
        return
    parent = child.getparent()
    assert parent is not None
    before = child.getprevious()
    if before is not None:
        before.tail = child.tail if parent[-1] is child else before.tail
    parent.remove(child)


def _product(topology: etree._Element) -> int:
    product = 1
    for name in ("sockets", "dies", "clusters", "cores", "threads"):
        product *= int(topology.get(name, "1"))
    return product
