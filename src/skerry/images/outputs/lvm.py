"""What makes a partition a physical volume of LVM2: its label, and the text that says all of its group.

Format: the headers of lvm2's source (label.h, format_text/layout.h), and lvm2's page "On-Disk Data Structures";
`pvck --dump headers FILE` shows both. Numbers are little-endian.

    512     label, with the id and size of the volume, and where the text is
    4096    header of the metadata area, and behind it the text
    1 MiB   the first extent
"""

from __future__ import annotations

import itertools
import struct
import uuid
import zlib
from collections.abc import Callable, Mapping

from skerry.images.layout import PV_HEAD, SECTOR, LogicalVolume, VolumeGroup

_AREA = 4096  # bytes; where the metadata area begins
_HEADER = 512  # bytes
_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
_CRC_START = 0xF597A6CF
_MAGIC = b" LVM2 x[5A%r0N*>"


def crc(data: bytes) -> int:
    """LVM's checksum: CRC-32 with another beginning, and not inverted at its end."""
    return zlib.crc32(data, _CRC_START ^ 0xFFFFFFFF) ^ 0xFFFFFFFF


def lvm_id(identity: str) -> str:
    """The 32 letters of an id, from a UUID."""
    number, letters = uuid.UUID(identity).int, ""
    for _ in range(32):
        number, digit = divmod(number, len(_LETTERS))
        letters += _LETTERS[digit]
    return letters


def _dashed(letters: str) -> str:
    """As the text has it: groups of 6, 4, 4, 4, 4, 4 and 6."""
    cuts = (0, 6, 10, 14, 18, 22, 26, 32)
    return "-".join(letters[begin:end] for begin, end in itertools.pairwise(cuts))


def head(
    group: VolumeGroup, device: str, sizes: Mapping[str, int], identity: Callable[[str], str], epoch: int
) -> bytes:
    """The first bytes of a physical volume, up to the end of the text; `sizes` of devices, in bytes."""
    text = metadata(group, sizes, identity, epoch).encode() + b"\0"
    area = PV_HEAD - _AREA
    locations = struct.pack("<QQII", _HEADER, len(text), crc(text), 0)
    header = (_MAGIC + struct.pack("<IQQ", 1, _AREA, area) + locations).ljust(_HEADER - 4, b"\0")
    first = bytes(SECTOR) + label(device, sizes[device], identity)
    return first.ljust(_AREA, b"\0") + struct.pack("<I", crc(header)) + header + text


def label(device: str, size: int, identity: Callable[[str], str]) -> bytes:
    """The sector that says that this is a physical volume."""
    end = bytes(16)
    areas = struct.pack("<QQ", PV_HEAD, 0) + end + struct.pack("<QQ", _AREA, PV_HEAD - _AREA) + end
    volume = lvm_id(identity(f"pv {device}")).encode() + struct.pack("<Q", size) + areas
    extension = struct.pack("<II", 2, 1) + end  # version 2; in use; no area for boot loaders
    rest = (struct.pack("<I8s", 32, b"LVM2 001") + volume + extension).ljust(SECTOR - 20, b"\0")
    return b"LABELONE" + struct.pack("<QI", 1, crc(rest)) + rest


def metadata(group: VolumeGroup, sizes: Mapping[str, int], identity: Callable[[str], str], epoch: int) -> str:
    """The group, its physical and its logical volumes, as LVM writes them."""
    names = {member.device: f"pv{number}" for number, member in enumerate(group.members)}
    lines = [f"{group.name} {{", f'id = "{_dashed(lvm_id(identity(f"group {group.name}")))}"']
    lines += ["seqno = 1", 'format = "lvm2"', 'status = ["RESIZEABLE", "READ", "WRITE"]', "flags = []"]
    lines += [f"extent_size = {group.extent_size // SECTOR}", "max_lv = 0", "max_pv = 0", "metadata_copies = 0"]
    lines.append("physical_volumes {")
    for member in group.members:
        lines += [f"{names[member.device]} {{", f'id = "{_dashed(lvm_id(identity(f"pv {member.device}")))}"']
        lines += ['device = "unknown"', 'status = ["ALLOCATABLE"]', "flags = []"]
        lines += [f"dev_size = {sizes[member.device] // SECTOR}", f"pe_start = {PV_HEAD // SECTOR}"]
        lines += [f"pe_count = {member.extents}", "}"]
    lines.append("}")
    if group.volumes:
        lines.append("logical_volumes {")
        for volume in group.volumes:
            lines += _volume_lines(volume, names, identity, epoch)
        lines.append("}")
    lines += ["}", 'contents = "Text Format Volume Group"', "version = 1", 'description = ""']
    return "\n".join([*lines, 'creation_host = "skerry"', f"creation_time = {epoch}"]) + "\n"


def _volume_lines(
    volume: LogicalVolume, names: Mapping[str, str], identity: Callable[[str], str], epoch: int
) -> list[str]:
    lines = [f"{volume.name.partition('/')[2]} {{", f'id = "{_dashed(lvm_id(identity(f"lv {volume.name}")))}"']
    lines += ['status = ["READ", "WRITE", "VISIBLE"]', "flags = []", f"creation_time = {epoch}"]
    lines += ['creation_host = "skerry"', f"segment_count = {len(volume.segments)}"]
    start = 0
    for number, segment in enumerate(volume.segments, start=1):
        lines += [f"segment{number} {{", f"start_extent = {start}", f"extent_count = {segment.extents}"]
        lines += [
            'type = "striped"',
            "stripe_count = 1",
            f'stripes = ["{names[segment.device]}", {segment.start}]',
        ]
        lines.append("}")
        start += segment.extents
    return [*lines, "}"]
