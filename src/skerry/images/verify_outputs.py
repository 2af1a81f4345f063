"""Compares two makings of one output: its bytes, and its contents where no program writes the same bytes twice."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from skerry.commands import Arg, Commands
from skerry.images.builder import FILES, read_facts
from skerry.images.cache import Workspace
from skerry.images.differences import differing_files, differing_places, first_lines
from skerry.images.layout import FileSystem, Layout
from skerry.images.outputs.devices import extents
from skerry.images.outputs.disk import Qcow2Disk, RawDisk, disk_layout, file_names
from skerry.images.outputs.output import Output
from skerry.images.placing import copy_sparse
from skerry.images.session import namespace_argv, pack_argv
from skerry.images.toolbox import Tools
from skerry.images.words import Meaning

_DRAWN = frozenset({"btrfs"})  # whose bytes are others every time
_TIMEOUT_S = 1800.0


def drawn_devices(layout: Layout) -> tuple[str, ...]:
    """The file systems that must be compared by what is in them."""
    return tuple(
        device
        for device, content in layout.contents.items()
        if isinstance(content, FileSystem) and content.type in _DRAWN
    )


def drawn(output: Output, meaning: Meaning) -> tuple[str, ...]:
    """The file systems of an output that must be compared so."""
    return drawn_devices(disk_layout(meaning)) if isinstance(output, RawDisk | Qcow2Disk) else ()


def ranges_of(layout: Layout, disk: str, devices: tuple[str, ...]) -> list[tuple[int, int]]:
    """Where on a disk these devices are: begin and end, in bytes."""
    return [
        (extent.offset, extent.offset + extent.size)
        for device in devices
        for extent in extents(layout, device)
        if extent.disk == disk
    ]


@dataclass(frozen=True)
class Comparison:
    """What two entries of the cache are compared with."""

    output: Output
    meaning: Meaning
    name: str  # base name of the files
    epoch: int
    tools: Tools
    workspace: Workspace
    commands: Commands

    async def differences(self, one: Path, other: Path) -> list[str]:
        """In what two entries of this output differ: a line for each file, and for what is in it."""
        first, second = read_facts(one), read_facts(other)
        lines = [
            f"{self.output.name}: only one build made {name}"
            for kind in ("files", "folders")
            for name in sorted(first[kind].keys() ^ second[kind].keys())
        ]
        both = first["files"].keys() & second["files"].keys()
        unlike = sorted(name for name in both if first["files"][name] != second["files"][name])
        if unlike and drawn(self.output, self.meaning):
            lines += await self._disks(one / FILES, other / FILES)
        else:
            for name in unlike:
                places = await asyncio.to_thread(differing_places, one / FILES / name, other / FILES / name)
                lines.append(f"{self.output.name}: {name} differs {', '.join(places)}")
        for name in sorted(first["folders"].keys() & second["folders"].keys()):
            tars = [await self._packed(each / FILES / name) for each in (one, other)]
            lines += await self._unlike_tars(name, *tars)
        return lines

    async def _disks(self, one: Path, other: Path) -> list[str]:
        """Compare disks: the bytes around file systems that are others every time, and the files in these."""
        layout, lines = disk_layout(self.meaning), list[str]()
        devices = drawn_devices(layout)
        first, second = await self._raw(layout, one, "one"), await self._raw(layout, other, "other")
        for disk, path in first.items():
            but = ranges_of(layout, disk, devices)
            if places := await asyncio.to_thread(differing_places, path, second[disk], but):
                lines.append(f"{self.output.name}: {disk} differs {', '.join(places)}")
        for device in devices:
            tars = [await self._contents(layout, disks, device) for disks in (first, second)]
            lines += await self._unlike_tars(device, *tars)
        return lines

    async def _raw(self, layout: Layout, folder: Path, name: str) -> Mapping[str, Path]:
        """Raw disks by name."""
        if isinstance(self.output, RawDisk):
            return {disk: folder / file for disk, file in file_names(self.name, layout, "raw").items()}
        found = {}
        for disk, file in file_names(self.name, layout, "qcow2").items():
            found[disk] = self.workspace.path / f"{name}-{disk}.raw"
            await self._run("qemu-img", "convert", "-f", "qcow2", "-O", "raw", folder / file, found[disk])
        return found

    async def _contents(self, layout: Layout, disks: Mapping[str, Path], device: str) -> Path:
        """The files of a btrfs as a tar."""
        image = self.workspace.path / "file-system"
        with image.open("wb") as file:
            file.truncate(layout.sizes[device])
            for extent in extents(layout, device):
                copy_sparse(disks[extent.disk], file.fileno(), extent.begin, begin=extent.offset, size=extent.size)
        folder = self.workspace.scratch / "tree"
        await self._run("mkdir", folder, as_owner=True)
        restore = self.tools.argv("btrfs", "restore", "--metadata", "--symlink", "--xattr", image, folder)
        # It asks whether to go on with a file of many parts: yes, with all of them.
        await self._run(*restore, as_owner=True, stdin=b"a\n" * 100)
        image.unlink()
        tar = await self._packed(folder)
        await self._run("rm", "-rf", folder, as_owner=True)
        return tar

    async def _packed(self, folder: Path) -> Path:
        tar = self.workspace.path / f"{len(list(self.workspace.path.iterdir()))}.tar"
        await self._run(*pack_argv(folder, tar, self.epoch), as_owner=True)
        return tar

    async def _unlike_tars(self, what: str, one: Path, other: Path) -> list[str]:
        lines = await asyncio.to_thread(lambda: first_lines(differing_files(one, other)))
        for tar in (one, other):
            tar.unlink()
        return [f"{self.output.name}: {what}:", *lines] if lines else []

    async def _run(self, *argv: Arg, as_owner: bool = False, stdin: bytes | None = None) -> None:
        prefix = namespace_argv(os.geteuid()) if as_owner else []
        await self.commands.run(
            [*prefix, *argv],
            stdin=stdin,
            cwd=self.workspace.path,
            timeout=_TIMEOUT_S,
            pass_fds=[self.workspace.lock],
        )
