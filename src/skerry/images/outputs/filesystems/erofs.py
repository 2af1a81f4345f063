"""EROFS: read-only and compressed, by mkfs.erofs. It reads the tar, and writes the same bytes every time."""

from __future__ import annotations

import shlex
from typing import ClassVar

from skerry.images.outputs.filesystems.writer import Job
from skerry.images.placing import copy_sparse
from skerry.sizes import MIB

# LZ4 is what every kernel with EROFS reads (zstd: from 6.10). A third smaller than plain LZ4, for 7 more seconds.
_COMPRESSION = ("-zlz4hc,9", "-C65536", "-Efragments")


class Erofs:
    """A file system that is written once."""

    tools: ClassVar[tuple[str, ...]] = ("erofs-utils",)
    grub: ClassVar[str | None] = None  # from GRUB 2.14
    in_place: ClassVar[bool] = False
    least: ClassVar[int] = MIB

    def uuid(self, identity: str) -> str:
        """As it is."""
        return identity

    async def write(self, job: Job) -> None:
        """Write the file system, and see whether it is small enough."""
        made, system = job.path("erofs"), job.file_system
        chosen = shlex.split(system.mkfs_options)
        compression = () if any(word.startswith("-z") for word in chosen) else _COMPRESSION
        await job.tool(
            *("mkfs.erofs", "--quiet", "--tar=f", "-T", str(job.build.epoch), "--mkfs-time", "-U", job.uuid),
            *(*compression, *chosen, *(["-L", system.label[:15]] if system.label else [])),
            *(made, job.tree.tar),
        )
        if made.stat().st_size > job.size:
            raise job.too_small()
        with job.image.open("r+b") as file:
            copy_sparse(made, file.fileno(), job.offset)
        made.unlink()
