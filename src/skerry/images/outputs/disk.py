"""A disk that boots on BIOS and on UEFI, from a root's tar: GPT, boot loader, ext4.

Nothing is mounted and no device is used; the pieces are files that are put together by their offsets.

    MBR      GRUB's first 440 bytes, which load …
    part 1   BIOS boot: GRUB's core, by its sector
    part 2   EFI system partition: the same GRUB as EFI/BOOT/BOOTX64.EFI
    part 3   the root, last, so that it can grow
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from skerry.commands import Commands
from skerry.errors import BadInput, CommandFailed
from skerry.images.cache import Workspace
from skerry.images.outputs.output import OutputBuild, identity
from skerry.images.placing import copy_sparse
from skerry.images.recipe import BadRecipe
from skerry.images.tools import Tools
from skerry.images.words import Meaning, RootPartition
from skerry.progress import Progress
from skerry.sizes import MIB, format_size

DiskFormat = Literal["qcow2", "raw"]
FORMATS: tuple[DiskFormat, ...] = ("qcow2", "raw")
FORMAT = 3  # of the disk; part of the step's key
SECTOR = 512  # bytes
_GPT_TAIL = 33  # sectors of the second table
_BIOS_BOOT_SIZE = MIB
_ESP_SIZE = 16 * MIB
_TYPES = {
    "bios": "21686148-6449-6E6F-744E-656564454649",
    "esp": "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
    "root": "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709",
}
_BIOS_MODULES = ("biosdisk", "part_gpt", "ext2", "search_fs_uuid", "normal", "linux", "serial", "terminal", "echo")
_EFI_MODULES = ("part_gpt", "fat", "ext2", "search_fs_uuid", "normal", "linux", "serial", "terminal", "echo")
_EFI_VIDEO = ("efi_gop", "all_video")


@dataclass(frozen=True)
class Partition:
    """A range of the disk, in sectors."""

    name: str
    start: int
    sectors: int

    @property
    def end(self) -> int:
        """The first sector behind it."""
        return self.start + self.sectors

    @property
    def offset(self) -> int:
        """Its first byte."""
        return self.start * SECTOR

    @property
    def size(self) -> int:
        """Its length in bytes."""
        return self.sectors * SECTOR


@dataclass(frozen=True)
class Layout:
    """Where everything is on the disk."""

    bios: Partition
    esp: Partition
    root: Partition
    size: int  # bytes, a whole number of MiB

    @property
    def partitions(self) -> tuple[Partition, ...]:
        """All of them, in order."""
        return self.bios, self.esp, self.root


def layout_for(root: RootPartition) -> Layout:
    """Lay out the disk: parts begin at whole MiB, the root is as large as asked, the second table fits behind it.

    Raises:
        BadInput: the root is not a positive number of MiB.
    """
    if root.size <= 0 or root.size % MIB:
        raise BadInput(f"a root of {root.size} bytes is not a whole number of MiB")
    bios = Partition("bios", MIB // SECTOR, _BIOS_BOOT_SIZE // SECTOR)
    esp = Partition("esp", bios.end, _ESP_SIZE // SECTOR)
    whole = Partition("root", esp.end, root.size // SECTOR)
    return Layout(bios, esp, whole, size=-(-(whole.end + _GPT_TAIL) * SECTOR // MIB) * MIB)


def sfdisk_script(layout: Layout, key: str) -> str:
    """The partition table as sfdisk reads it."""
    lines = ["label: gpt", "unit: sectors", f"label-id: {identity(key, 'disk')}", "first-lba: 34", ""]
    lines += [
        f"start={part.start}, size={part.sectors}, type={_TYPES[part.name]}, "
        f"uuid={identity(key, part.name)}, name={part.name}"
        for part in layout.partitions
    ]
    return "\n".join(lines) + "\n"


def early_config(root_uuid: str) -> str:
    """What GRUB's core does first: find the root."""
    return f"search.fs_uuid {root_uuid} root\nset prefix=($root)/boot/grub\n"


def grub_config(meaning: Meaning, root_uuid: str) -> str:
    """The menu. The kernel's links are kept by Debian's kernel packages, so it is right after every update.

    It stays on the screen alone where no console is on a serial port: asking for a port that is not there would
    stop the boot for ten seconds.
    """
    arguments = f"root=UUID={root_uuid} ro {meaning.kernel_arguments}".strip()
    both = "serial --unit=0 --speed=115200\nterminal_input console serial\nterminal_output console serial\n"
    return f"""\
{both if "console=ttyS0" in arguments else ""}set default=0
set timeout={meaning.loader_timeout_s}
menuentry "{meaning.source}" {{
  linux /vmlinuz {arguments}
  initrd /initrd.img
}}
menuentry "{meaning.source}, previous kernel" {{
  linux /vmlinuz.old {arguments}
  initrd /initrd.img.old
}}
"""


def fstab(root: RootPartition, root_uuid: str) -> str:
    """The root, and that its file system grows with its partition."""
    options = "defaults,errors=remount-ro" + (",x-systemd.growfs" if root.grow else "")
    return f"UUID={root_uuid} / ext4 {options} 0 1\n"


def patch_boot_sectors(core: bytes, boot: bytes, core_sector: int) -> tuple[bytes, bytes]:
    """GRUB's core and first 440 bytes with the addresses that its installer would write.

    boot.img: the core's sector (64 bits at 0x5c), and two no-ops for a jump that trusts the BIOS's drive number.
    core.img: its list of blocks, in its first sector: where the rest is, how long, and where in memory it goes.
    """
    sectors = -(-len(core) // SECTOR)
    first = bytearray(boot[:440])
    first[0x5C:0x64] = struct.pack("<Q", core_sector)
    first[0x66:0x68] = b"\x90\x90"
    patched = bytearray(core.ljust(sectors * SECTOR, b"\0"))
    patched[0x1F4:0x200] = struct.pack("<QHH", core_sector + 1, sectors - 1, 0x820)
    return bytes(patched), bytes(first)


@dataclass(frozen=True)
class DiskBuild:
    """One disk to make."""

    meaning: Meaning
    key: str
    layout: Layout
    tools: Tools
    workspace: Workspace
    epoch: int

    @property
    def root_uuid(self) -> str:
        """The UUID of the root's file system."""
        return identity(self.key, "root-fs")

    def path(self, name: str) -> Path:
        """A file of the workspace."""
        return self.workspace.path / name

    async def tool(
        self, program: str, *words: str | Path, stdin: str | None = None, env: Mapping[str, str] | None = None
    ) -> str:
        """Run a tool in the workspace."""
        try:
            output = await self.tools.run(
                program,
                *words,
                stdin=None if stdin is None else stdin.encode(),
                env={"SOURCE_DATE_EPOCH": str(self.epoch)} | dict(env or {}),
                cwd=self.workspace.path,
                pass_fds=[self.workspace.lock],
            )
        except CommandFailed as exc:
            if "Could not allocate" in exc.message:
                raise _too_small(self.meaning.root) from exc
            raise
        return output.stdout + output.stderr


async def write_raw(build: DiskBuild, tar: Path, disk: Path, progress: Progress) -> None:
    """Write the whole disk as a sparse raw file.

    Raises:
        BadInput: the root is too small for what is in the tar.
        NoSpace, CommandFailed: as they say.
    """
    await _root_file_system(build, tar)
    progress.update(0.5, "boot loader")
    await _boot_loader(build)
    await _esp(build)
    with disk.open("wb") as file:
        file.truncate(build.layout.size)
    await build.tool("sfdisk", "--quiet", disk, stdin=sfdisk_script(build.layout, build.key))
    progress.update(0.6, "putting the disk together")
    await asyncio.to_thread(_assemble, build, disk)


async def _root_file_system(build: DiskBuild, tar: Path) -> None:
    image = build.path("root.ext4")
    with image.open("wb") as file:
        file.truncate(build.layout.root.size)
    hash_seed = identity(build.key, "hash-seed")
    features = "^orphan_file,^metadata_csum_seed"  # which older boot loaders and rescue systems cannot read
    await build.tool(
        *("mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-m", "1", "-O", features),
        *("-L", build.meaning.root.label, "-U", build.root_uuid),
        *("-E", f"hash_seed={hash_seed},lazy_itable_init=1,nodiscard", "-d", tar, image),
        env={"MKE2FS_CONFIG": str(build.tools.root / "etc/mke2fs.conf")},
    )
    files = root_files(build.meaning, build.root_uuid)
    for number, text in enumerate(files.values()):
        build.path(f"file-{number}").write_text(text)
    said = await build.tool("debugfs", "-w", "-f", "-", image, stdin=debugfs_script(list(files)))
    if "No space" in said or "Could not allocate" in said:
        raise _too_small(build.meaning.root)
    names = {
        line.split("/")[5]
        for line in (await build.tool("debugfs", "-R", "ls -p /", image)).splitlines()
        if "/" in line
    }
    if missing := {"vmlinuz", "initrd.img"} - names:
        raise BadRecipe(
            f"the disk could not boot: the root has no {' and no '.join(sorted(missing))}",
            hint="add a kernel to %packages, such as linux-image-cloud-amd64",
        )


def root_files(meaning: Meaning, root_uuid: str) -> dict[str, str]:
    """What only the disk knows, and its root must hold: by path."""
    files = {"/etc/fstab": fstab(meaning.root, root_uuid), "/boot/grub/grub.cfg": grub_config(meaning, root_uuid)}
    if meaning.root.grow:  # by systemd-repart, where that is installed
        files["/etc/repart.d/50-root.conf"] = "[Partition]\nType=root\n"
    return files


def debugfs_script(paths: Sequence[str]) -> str:
    """Write the files file-0, file-1 … to these paths, as root's."""
    lines = []
    for number, path in enumerate(paths):
        folder, name = path.rsplit("/", 1)
        lines += [f"mkdir {folder}", f"cd {folder}", f"rm {name}", f"write file-{number} {name}"]
        lines += [f"sif {name} mode 0100644", f"sif {name} uid 0", f"sif {name} gid 0"]
    return "\n".join(lines) + "\n"


def _too_small(root: RootPartition) -> BadInput:
    return BadInput(
        f"the packages do not fit in a root of {format_size(root.size)}", hint="raise --size of `part /`"
    )


async def _boot_loader(build: DiskBuild) -> None:
    build.path("early.cfg").write_text(early_config(build.root_uuid))
    grub = build.tools.root / "usr/lib/grub"
    for target, file, modules in (
        ("i386-pc", "core.img", _BIOS_MODULES),
        ("x86_64-efi", "bootx64.efi", (*_EFI_MODULES, *_EFI_VIDEO)),
    ):
        await build.tool(
            *("grub-mkimage", "-O", target, "-d", grub / target, "-o", file),
            *("-p", "/boot/grub", "-c", "early.cfg", *modules),
        )


async def _esp(build: DiskBuild) -> None:
    with build.path("esp.img").open("wb") as file:
        file.truncate(build.layout.esp.size)
    volume_id = identity(build.key, "esp-fs")[:8]
    await build.tool("mkfs.vfat", "--invariant", "-F", "16", "-i", volume_id, "-n", "ESP", "esp.img")
    await build.tool("mmd", "-i", "esp.img", "::/EFI", "::/EFI/BOOT")
    await build.tool("mcopy", "-i", "esp.img", "bootx64.efi", "::/EFI/BOOT/BOOTX64.EFI")


def _assemble(build: DiskBuild, disk: Path) -> None:
    boot = (build.tools.root / "usr/lib/grub/i386-pc/boot.img").read_bytes()
    layout = build.layout
    core, first = patch_boot_sectors(build.path("core.img").read_bytes(), boot, layout.bios.start)
    if len(core) > layout.bios.size:
        raise BadInput(f"the boot loader has {len(core)} bytes, more than its partition")
    with disk.open("r+b") as target:
        target.write(first)
        target.seek(layout.bios.offset)
        target.write(core)
        for name, part in (("esp.img", layout.esp), ("root.ext4", layout.root)):
            copy_sparse(build.path(name), target.fileno(), part.offset)
    build.path("root.ext4").unlink()


async def convert(
    raw: Path, result: Path, disk_format: DiskFormat, commands: Commands, progress: Progress
) -> None:
    """Turn the raw disk into its final form."""
    if disk_format == "raw":
        raw.rename(result)
        return

    def on_line(text: str) -> None:
        number = text.strip().removeprefix("(").partition("/")[0]
        if number.replace(".", "", 1).isdigit():
            progress.update(0.7 + 0.3 * float(number) / 100, "compressing")

    argv = ["qemu-img", "convert", "-p", "-f", "raw", "-O", "qcow2", "-c", "-o", "compat=1.1,lazy_refcounts=off"]
    await commands.run([*argv, raw, result], timeout=1800, on_line=on_line)


def _inputs(meaning: Meaning) -> Mapping[str, object]:
    return {
        "format": FORMAT,
        "partition": vars(meaning.root),
        "kernel arguments": meaning.kernel_arguments,
        "loader timeout": meaning.loader_timeout_s,
    }


class RawDisk:
    """A sparse file with the bytes of a disk."""

    name: ClassVar[str] = "disk"
    help: ClassVar[str] = "a disk for BIOS and UEFI, as a raw file"
    tools: ClassVar[tuple[str, ...]] = ()

    def inputs(self, meaning: Meaning) -> Mapping[str, object]:
        """Partitions and boot loader."""
        return _inputs(meaning)

    async def make(self, build: OutputBuild, folder: Path) -> None:
        """Write the disk."""
        await _make(build, folder / f"{build.name}.raw", "raw")


class Qcow2Disk:
    """The same disk, compressed, in QEMU's own format."""

    name: ClassVar[str] = "qcow2"
    help: ClassVar[str] = "the same disk as compressed qcow2"
    tools: ClassVar[tuple[str, ...]] = ()

    def inputs(self, meaning: Meaning) -> Mapping[str, object]:
        """Partitions and boot loader."""
        return _inputs(meaning)

    async def make(self, build: OutputBuild, folder: Path) -> None:
        """Write the disk and compress it."""
        await _make(build, folder / f"{build.name}.qcow2", "qcow2")


async def _make(build: OutputBuild, file: Path, disk_format: DiskFormat) -> None:
    layout = layout_for(build.meaning.root)
    disk = DiskBuild(build.meaning, build.key, layout, build.tools, build.workspace, build.epoch)
    raw = build.workspace.path / "disk.raw"
    await write_raw(disk, build.root_tar, raw, build.progress)
    await convert(raw, file, disk_format, build.commands, build.progress)
