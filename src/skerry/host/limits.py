"""What a person may put into a definition who has the machine and not the host.

Whoever writes a definition freely owns the host: it may name any file as a disk, any device, any program. So who
does not administer it may change a machine's hardware, but bring in no file of the host, no device and no open
port that the stored definition does not have. Volumes come by forms (`skerry vm disk add`), which know whose they
are.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from lxml import etree

from skerry.errors import BadDefinition, Denied, NotFound
from skerry.host.agent import Host
from skerry.host.plugging import check_kernel
from skerry.host.types import DirectKernel
from skerry.hypervisor.xml import parse_domain

_HINT = "an administrator may do this; disks and CDs of the library come by form, such as `skerry vm disk add`"
# Words for people and for the guest.
_FREE_TEXT = frozenset({"name", "uuid", "title", "description", "cmdline", "entry"})
_RANDOM = frozenset({"/dev/urandom", "/dev/random", "/dev/hwrng"})
_BOOT_FILES = frozenset({"kernel", "initrd"})
_ALWAYS_FILES = frozenset({*_BOOT_FILES, "dtb", "loader", "nvram", "emulator", "bootloader"})
_SEED = "-seed"  # how the volumes are named that hold first settings of guests, with their passwords
_CHARACTER_DEVICES = frozenset({"serial", "parallel", "console", "channel", "redirdev", "smartcard"})
_HARMLESS_CHARACTER_DEVICES = frozenset({"pty", "null", "spicevmc", "vc", "qemu-vdagent"})
_HARMLESS_CARDS = frozenset({"network", "bridge", "user"})


async def check_edit(host: Host, machine: UUID, xml: str) -> None:
    """Make sure that a definition is that of this machine, and brings in nothing that the machine does not have.

    Raises:
        BadDefinition: it is no definition, or that of another machine.
        Denied: it brings something in; the message names it.
    """
    new = parse_domain(xml)
    old = parse_domain((await host.hypervisor.definition(machine)).xml)
    if (new.findtext("uuid") or "").strip().lower() != str(machine):
        raise BadDefinition("this is the definition of another machine", hint=f"keep <uuid>{machine}</uuid>")
    stored = {etree.tostring(element, method="c14n") for element in old.iter(etree.Element)}
    known = {(place, value) for _, place, value in _values(old)}
    for device in new.findall("devices/*"):
        if etree.tostring(device, method="c14n") not in stored:
            _check_device(device)
            if device.tag == "disk":
                await _check_disk(host, machine, device)
    _check_others(new, stored)
    for element, place, value in _values(new):
        if (place, value) not in known and not _belongs_to_disk(element):
            await _check_file(host, element, place, value)


def _check_device(device: etree._Element) -> None:
    kind = device.get("type", "")
    if device.tag == "hostdev":
        raise Denied("the definition gives the machine a device of the host (<hostdev>)", hint=_HINT)
    if device.tag == "interface" and kind not in _HARMLESS_CARDS:
        raise Denied(f"the definition has a network card of type {kind!r}", hint=_HINT)
    if device.tag in _CHARACTER_DEVICES and kind not in _HARMLESS_CHARACTER_DEVICES | {"unix"}:
        raise Denied(f"the definition has a <{device.tag}> of type {kind!r}", hint=_HINT)
    if device.tag == "graphics" and _listens(device):
        raise Denied("the definition has a <graphics> that listens on the network", hint="<listen type='none'/>")


def _listens(graphics: etree._Element) -> bool:
    listeners = graphics.findall("listen")
    return bool(graphics.get("listen") or any(one.get("type") != "none" for one in listeners) or not listeners)


def _check_others(root: etree._Element, stored: set[bytes]) -> None:
    """What is not libvirt's own, such as arguments for QEMU, and what lets the machine out of its confinement."""
    for child in root.iterchildren(etree.Element):
        name = etree.QName(child)
        if (name.namespace or name.localname == "seclabel") and etree.tostring(child, method="c14n") not in stored:
            raise Denied(f"the definition has a <{name.localname}>", hint=_HINT)


async def _check_disk(host: Host, machine: UUID, disk: etree._Element) -> None:
    for source in disk.iter("source"):
        path = _path_of(host, source)
        if path is None:
            continue
        owner = host.storage.owner(path)
        if owner is None:
            raise Denied(f"the definition names a disk outside of Skerry's storage pools: {path}", hint=_HINT)
        driver, name = owner
        read_only = disk.get("device") == "cdrom" or disk.find("readonly") is not None
        try:
            is_cd = (await driver.get(name)).format == "iso"
        except NotFound:
            is_cd = False
        own = any(user.uuid == machine and not user.boots for user in host.inventory.users_of(path))
        if not own and (not is_cd or name.endswith(_SEED)):
            raise Denied(f"the definition names a volume that is not this machine's: {name}", hint=_HINT)
        if not read_only and (is_cd or await driver.dependents(name)):
            raise Denied(f"the definition would write on what others need: {name}", hint="leave it read-only")


def _path_of(host: Host, source: etree._Element) -> str | None:
    """The file behind a disk; None where it has none."""
    pool, volume = source.get("pool"), source.get("volume")
    if pool and volume:
        try:
            return host.storage.driver(pool).path_of(volume)
        except NotFound:
            return f"{pool}/{volume}"
    path = source.get("file") or source.get("dev") or source.get("dir")
    if path is None and source.get("protocol"):
        return f"{source.get('protocol')}:{source.get('name', '')}"
    return path


async def _check_file(host: Host, element: etree._Element, place: str, value: str) -> None:
    """A file or address that is new. Kernels may come from where images come from, and nothing else may come."""
    if element.tag == "backend" and value in _RANDOM:
        return
    if place in {f"os/{name}" for name in _BOOT_FILES} and value.startswith("/"):
        await check_kernel(host, DirectKernel(kernel=value))
        return
    raise Denied(f"the definition names a file of the host in {place}: {value[:200]}", hint=_HINT)


def _values(root: etree._Element) -> Iterator[tuple[etree._Element, str, str]]:
    """All values that may name a file of the host: element, place in the definition, value."""
    for element in root.iter(etree.Element):
        place = _place(element)
        if place.startswith("metadata"):
            continue
        text = (element.text or "").strip()
        if text and element.tag not in _FREE_TEXT and (element.tag in _ALWAYS_FILES or "/" in text):
            yield element, place, text
        for name, value in element.items():
            if "/" in value and (element.tag, name) != ("entry", "name"):
                yield element, "@".join((place, str(name))), str(value)


def _place(element: etree._Element) -> str:
    words = [str(element.tag), *(str(parent.tag) for parent in element.iterancestors())]
    return "/".join(reversed(words[:-1]))


def _belongs_to_disk(element: etree._Element) -> bool:
    """Sources of disks are looked at by themselves."""
    return element.tag == "source" and any(parent.tag == "disk" for parent in element.iterancestors())
