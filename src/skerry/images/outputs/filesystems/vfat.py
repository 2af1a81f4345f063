"""FAT, by mkfs.vfat and mtools: the same bytes every time."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import tarfile
from pathlib import Path
from typing import ClassVar

from skerry.images.outputs.filesystems.writer import Job
from skerry.sizes import MIB

_FAT32_FROM = 512 * MIB
_FAT12_BELOW = 8 * MIB


class Vfat:
    """A FAT file system; owners, modes and links are more than it can hold."""

    tools: ClassVar[tuple[str, ...]] = ()
    grub: ClassVar[str | None] = "fat"
    in_place: ClassVar[bool] = False
    least: ClassVar[int] = MIB

    def uuid(self, identity: str) -> str:
        """The eight digits of a volume id, as udev writes them."""
        return f"{identity[:4]}-{identity[4:8]}".upper()

    async def write(self, job: Job) -> None:
        """Write the file system, then copy regular files and folders into it."""
        system = job.file_system
        bits = "32" if job.size >= _FAT32_FROM else "12" if job.size < _FAT12_BELOW else "16"
        await job.tool(
            *("mkfs.vfat", "--invariant", "-F", bits, "-i", job.uuid.replace("-", "")),
            *(["-n", system.label[:11].upper()] if system.label else []),
            *shlex.split(system.mkfs_options),
            job.image,
        )
        folder = job.path("folder")
        folder.mkdir()
        await asyncio.to_thread(extract_plain, job.tree.tar, folder, job.build.epoch)
        if names := sorted(path.name for path in folder.iterdir()):
            # With -m it keeps the times, in UTC like everything here.
            sources = [folder / name for name in names]
            await job.tool("mcopy", "-s", "-m", "-Q", "-i", job.image, *sources, "::/", env={"TZ": "UTC"})


def extract_plain(tar: Path, folder: Path, epoch: int) -> None:
    """Unpack regular files and folders only, so that nothing can point out of the folder; all of time `epoch`."""
    with tarfile.open(tar, "r:") as archive:
        for member in archive:
            target = folder / member.name.removeprefix("./").strip("/")
            if target == folder or ".." in target.parts:
                continue
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
            elif source := archive.extractfile(member) if member.isreg() else None:
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as file:
                    shutil.copyfileobj(source, file)
    for path in sorted(folder.rglob("*"), reverse=True):
        os.utime(path, (epoch, epoch))
