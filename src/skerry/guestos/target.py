"""The disk of an instance: what goes where on it, and how bytes get there without a mount or a device of our own.

none     the root's file system is the whole disk; who starts the guest brings the kernel
msdos    [GRUB in the gap] [ESP] root
gpt      [GRUB's partition] [ESP] root
"""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from skerry.errors import BadInput, HostError, NoSpace
from skerry.guestos.disk_files import Disk
from skerry.guestos.parameters import Settings
from skerry.images.placing import copy_sparse
from skerry.sizes import MIB, format_size

SECTOR = 512
_GPT_HEAD, _GPT_TAIL = 34, 33  # sectors: tables at both ends
_BIOS_SECTORS = 2048  # of GRUB's partition
_ESP_SECTORS = 16 * MIB // SECTOR
_MSDOS_MOST = 2**32 - 1  # sectors that the table can name
_PAGE = 8  # sectors; file systems are whole blocks of 4 KiB
_HEAD = MIB  # in which signatures of older contents would be found; and as many at the end
_TYPES = {"esp": "ef", "root": "83"}


@dataclass(frozen=True)
class Area:
    """A range of the disk."""

    role: str  # bios, esp, root
    start: int  # sectors
    sectors: int
    number: int = 0  # of the partition; 0: it is none

    @property
    def offset(self) -> int:
        """Its first byte."""
        return self.start * SECTOR

    @property
    def size(self) -> int:
        """Bytes."""
        return self.sectors * SECTOR


@dataclass(frozen=True)
class DiskPlan:
    """What goes where."""

    style: str
    root: Area
    bios: Area | None = None  # for GRUB's core
    esp: Area | None = None

    @property
    def partitions(self) -> tuple[Area, ...]:
        """Those in the table, in order."""
        areas = (each for each in (self.bios, self.esp, self.root) if each and each.number)
        return tuple(sorted(areas, key=lambda each: each.number))


def firmwares(settings: Settings, *, kernel: bool) -> frozenset[str]:
    """The kinds of firmware that the disk shall start from by itself.

    Raises:
        BadInput: a boot loader is wanted where none can be.
    """
    if settings.boot_loader == "no":
        return frozenset()
    if settings.partition_style == "none":
        if settings.boot_loader == "yes":
            raise BadInput(
                "BOOT_LOADER=yes needs a partition table, and PARTITION_STYLE is none",
                hint="set PARTITION_STYLE=gpt or msdos",
            )
        return frozenset()
    if not kernel:
        if settings.boot_loader == "yes":
            raise BadInput("BOOT_LOADER=yes, and the guest has no kernel", hint="set KERNEL=yes")
        return frozenset()
    firmware = settings.firmware
    if firmware == "auto":
        firmware = "both" if settings.partition_style == "gpt" else "bios"
    return frozenset({"bios", "uefi"} if firmware == "both" else {firmware})


def plan_disk(settings: Settings, size: int, firmware: frozenset[str]) -> DiskPlan:
    """Divide a disk of `size` bytes.

    Raises:
        BadInput: it is too small, or too large for its table.
    """
    sectors, style, unit = size // SECTOR, settings.partition_style, settings.partition_alignment
    if style == "none":
        return _checked(DiskPlan(style, Area("root", 0, sectors // _PAGE * _PAGE)), size)
    end = sectors - _GPT_TAIL if style == "gpt" else min(sectors, _MSDOS_MOST)
    if style == "msdos" and sectors > _MSDOS_MOST:
        raise BadInput(f"an msdos table cannot hold a disk of {format_size(size)}", hint="set PARTITION_STYLE=gpt")
    here, number = _up(max(unit, _GPT_HEAD if style == "gpt" else 1), unit), 0
    bios = esp = None
    if "bios" in firmware and style == "msdos":
        bios = Area("bios", 1, here - 1)
    elif "bios" in firmware:
        number += 1
        bios = Area("bios", here, _BIOS_SECTORS, number)
        here = _up(bios.start + bios.sectors, unit)
    if "uefi" in firmware:
        number += 1
        esp = Area("esp", here, _ESP_SECTORS, number)
        here = _up(esp.start + esp.sectors, unit)
    root = Area("root", here, max(end - here, 0) // _PAGE * _PAGE, number + 1)
    return _checked(DiskPlan(style, root, bios, esp), size)


def _up(value: int, unit: int) -> int:
    return -(-value // unit) * unit


def _checked(plan: DiskPlan, size: int) -> DiskPlan:
    if plan.root.size < MIB:
        raise BadInput(f"the disk has {format_size(size)}, too little for a guest", hint="make it larger")
    return plan


def table_script(plan: DiskPlan, identity: Callable[[str], str]) -> str:
    """The partition table as sfdisk(8) reads it; `identity` gives UUIDs by name."""
    if plan.style == "gpt":
        return _gpt_script(plan, identity)
    lines = ["label: dos", f"label-id: 0x{identity('disk')[:8]}", "unit: sectors", ""]
    for area in plan.partitions:
        boots = ", bootable" if area.role == "root" else ""
        lines.append(f"start={area.start}, size={area.sectors}, type={_TYPES[area.role]}{boots}")
    return "\n".join(lines) + "\n"


def _gpt_script(plan: DiskPlan, identity: Callable[[str], str]) -> str:
    from skerry.images.layout import Disk, Partition, Role  # noqa: PLC0415 - of the builder, for this style only
    from skerry.images.outputs.gpt import sfdisk_script  # noqa: PLC0415

    parts = tuple(Partition(area.role, Role(area.role), area.start, area.sectors) for area in plan.partitions)
    return sfdisk_script(Disk("disk", 0, parts), identity)


def fresh_identities() -> Callable[[str], str]:
    """UUIDs that nothing else has; asked for the same name twice, the same."""
    known: dict[str, str] = {}
    return lambda name: known.setdefault(name, str(uuid.uuid4()))


def blank(disk: Disk, plan: DiskPlan) -> None:
    """Let nothing of older contents be found: all of a file's, and both ends of a device.

    What lies between them is written over, or is no part of anything.
    """
    if disk.is_block:
        disk.clear(0, min(max(_HEAD, plan.root.offset), disk.size))
        disk.clear(max(disk.size - _HEAD, 0), disk.size)
    else:
        disk.empty()


def place(disk: Disk, image: Path, offset: int) -> None:
    """Copy a sparse file to a place of the disk; what is a hole in it is zeros there.

    Raises:
        NoSpace: the disk is a file, and the file system that it is on is full.
    """
    if disk.is_block:
        for begin, end in _holes(image):
            disk.clear(offset + begin, offset + end)
    try:
        copy_sparse(image, disk.descriptor, offset)
    except OSError as exc:
        if exc.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise HostError(f"the disk {disk.path} cannot be written: {exc.strerror}") from exc
        raise NoSpace(f"there is no room for the disk {disk.path}", hint="free some, and install again") from exc


def _holes(file: Path) -> Iterator[tuple[int, int]]:
    with file.open("rb") as opened:
        handle, size, here = opened.fileno(), file.stat().st_size, 0
        while here < size:
            begin = min(os.lseek(handle, here, os.SEEK_HOLE), size)
            try:
                here = os.lseek(handle, begin, os.SEEK_DATA)
            except OSError as exc:
                if exc.errno != errno.ENXIO:  # nothing but a hole follows
                    raise
                here = size
            if here > begin:
                yield begin, here


def flush(path: Path) -> None:
    """Have the whole disk on its medium, for whoever reads it past the kernel's cache.

    Raises:
        NoSpace, HostError: it does not get there.
    """
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    except OSError as exc:
        kind = NoSpace if exc.errno in {errno.ENOSPC, errno.EDQUOT} else HostError
        raise kind(f"what was written does not reach the disk {path}: {exc.strerror}") from exc
    finally:
        os.close(handle)
