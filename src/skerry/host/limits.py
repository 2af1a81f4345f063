"""What a person may put into a definition who has the machine and not the host.

Whoever writes a definition freely owns the host: it may name any file as a disk, any device, any program. So who
does not administer it may change a machine's hardware within `hardware`'s table, and bring in no file of the host
that the stored definition does not have. What an administrator put in stays while it is as it was. Volumes come by
forms (`skerry vm disk add`), which know whose they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from lxml import etree

from skerry.errors import BadDefinition, Denied, NotFound
from skerry.host import hardware
from skerry.host.agent import Host
from skerry.host.plugging import check_kernel, check_nics
from skerry.host.types import DirectKernel, NewNic
from skerry.hypervisor.xml import parse_domain

_HINT = "an administrator may do this; disks and CDs of the library come by form, such as `skerry vm disk add`"
# Words for people and for the guest.
_FREE_TEXT = frozenset({"name", "uuid", "title", "description", "cmdline", "entry"})
_RANDOM = frozenset({"/dev/urandom", "/dev/random", "/dev/hwrng"})
_BOOT_FILES = frozenset({"kernel", "initrd"})
_ALWAYS_FILES = frozenset({*_BOOT_FILES, "dtb", "loader", "nvram", "emulator", "bootloader"})
_FILE_ATTRIBUTES = frozenset({"file", "template"})
_ZONE = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*")  # Europe/Berlin is no path
_SEED = "-seed"  # how the volumes are named that hold first settings of guests, with their passwords

_Formats = frozenset[tuple[str | None, str]]  # files behind disks, and as what QEMU reads them


async def check_edit(host: Host, machine: UUID, xml: str) -> None:
    """Make sure that a definition is that of this machine, and brings in nothing that the machine does not have.

    Raises:
        BadDefinition: it is no definition, or that of another machine.
        Denied: it brings something in; the message names it.
    """
    new = _bare(parse_domain(xml))
    old = _bare(parse_domain((await host.hypervisor.definition(machine)).xml))
    if (new.findtext("uuid") or "").strip().lower() != str(machine):
        raise BadDefinition("this is the definition of another machine", hint=f"keep <uuid>{machine}</uuid>")
    known = hardware.known_parts(old)
    formats = frozenset((_path_of(host, disk), _format(disk)) for disk in old.findall("devices/disk"))
    cards = {_card(card) for card in old.findall("devices/interface")}
    for part in (*new.iterchildren(etree.Element), *new.findall("devices/*")):
        if part.tag == "devices" or hardware.is_known(part, known):
            continue
        _check_part(part, known)
        if part.tag == "disk":
            await _check_disk(host, machine, part, formats)
        elif part.tag == "interface" and _card(part) not in cards:
            await _check_card(host, part)
    values = {(place, value) for _, place, value in _values(old)}
    for element, place, value in _values(new):
        if (place, value) not in values and not _is_source_of_disk(element):
            await _check_file(host, element, place, value)


def _bare(root: etree._Element) -> etree._Element:
    """A definition as libvirt reads it: a text that a comment cuts in two is one text, and blanks say nothing."""
    etree.strip_tags(root, etree.Comment, etree.ProcessingInstruction)
    for element in root.iter(etree.Element):
        element.text = (element.text or "").strip() or None
        element.tail = None
    return root


def _check_part(part: etree._Element, known: hardware.Known) -> None:
    if part.tag == "graphics" and _listens(part):
        raise Denied("the definition has a <graphics> that listens on the network", hint="<listen type='none'/>")
    shapes = hardware.DEVICES if hardware.place_of(part).startswith("devices/") else hardware.OTHERS
    for tag in ("source", "driver"):  # libvirt takes the first here and the last there
        if len(part.findall(tag)) > 1:
            raise BadDefinition(f"a <{part.tag}> of the definition has more than one <{tag}>")
    if foreign := hardware.foreign_part(part, shapes, known):
        raise Denied(f"the definition has a new or changed {foreign}", hint=_HINT)


def _listens(graphics: etree._Element) -> bool:
    listeners = graphics.findall("listen")
    return bool(graphics.get("listen") or any(one.get("type") != "none" for one in listeners) or not listeners)


async def _check_card(host: Host, card: etree._Element) -> None:
    """A card that is new where it is: by form, too, people choose among the networks that the host offers."""
    kind, network = _card(card)
    if not kind:  # libvirt's default is a device of the host
        raise Denied("the definition has an <interface> without a type", hint=_HINT)
    wanted: dict[str, Any] = {"kind": kind, "network": network}  # of any length
    await check_nics(host, [NewNic.model_construct(**wanted)])


def _card(card: etree._Element) -> tuple[str, str]:
    """To what kind of network a card goes, and to which."""
    kind, source = card.get("type", ""), card.find("source")
    return kind, "" if source is None else source.get(kind, "")


async def _check_disk(host: Host, machine: UUID, disk: etree._Element, formats: _Formats) -> None:
    """A disk of a harmless shape: whose is what it names?"""
    path, kind = _path_of(host, disk), disk.get("device", "disk")
    if path is None:
        if kind not in {"cdrom", "floppy"}:
            raise Denied(
                f"the definition has a <disk> of type {disk.get('type', 'file')} without a source", hint=_HINT
            )
        return
    owner = host.storage.owner(path)
    if owner is None:
        raise Denied(f"the definition names a disk outside of Skerry's storage pools: {path}", hint=_HINT)
    driver, name = owner
    read_only = kind == "cdrom" or disk.find("readonly") is not None
    try:
        is_cd = (await driver.get(name)).format == "iso"
    except NotFound:
        is_cd = False
    own = any(user.uuid == machine and not user.boots for user in host.inventory.users_of(path))
    if not own and (not is_cd or name.endswith(_SEED)):
        raise Denied(f"the definition names a volume that is not this machine's: {name}", hint=_HINT)
    if not read_only and (is_cd or await driver.dependents(name)):
        raise Denied(f"the definition would write on what others need: {name}", hint="leave it read-only")
    if (path, _format(disk)) not in formats and not (is_cd and _format(disk) == "raw"):
        # A guest can write into a raw disk that it is a qcow2 one, which stands on any file of the host.
        raise Denied(f"the definition reads {name} as {_format(disk) or 'anything'}, which it is not", hint=_HINT)


def _path_of(host: Host, disk: etree._Element) -> str | None:
    """The file behind a disk of type file or volume; None where it has none."""
    source = disk.find("source")
    if source is None:
        return None
    if disk.get("type", "file") != "volume":
        return source.get("file")
    pool, volume = source.get("pool", ""), source.get("volume", "")
    try:
        return host.storage.driver(pool).path_of(volume)
    except NotFound:
        return f"{pool}/{volume}"


def _format(disk: etree._Element) -> str:
    """As what QEMU reads a disk; without a word it is raw, and a volume what libvirt guesses."""
    driver = disk.find("driver")
    unsaid = "" if disk.get("type") == "volume" else "raw"
    return unsaid if driver is None else driver.get("type", unsaid)


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
        place = hardware.place_of(element)
        if place.startswith("metadata"):
            continue
        text = element.text or ""
        if text and element.tag not in _FREE_TEXT and (element.tag in _ALWAYS_FILES or "/" in text):
            yield element, place, text
        for key, value in element.items():
            name = str(key)
            if (element.tag, name) == ("clock", "timezone") and _ZONE.fullmatch(str(value)):
                continue
            if name in _FILE_ATTRIBUTES or ("/" in value and (element.tag, name) != ("entry", "name")):
                yield element, f"{place}@{name}", str(value)


def _is_source_of_disk(element: etree._Element) -> bool:
    """Sources of disks are looked at by themselves."""
    parent = element.getparent()
    return element.tag == "source" and parent is not None and parent.tag == "disk"
