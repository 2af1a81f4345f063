"""What a disk image says of itself in its first bytes.

Images come from outside and lie. So the format is decided here, from magic numbers, and told to qemu-img
explicitly: it never guesses, and a raw disk whose guest wrote a qcow2 header into it stays a raw disk.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

SECTOR = 512
_ISO_DESCRIPTOR = 32768  # ECMA-119: the 17th sector of 2,048 bytes
_HEAD = _ISO_DESCRIPTOR + 4096  # bytes; every magic number that is looked at lies within, but for btrfs
_BTRFS_MAGIC = 65536 + 64
_QCOW2_CORRUPT = 2  # bit 1 of the incompatible features
_QCOW2_EXTERNAL_DATA = 4  # bit 2

# Formats of QEMU and others that are known by sight and not taken: rare, unsafe to read, or spread over files.
_REFUSED = {
    b"QED\0": "QED",
    b"COWD": "old VMware (COWD)",
    b"WithoutFreeSpace": "Parallels",
    b"WithouFreSpacExt": "Parallels",
    b"LUKS\xba\xbe": "encrypted (LUKS)",
    b"# Disk DescriptorFile": "VMware descriptor, whose data is in other files",
    b"PK\x03\x04": "ZIP",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
}
_COMPRESSED = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zst"}


@dataclass(frozen=True)
class Header:
    """What an image's first bytes say; nothing of it is verified."""

    format: str  # qcow2, vmdk, vdi, vhdx, vpc, iso, raw
    size: int  # of the file, bytes
    capacity: int  # what a guest would see, bytes; the file's size where the header does not say
    backing: str | None = None
    encrypted: bool = False
    external_data: bool = False
    refused: str | None = None  # the name of a format that is recognised and not taken
    flaw: str | None = None  # what shows that it is incomplete
    plausible: bool = True  # False: raw only because it is nothing else


def compression(path: Path) -> str | None:
    """How a file is compressed: gz, bz2, xz or zst; None when it is not."""
    with path.open("rb") as file:
        head = file.read(8)
    return next((name for magic, name in _COMPRESSED.items() if head.startswith(magic)), None)


def read_header(path: Path) -> Header:
    """Read what an image says of itself; raises OSError."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        head = _at(file, 0, _HEAD)
        if size >= 4 and head[:4] == b"QFI\xfb":
            return _qcow2(file, head, size)
        for read in (_refused, _vmdk, _vdi, _iso):
            if header := read(head, size):
                return header
        if head.startswith(b"vhdxfile"):
            return Header("vhdx", size, size)
        if head.startswith(b"conectix"):
            return Header("vpc", size, struct.unpack_from(">Q", head, 48)[0])
        return _raw(file, head, size)


def _at(file: BinaryIO, offset: int, length: int) -> bytes:
    """Bytes at an offset, filled up with zeros past the end, so that fields can be unpacked."""
    file.seek(offset)
    return file.read(length).ljust(length, b"\0")


def _refused(head: bytes, size: int) -> Header | None:
    name = next((name for magic, name in _REFUSED.items() if head.startswith(magic)), None)
    if name is None and head[257:262] == b"ustar":
        name = "tar"
    return Header("raw", size, size, refused=name) if name else None


def _qcow2(file: BinaryIO, head: bytes, size: int) -> Header:
    version, backing_offset, backing_length = struct.unpack_from(">IQI", head, 4)
    capacity, encryption = struct.unpack_from(">QI", head, 24)
    if version not in (2, 3):
        return Header("raw", size, size, refused=f"QCOW version {version}")
    features = struct.unpack_from(">Q", head, 72)[0] if version == 3 else 0
    backing = None
    if backing_offset:
        backing = _at(file, min(backing_offset, size), min(backing_length, 1023)).decode(errors="replace")
    flaw = "it is marked as corrupt" if features & _QCOW2_CORRUPT else None
    return Header(
        "qcow2",
        size,
        capacity,
        backing=backing,
        encrypted=encryption != 0,
        external_data=bool(features & _QCOW2_EXTERNAL_DATA),
        flaw=flaw,
    )


def _vmdk(head: bytes, size: int) -> Header | None:
    if head[:4] != b"KDMV":
        return None
    capacity = struct.unpack_from("<Q", head, 12)[0] * SECTOR
    if not capacity:  # then a descriptor inside names the files that hold the data
        return Header("vmdk", size, size, refused="VMware descriptor, whose data is in other files")
    return Header("vmdk", size, capacity)


def _vdi(head: bytes, size: int) -> Header | None:
    if struct.unpack_from("<I", head, 0x40)[0] != 0xBEDA107F:
        return None
    data_offset = struct.unpack_from("<I", head, 0x158)[0]
    capacity = struct.unpack_from("<Q", head, 0x170)[0]
    block, allocated = struct.unpack_from("<I", head, 0x178)[0], struct.unpack_from("<I", head, 0x184)[0]
    flaw = _shorter_than(data_offset + block * allocated, size)  # qemu-img check does not look at this
    return Header("vdi", size, capacity, flaw=flaw)


def _iso(head: bytes, size: int) -> Header | None:
    if head[_ISO_DESCRIPTOR + 1 : _ISO_DESCRIPTOR + 6] != b"CD001":
        return None
    sectors = struct.unpack_from("<I", head, _ISO_DESCRIPTOR + 80)[0]
    return Header("iso", size, size, flaw=_shorter_than(sectors * 2048, size))


def _raw(file: BinaryIO, head: bytes, size: int) -> Header:
    flaw = None
    if size % SECTOR:
        flaw = f"its size, {size} bytes, is not a whole number of sectors"
    end = _gpt_end(head) or _mbr_end(head)
    return Header("raw", size, size, flaw=_shorter_than(end, size) or flaw, plausible=_plausible(file, head))


def _gpt_end(head: bytes) -> int:
    """Where the copy of the partition table at the end of the disk ends; 0 without a table."""
    for sector in (512, 4096):
        if head[sector : sector + 8] == b"EFI PART":
            last: int = struct.unpack_from("<Q", head, sector + 32)[0]
            return (last + 1) * sector
    return 0


def _mbr_end(head: bytes) -> int:
    """Where the last partition ends; 0 where there is no partition table."""
    entries = [head[offset : offset + 16] for offset in range(446, 510, 16)]
    if head[510:512] != b"\x55\xaa" or any(entry[0] not in (0, 0x80) for entry in entries):
        return 0  # a boot sector of a file system may end the same way
    ends = [sum(struct.unpack_from("<II", entry, 8)) for entry in entries if entry[4] not in (0, 0xEE)]
    return max(ends, default=0) * SECTOR


def _plausible(file: BinaryIO, head: bytes) -> bool:
    """Whether this looks like a disk: bootable, partitioned, a file system, or empty."""
    return (
        head[510:512] == b"\x55\xaa"
        or head[1080:1082] == b"\x53\xef"  # ext2, ext3, ext4
        or head[:4] in (b"XFSB", b"hsqs")
        or head[1024:1028] == b"\xe2\xe1\xf5\xe0"  # EROFS
        or head[512:520] == b"LABELONE"  # LVM
        or _at(file, _BTRFS_MAGIC, 8) == b"_BHRfS_M"
        or (len(head) > 0 and not any(head))
    )


def _shorter_than(needed: int, size: int) -> str | None:
    return f"it ends too early: {size} bytes are there, {needed} are needed" if needed > size else None
