"""Disks that boot on BIOS and on UEFI, from a root's tar.

Nothing is mounted and no device is used: file systems are written into files, and files are put together by their
offsets. `layout` says what is where, `disk_plan` how things find each other, `disk_writer` writes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar, Literal

from skerry.images.layout import FileSystem, Layout
from skerry.images.outputs import overlay as overlay_initrd
from skerry.images.outputs.devices import check_devices
from skerry.images.outputs.disk_plan import DiskPlan
from skerry.images.outputs.disk_writer import DiskWriter
from skerry.images.outputs.filesystems.registry import WRITERS, find_writer
from skerry.images.outputs.output import OutputBuild
from skerry.images.outputs.qcow2 import compress
from skerry.images.placement import lay_out
from skerry.images.words import Meaning

DiskFormat = Literal["qcow2", "raw"]
FORMATS: tuple[DiskFormat, ...] = ("qcow2", "raw")
FORMAT = 5  # of the disk; part of the step's key
_WRITTEN = 0.6  # of the progress, when the raw disks are there


def disk_layout(meaning: Meaning) -> Layout:
    """What is where on the disks of a recipe.

    Raises:
        BadInput: it does not fit, or cannot be written into files.
    """
    layout = lay_out(meaning.storage)
    check_devices(layout)
    return layout


def tools_for(kinds: Iterable[str]) -> tuple[str, ...]:
    """Debian packages that write these kinds of file systems, beyond the common tools: all of them, or none."""
    if not any(find_writer(kind).tools for kind in kinds):
        return ()
    return tuple(sorted({*overlay_initrd.TOOLS, *(tool for each in WRITERS.values() for tool in each.tools)}))


def file_names(name: str, layout: Layout, suffix: str) -> dict[str, str]:
    """How the files of the disks are called: NAME.raw, or with several disks NAME-DISK.raw."""
    if len(layout.disks) == 1:
        return {layout.disks[0].name: f"{name}.{suffix}"}
    return {disk.name: f"{name}-{disk.name}.{suffix}" for disk in layout.disks}


class _Disk:
    """What both kinds share."""

    tools: ClassVar[tuple[str, ...]] = ()

    def more_tools(self, meaning: Meaning) -> tuple[str, ...]:
        """The programs of all file systems, if the recipe wants one that needs more than the common ones."""
        kinds = {each.type for each in disk_layout(meaning).contents.values() if isinstance(each, FileSystem)}
        return tools_for(kinds)

    def inputs(self, meaning: Meaning) -> Mapping[str, object]:
        """Partitions and boot loader."""
        return {
            "format": FORMAT,
            "layout": disk_layout(meaning),
            "overlay": overlay_initrd.script_hash(),
            "kernel arguments": meaning.kernel_arguments,
            "loader timeout": meaning.loader_timeout_s,
        }


class RawDisk(_Disk):
    """Sparse files with the bytes of disks."""

    name: ClassVar[str] = "disk"
    help: ClassVar[str] = "a disk for BIOS and UEFI, as a raw file"

    async def make(self, build: OutputBuild, folder: Path) -> None:
        """Write the disks."""
        layout = disk_layout(build.meaning)
        disks = await _write(build, layout)
        for name, file in file_names(build.name, layout, "raw").items():
            disks[name].rename(folder / file)


class Qcow2Disk(_Disk):
    """The same disks, compressed, in QEMU's own format."""

    name: ClassVar[str] = "qcow2"
    help: ClassVar[str] = "the same disk as compressed qcow2"

    async def make(self, build: OutputBuild, folder: Path) -> None:
        """Write the disks and compress them."""
        layout = disk_layout(build.meaning)
        disks = await _write(build, layout)
        names = file_names(build.name, layout, "qcow2")
        share = (1 - _WRITTEN) / len(names)
        for number, (name, file) in enumerate(names.items()):
            begin = _WRITTEN + share * number
            await compress(build, disks[name], folder / file, begin=begin, end=begin + share)
            await asyncio.to_thread(disks[name].unlink)


async def _write(build: OutputBuild, layout: Layout) -> dict[str, Path]:
    return await DiskWriter(build, DiskPlan(build.meaning, layout, build.identity)).write()
