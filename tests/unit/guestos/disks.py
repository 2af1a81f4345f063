"""The beginnings of disks, written by hand."""

from __future__ import annotations

import struct
import zlib

from skerry.sizes import KIB

EXT_UUID = bytes(range(16))


def msdos_disk(first: int = 1, sectors: int = 1, kind: int = 0x83, status: int = 0) -> list[tuple[int, bytes]]:
    """An MBR with one partition, as parts of a disk."""
    return [(446, struct.pack("<B3xB3xII", status, kind, first, sectors)), (510, b"\x55\xaa")]


def ext4_super_block(size: int) -> bytes:
    """What lies at byte 1024 of an ext4 of `size` bytes, in blocks of 1 KiB."""
    block = bytearray(1024)
    struct.pack_into("<I", block, 4, size // KIB)
    block[0x38:0x3A] = b"\x53\xef"
    block[0x68:0x78] = EXT_UUID
    return bytes(block)


def gpt(last: int, partitions: list[tuple[int, int]], sector: int = 512) -> list[tuple[int, bytes]]:
    """A GPT for a disk whose last sector is `last`, with its copy, as parts of a disk."""
    entries = b"".join(
        struct.pack("<16s16sQQQ72s", b"\1" * 16, bytes([number]) * 16, begin, end, 0, b"")
        for number, (begin, end) in enumerate(partitions, 1)
    ).ljust(128 * 128, b"\0")
    room = len(entries) // sector

    def header(here: int, other: int, where: int) -> bytes:
        fields = [
            b"EFI PART",
            0x10000,
            92,
            0,
            0,
            here,
            other,
            2 + room,
            last - room - 1,
            b"\2" * 16,
            where,
            128,
            128,
        ]
        fields.append(zlib.crc32(entries))
        fields[3] = zlib.crc32(struct.pack("<8sIIIIQQQQ16sQIII", *fields))
        return struct.pack("<8sIIIIQQQQ16sQIII", *fields)

    return [
        *msdos_disk(1, last, 0xEE),
        (sector, header(1, last, 2)),
        (2 * sector, entries),
        ((last - room) * sector, entries),
        (last * sector, header(last, 1, last - room)),
    ]
