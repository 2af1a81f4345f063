"""Writes the disks that a plan describes, as sparse raw files."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from skerry.commands import Arg
from skerry.errors import BadInput
from skerry.images.layout import FileSystem, Partition, Role, Subvolume
from skerry.images.outputs import grub, lvm, raid
from skerry.images.outputs.devices import extents
from skerry.images.outputs.disk_plan import ESP, DiskPlan, OwnFiles
from skerry.images.outputs.filesystems.registry import find_writer
from skerry.images.outputs.filesystems.writer import Job
from skerry.images.outputs.gpt import sfdisk_script
from skerry.images.outputs.output import OutputBuild
from skerry.images.outputs.overlay import make_overlay
from skerry.images.outputs.signed import read_signed
from skerry.images.outputs.trees import Contents, Tree, look_into, read_files, split, tree_of
from skerry.images.placing import copy_sparse
from skerry.sizes import format_size

_COMPRESSING = frozenset({"erofs", "btrfs"})  # may hold more than their size


@dataclass(frozen=True)
class DiskWriter:
    """One image's disks being written."""

    build: OutputBuild
    plan: DiskPlan

    async def write(self) -> dict[str, Path]:
        """Write all disks; their files by name.

        Raises:
            BadInput: a file system is too small for its files.
            BadRecipe: the root could not boot.
        """
        contents = await asyncio.to_thread(look_into, self.build.root_tar)
        overlay = await make_overlay(self.build) if self.plan.overlaid else None
        own = self.plan.own_files(contents, overlay)
        await self._tables()
        self.build.progress.update(0.05, "boot loader")
        esp = await self._boot_loader(contents)
        trees = await asyncio.to_thread(self._trees, contents, own, esp)
        jobs = list(self._file_systems())
        for number, (device, system) in enumerate(jobs):
            self.build.progress.update(
                0.1 + 0.5 * number / len(jobs), f"{system.mountpoint or device} ({system.type})"
            )
            await self._write_file_system(device, system, trees.get(device))
        await asyncio.to_thread(self._write_heads)
        return self._disks

    @cached_property
    def _disks(self) -> dict[str, Path]:
        return {disk.name: self._path(f"{disk.name}.raw") for disk in self.plan.layout.disks}

    def _path(self, name: str) -> Path:
        return self.build.workspace.path / name

    async def _tool(self, program: str, *words: Arg, stdin: str | None = None) -> None:
        await self.build.tools.run(
            program,
            *words,
            stdin=None if stdin is None else stdin.encode(),
            env={"SOURCE_DATE_EPOCH": str(self.build.epoch)},
            cwd=self.build.workspace.path,
            pass_fds=[self.build.workspace.lock],
        )

    async def _tables(self) -> None:
        for disk in self.plan.layout.disks:
            with self._disks[disk.name].open("wb") as file:
                file.truncate(disk.size)
            script = sfdisk_script(disk, self.build.identity)
            await self._tool("sfdisk", "--quiet", self._disks[disk.name], stdin=script)

    async def _boot_loader(self, contents: Contents) -> dict[str, bytes]:
        """Write what a BIOS starts, and return the files of the ESP."""
        boot, first = self.plan.boot, self.plan.layout.disks[0]
        self._path("early.cfg").write_text(grub.early_config(boot))
        if bios := first.find(Role.BIOS):
            await self._grub_image("i386-pc", "core.img", (*grub.BIOS_MODULES, *boot.modules))
            await asyncio.to_thread(self._write_boot_sectors, self._disks[first.name], bios)
        if first.find(Role.ESP) is None:
            return {}
        read = partial(read_files, self.build.root_tar)
        source = self.plan.meaning.source
        if signed := await asyncio.to_thread(read_signed, contents.names, source.distribution, read):
            return signed.esp_files(grub.vendor_config(boot))
        await self._grub_image("x86_64-efi", "bootx64.efi", (*grub.EFI_MODULES, *boot.modules))
        return grub.esp_files(self._path("bootx64.efi").read_bytes())

    async def _grub_image(self, target: str, file: str, modules: tuple[str, ...]) -> None:
        folder = self.build.tools.root / "usr/lib/grub" / target
        words = ("-O", target, "-d", folder, "-o", file, "-p", "/boot/grub", "-c", "early.cfg")
        await self._tool("grub-mkimage", *words, *modules)

    def _write_boot_sectors(self, disk: Path, bios: Partition) -> None:
        boot = (self.build.tools.root / "usr/lib/grub/i386-pc/boot.img").read_bytes()
        core, first = grub.patch_boot_sectors(self._path("core.img").read_bytes(), boot, bios.start)
        if len(core) > bios.size:
            raise BadInput(f"the boot loader has {len(core)} bytes, more than its partition")
        with disk.open("r+b") as file:
            file.write(first)
            file.seek(bios.offset)
            file.write(core)

    def _trees(self, contents: Contents, own: OwnFiles, esp: Mapping[str, bytes]) -> dict[str, Tree]:
        """What goes into each file system. All in one, if it can add files itself, needs no copy of the tar."""
        places, tar = self.plan.places, self.build.root_tar
        mounted = any(place.mountpoint == ESP for place in places)
        files = dict(own.files) | ({ESP + name: content for name, content in esp.items()} if mounted else {})
        devices = {place.device for place in places}
        kind = self.plan.root.file_system.type
        if len(devices) == 1 and find_writer(kind).in_place and not own.links:
            trees = {self.plan.root.device: Tree(tar, files, contents.size)}
        else:
            trees = split(tar, places, files, self.build.workspace.path, self.build.epoch, own.links)
        first = self.plan.layout.disks[0].find(Role.ESP)
        if first and not mounted:
            trees[first.name] = tree_of(esp, self._path("esp.tar"), self.build.epoch)
        return trees

    def _file_systems(self) -> Iterator[tuple[str, FileSystem]]:
        for device, content in self.plan.layout.contents.items():
            if isinstance(content, FileSystem):
                yield device, content

    async def _write_file_system(self, device: str, system: FileSystem, tree: Tree | None) -> None:
        writer, size = find_writer(system.type), self.plan.layout.sizes[device]
        if size < writer.least:
            raise BadInput(
                f"{system.type} needs at least {format_size(writer.least)}, and {system.mountpoint or device} has "
                f"{format_size(size)}",
                hint=f"raise its --size to {-(-writer.least // 1024**2)} or more, or choose another --fstype",
            )
        tree = tree or tree_of({}, self._path("empty.tar"), self.build.epoch)
        where = extents(self.plan.layout, device)
        if in_place := writer.in_place and len(where) == 1:
            image, offset = self._disks[where[0].disk], where[0].offset
        else:
            image, offset = self._path("file-system"), 0
            with image.open("wb") as file:
                file.truncate(size)
        subvolumes = self._subvolumes(device)
        job = Job(self.build, device, system, self.plan.uuids[device], size, image, offset, tree, subvolumes)
        if tree.size > size and system.type not in _COMPRESSING:
            raise job.too_small()
        await writer.write(job)
        if not in_place:
            await asyncio.to_thread(self._copy_in, image, device)
            image.unlink()
        if tree.tar != self.build.root_tar:
            tree.tar.unlink()

    def _subvolumes(self, device: str) -> tuple[Subvolume, ...]:
        return next((each.subvolumes for each in self.plan.layout.btrfs if each.name == device), ())

    def _copy_in(self, image: Path, device: str) -> None:
        for extent in extents(self.plan.layout, device):
            with self._disks[extent.disk].open("r+b") as disk:
                copy_sparse(image, disk.fileno(), extent.offset, begin=extent.begin, size=extent.size)

    def _write_heads(self) -> None:
        """What makes partitions members of arrays, and these or partitions physical volumes."""
        layout, build = self.plan.layout, self.build
        for array in layout.arrays:
            sizes = [layout.sizes[member] for member in array.members]
            for number, member in enumerate(array.members):
                block = raid.superblock(array, number, sizes, build.identity, build.epoch)
                self._write_at(member, raid.OFFSET, block)
        for group in layout.groups:
            for physical in group.members:
                head = lvm.head(group, physical.device, layout.sizes, build.identity, build.epoch)
                self._write_at(physical.device, 0, head)

    def _write_at(self, device: str, begin: int, data: bytes) -> None:
        for extent in extents(self.plan.layout, device, begin, len(data)):
            with self._disks[extent.disk].open("r+b") as disk:
                disk.seek(extent.offset)
                disk.write(data[extent.begin : extent.begin + extent.size])
