"""What lies on a disk: partitions (MBR with logical ones, GPT) and file systems, read from its own bytes.

Nothing is mounted and no program is asked, and the disk may be a stranger's: every number is held against the size
of the disk, and chains are bounded.

Formats: UEFI specification 2.10, chapter 5 (GPT and the protective MBR); ext4's super block in
Documentation/filesystems/ext4/super.rst; fs/xfs/libxfs/xfs_format.h and include/uapi/linux/btrfs_tree.h of Linux.
"""

from __future__ import annotations

import os
import struct
import uuid
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

Read = Callable[[int, int], bytes]  # offset, count; fewer bytes where the disk ends

SECTOR = 512
_SIZES = (512, 4096)  # of sectors, that GPTs are written for
_ENTRIES = 128  # of a GPT; more are not read
_LOGICAL = 64  # logical partitions that are followed
_EXTENDED = frozenset({0x05, 0x0F, 0x85})
_PROTECTIVE = 0xEE
_ANY = 2**63  # bytes; of a disk whose size is not known
_GPT = struct.Struct("<8sIIIIQQQQ16sQIII")
_GPT_SIGNATURE = b"EFI PART"


@dataclass(frozen=True)
class PartitionFound:
    """A partition, in bytes."""

    number: int  # as the kernel counts: 1 to 4 primary, 5 and more logical
    offset: int
    size: int


@dataclass(frozen=True)
class Table:
    """A partition table."""

    kind: Literal["msdos", "gpt"]
    partitions: tuple[PartitionFound, ...]
    end: int  # bytes of the disk that it and its partitions need


@dataclass(frozen=True)
class FileSystemFound:
    """A file system; number 0 is the whole disk."""

    number: int
    offset: int
    size: int  # bytes, as it says itself
    type: Literal["ext", "xfs", "btrfs"]
    uuid: str


def reader_of(descriptor: int) -> Read:
    """Read an open file or block device."""
    return lambda offset, count: os.pread(descriptor, count, offset)


def reader_of_bytes(begin: bytes) -> Read:
    """Read the beginning of a disk, of which the rest is not known."""
    return lambda offset, count: begin[offset : offset + count]


def read_table(read: Read, size: int) -> Table | None:
    """The partition table of a disk of `size` bytes; None where there is none."""
    first = read(0, SECTOR)
    if len(first) < SECTOR or first[510:] != b"\x55\xaa" or file_system_at(read, 0, size):
        return None
    entries = _mbr_entries(first)
    if not entries:
        return None
    if any(kind == _PROTECTIVE for kind, _, _ in entries):
        for sector in _SIZES:
            if table := _read_gpt(read, size, sector):
                return table
    return _read_msdos(read, size, entries)


def _mbr_entries(sector: bytes) -> list[tuple[int, int, int]]:
    """Type, first sector and sectors of the four entries; none where this is code and no table."""
    found = []
    for number in range(4):
        status, kind, start, count = struct.unpack_from("<B3xB3xII", sector, 446 + 16 * number)
        if status not in {0, 0x80}:
            return []
        found.append((kind, start, count))
    return found if any(kind and count for kind, _, count in found) else []


def _read_msdos(read: Read, size: int, entries: list[tuple[int, int, int]]) -> Table:
    partitions: list[PartitionFound] = []
    end = SECTOR
    for number, (kind, start, count) in enumerate(entries, 1):
        if not kind or not start or (start + count) * SECTOR > size:
            continue
        end = max(end, (start + count) * SECTOR)
        if kind in _EXTENDED:
            partitions += _logical(read, start, count)
        else:
            partitions.append(PartitionFound(number, start * SECTOR, count * SECTOR))
    return Table("msdos", tuple(sorted(partitions, key=lambda each: each.number)), end)


def _logical(read: Read, first: int, count: int) -> Iterator[PartitionFound]:
    """The chain of tables in an extended partition: each has one partition and the place of the next table."""
    here = first
    for number in range(5, 5 + _LOGICAL):
        sector = read(here * SECTOR, SECTOR)
        entries = _mbr_entries(sector) if sector[510:] == b"\x55\xaa" else []
        if not entries:
            return
        kind, start, sectors = entries[0]
        if kind and kind not in _EXTENDED and here + start + sectors <= first + count:
            yield PartitionFound(number, (here + start) * SECTOR, sectors * SECTOR)
        kind, start, _ = entries[1]
        if kind not in _EXTENDED or not start or first + start <= here or start >= count:
            return
        here = first + start


def _read_gpt(read: Read, size: int, sector: int) -> Table | None:
    header = read(sector, _GPT.size)
    if len(header) < _GPT.size:
        return None
    fields = _GPT.unpack(header)
    where, number, length = fields[10:13]
    if fields[0] != _GPT_SIGNATURE or not 128 <= length <= 4096 or not 0 < number <= 4096:
        return None
    partitions, blob = [], read(where * sector, min(number, _ENTRIES) * length)
    for index in range(len(blob) // length):
        kind, first, last = struct.unpack_from("<16s16xQQ", blob, index * length)
        if any(kind) and first <= last and (last + 1) * sector <= size:
            partitions.append(PartitionFound(index + 1, first * sector, (last + 1 - first) * sector))
    # Behind the last partition comes a copy of the table, which moves with the end of the disk.
    end = max([(where * sector) + number * length, *(each.offset + each.size for each in partitions)])
    return Table("gpt", tuple(partitions), end + (-(-number * length // sector) + 1) * sector)


def file_system_at(read: Read, offset: int, size: int, number: int = 0) -> FileSystemFound | None:
    """The file system that begins at `offset` and has at most `size` bytes."""
    for probe in (_xfs, _ext, _btrfs):
        found = probe(lambda place, count: read(offset + place, count))
        if found and 0 < found[1] <= size:
            kind, length, identity = found
            return FileSystemFound(number, offset, length, kind, str(uuid.UUID(bytes=identity)))
    return None


def file_systems(read: Read, size: int) -> tuple[FileSystemFound, ...]:
    """All file systems of a disk: of the whole disk, or of its partitions."""
    if whole := file_system_at(read, 0, size):
        return (whole,)
    table = read_table(read, size)
    found = (
        file_system_at(read, each.offset, each.size, each.number) for each in (table.partitions if table else ())
    )
    return tuple(each for each in found if each)


_SIGNS = ((0, b"LUKS\xba\xbe"), (512, b"LABELONE"), (4086, b"SWAPSPACE2"))  # LVM's label, and swap's


def is_disk(begin: bytes) -> bool:
    """Whether the first bytes (64 KiB and more) can be those of a disk: with a table, a file system, or empty."""
    read = reader_of_bytes(begin)
    if any(begin.startswith(sign, offset) for offset, sign in _SIGNS):
        return True
    return (
        begin.count(0) == len(begin) or file_system_at(read, 0, _ANY) is not None or bool(read_table(read, _ANY))
    )


def bytes_needed(read: Read, size: int = _ANY) -> int:
    """How much of a disk must be kept: up to the end of its partitions or file system; all of it if unknown."""
    end = known_end(read, size)
    return size if end is None else end


def known_end(read: Read, size: int) -> int | None:
    """Where the partitions, or the file system, of a disk end; None where it has something else, or nothing."""
    if whole := file_system_at(read, 0, size):
        return whole.size
    table = read_table(read, size)
    return min(table.end, size) if table else None


_Super = tuple[Literal["ext", "xfs", "btrfs"], int, bytes]


def _ext(read: Read) -> _Super | None:
    block = read(1024, 1024)
    if len(block) < 1024 or block[0x38:0x3A] != b"\x53\xef":
        return None
    low, log_size = struct.unpack_from("<I", block, 4)[0], struct.unpack_from("<I", block, 0x18)[0]
    incompatible = struct.unpack_from("<I", block, 0x60)[0]
    if log_size > 6 or incompatible & 0x8:  # 64 KiB is the largest block; a journal of its own is no file system
        return None
    high = struct.unpack_from("<I", block, 0x150)[0] if incompatible & 0x80 else 0
    return "ext", (high << 32 | low) * (1024 << log_size), block[0x68:0x78]


def _xfs(read: Read) -> _Super | None:
    block = read(0, SECTOR)
    if block[:4] != b"XFSB" or len(block) < 48:
        return None
    block_size, blocks = struct.unpack_from(">IQ", block, 4)
    return "xfs", block_size * blocks, block[32:48]


def _btrfs(read: Read) -> _Super | None:
    block = read(65536, 1024)
    if block[0x40:0x48] != b"_BHRfS_M" or len(block) < 1024:
        return None
    (device_size,) = struct.unpack_from("<Q", block, 0xC9 + 8)  # of this device, where there are several
    return "btrfs", device_size, block[0x20:0x30]


def move_gpt_end(descriptor: int, size: int) -> bool:
    """Fit a GPT to a disk that has another size than the one it was written for; whether there was one.

    Its copy goes to the new end, and firmware and kernels find nothing to complain of.
    """
    read = reader_of(descriptor)
    table = read_table(read, size)
    if table is None or table.kind != "gpt":
        return False
    sector = next(each for each in _SIZES if read(each, 8) == _GPT_SIGNATURE)
    fields = list(_GPT.unpack(read(sector, _GPT.size)))
    entries_at, number, length = fields[10:13]
    entries = read(entries_at * sector, number * length)
    last, room = size // sector - 1, -(-len(entries) // sector)
    fields[8] = last - room - 1  # the last sector that partitions may have
    fields[13] = zlib.crc32(entries)
    os.pwrite(descriptor, entries, (last - room) * sector)
    os.pwrite(descriptor, _gpt_header(fields, here=last, other=1, entries=last - room), last * sector)
    os.pwrite(descriptor, _gpt_header(fields, here=1, other=last, entries=entries_at), sector)
    _fit_protective(descriptor, last)
    return True


def _gpt_header(fields: list[int | bytes], *, here: int, other: int, entries: int) -> bytes:
    values = [*fields]
    values[2], values[3] = _GPT.size, 0
    values[5], values[6], values[10] = here, other, entries
    values[3] = zlib.crc32(_GPT.pack(*values))
    return _GPT.pack(*values)


def _fit_protective(descriptor: int, last: int) -> None:
    """The MBR's one partition of type EE covers the whole disk, as far as 32 bits go."""
    first = bytearray(os.pread(descriptor, SECTOR, 0))
    for place in range(446, 510, 16):
        if first[place + 4] == _PROTECTIVE and struct.unpack_from("<I", first, place + 8)[0] == 1:
            struct.pack_into("<I", first, place + 12, min(last, 2**32 - 1))
    os.pwrite(descriptor, bytes(first), 0)
