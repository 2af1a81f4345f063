"""Swap: a page that says where the others are."""

from __future__ import annotations

import struct
import uuid
from typing import ClassVar

from skerry.images.outputs.filesystems.writer import Job
from skerry.sizes import MIB

PAGE = 4096  # bytes
_MAGIC = b"SWAPSPACE2"


class Swap:
    """Swap space of version 1, as mkswap(8) writes it."""

    tools: ClassVar[tuple[str, ...]] = ()
    grub: ClassVar[str | None] = None
    in_place: ClassVar[bool] = True
    least: ClassVar[int] = MIB

    def uuid(self, identity: str) -> str:
        """As it is."""
        return identity

    async def write(self, job: Job) -> None:
        """Write the first page."""
        with job.image.open("r+b") as file:
            file.seek(job.offset)
            file.write(header(job.size, job.uuid, job.file_system.label))


def header(size: int, identity: str, label: str) -> bytes:
    """The first page. Fields: linux/swap.h, union swap_header; behind 1024 bytes for a boot sector."""
    info = struct.pack("<III16s16s", 1, size // PAGE - 1, 0, uuid.UUID(identity).bytes, label.encode()[:16])
    return (bytes(1024) + info).ljust(PAGE - len(_MAGIC), b"\0") + _MAGIC
