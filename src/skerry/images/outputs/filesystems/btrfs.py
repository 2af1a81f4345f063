"""btrfs, by mkfs.btrfs. It reads a folder; its bytes are others every time (it draws UUIDs of its own)."""

from __future__ import annotations

import shlex
from typing import ClassVar

from skerry.images.outputs.filesystems.writer import Job
from skerry.sizes import MIB


class Btrfs:
    """A btrfs on one device, with or without subvolumes."""

    tools: ClassVar[tuple[str, ...]] = ("btrfs-progs",)
    grub: ClassVar[str | None] = "btrfs"
    in_place: ClassVar[bool] = False
    least: ClassVar[int] = 128 * MIB  # mkfs.btrfs says 109, without any file

    def uuid(self, identity: str) -> str:
        """As it is."""
        return identity

    async def write(self, job: Job) -> None:
        """Unpack the tree, in which subvolumes are folders of the top, and let mkfs.btrfs read it."""
        folder = await job.unpack()
        system = job.file_system
        compression = next(
            (word.partition("=")[2] for word in system.mount_options.split(",") if word.startswith("compress")), ""
        )
        await job.tool(
            *("mkfs.btrfs", "--quiet", "--force", "--uuid", job.uuid, "--rootdir", str(folder)),
            *(["--compress", compression] if compression else []),
            *(["--label", system.label] if system.label else []),
            *(word for each in job.subvolumes for word in ("--subvol", f"rw:{each.name}")),
            *shlex.split(system.mkfs_options),
            job.image,
            as_owner=True,
        )
        if job.image.stat().st_size > job.size:  # mkfs.btrfs lets a file grow when it is too small
            raise job.too_small()
