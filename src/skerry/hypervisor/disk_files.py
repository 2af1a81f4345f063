"""How large disks are, looked at in their files.

Libvirt could be asked, but for a running machine it asks QEMU, and one QEMU that hangs would hold up a whole list.
"""

from __future__ import annotations

import os
import stat
import struct
from dataclasses import dataclass

_QCOW2 = b"QFI\xfb"
_HEADER = 32  # bytes; the size that a guest sees is the last eight of them


@dataclass(frozen=True)
class DiskSize:
    """Sizes in bytes."""

    size: int  # that the guest sees
    allocation: int  # that are used on the host


def measure(path: str, image_format: str | None) -> DiskSize | None:
    """The sizes of a disk; None where its file is missing or not to be read, or of a format that is not known."""
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - many small looks
            found = os.fstat(file.fileno())
            header = file.read(_HEADER)
            length = file.seek(0, os.SEEK_END)
    except OSError:
        return None
    used = length if stat.S_ISBLK(found.st_mode) else found.st_blocks * 512
    if image_format in {None, "raw"}:
        return DiskSize(length, used)
    if image_format == "qcow2" and header.startswith(_QCOW2) and len(header) == _HEADER:
        return DiskSize(struct.unpack_from(">Q", header, 24)[0], used)
    return None
