"""The superblock of a software RAID, as md(4) reads it: version 1.2, at 4 KiB of each member.

Fields: linux/raid/md_p.h, struct mdp_superblock_1. All numbers are little-endian.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable, Sequence

from skerry.images.layout import ARRAY_HEAD, SECTOR, Array

OFFSET = 4096  # bytes, from the member's beginning
_MAGIC = 0xA92B4EFC
_IN_SYNC = 2**64 - 1
_SPARE = 0xFFFF
_ROLES = 128
_HEAD = 256  # bytes in front of the roles
_SUM_AT = 0xD8


def superblock(
    array: Array, number: int, member_sizes: Sequence[int], identity: Callable[[str], str], epoch: int
) -> bytes:
    """The superblock of the member `number` of a mirror whose members hold the same; sizes in bytes."""
    active = len(array.members) - array.spares
    name = array.name.removeprefix("md/").encode()[:32]
    member = array.members[number]
    head = struct.pack("<4I16s32s", _MAGIC, 1, 0, 0, uuid.UUID(identity(f"array {array.name}")).bytes, name)
    head += struct.pack("<QIIQII", epoch, 1, 0, array.member_size // SECTOR, 0, active)
    head += bytes(0x80 - len(head))  # no bitmap, no reshaping
    data = ARRAY_HEAD // SECTOR
    head += struct.pack("<4Q", data, member_sizes[number] // SECTOR - data, OFFSET // SECTOR, 0)
    head += struct.pack("<II16s8x", number, 0, uuid.UUID(identity(f"member {array.name} {member}")).bytes)
    head += struct.pack("<QQQII32x", epoch, 1, _IN_SYNC, 0, _ROLES)
    roles = [each if each < active else _SPARE for each in range(len(array.members))]
    roles += [_SPARE] * (_ROLES - len(roles))
    block = bytearray(head + struct.pack(f"<{_ROLES}H", *roles))
    block[_SUM_AT : _SUM_AT + 4] = struct.pack("<I", checksum(bytes(block)))
    return bytes(block)


def checksum(block: bytes) -> int:
    """The sum of its 32-bit words, folded once; the field itself counts as zero."""
    total: int = sum(struct.unpack(f"<{len(block) // 4}I", block))
    return ((total & 0xFFFFFFFF) + (total >> 32)) & 0xFFFFFFFF
