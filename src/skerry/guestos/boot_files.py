"""The kernel of a disk that has no boot loader, for a machine that is to boot it directly.

Definitions whose guests were made for Xen, such as Debian's `instance-debootstrap` with PARTITION_STYLE=none,
write a file system and nothing that firmware starts. The kernel is in its /boot. debugfs takes it out without
mounting, in a sandbox with the disk and one empty folder: the file system may be a stranger's.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from skerry.commands import Arg, Commands
from skerry.guestos.disk_tables import SECTOR, FileSystemFound, Read, file_systems, reader_of
from skerry.sizes import MIB

_MOST = 512 * MIB  # of a kernel or an initial RAM disk
_TIMEOUT_S = 120.0
_CODE = 440  # bytes of the first sector that are a program, before the table
_EFI_GPT = bytes.fromhex("28732ac11ff8d211ba4b00a0c93ec93b")  # the type of EFI system partitions, as it is stored
_EFI_MBR = 0xEF
_KERNEL = re.compile(r"vmlinuz-(?P<version>[A-Za-z0-9][A-Za-z0-9.+~_-]*)")
_INITRDS = ("initrd.img-{0}", "initramfs-{0}.img", "initrd-{0}")  # Debian's, Fedora's, SUSE's
_REGULAR = "100"  # how the octal mode of plain files begins
_CONSOLES = "console=tty0 console=ttyS0"
_DISK, _TAKEN = "/disk", "/taken"  # in the sandbox


@dataclass(frozen=True)
class BootFiles:
    """A kernel, taken out of a disk."""

    kernel: Path
    initrd: Path | None
    command_line: str


@dataclass(frozen=True)
class _Chosen:
    kernel: str
    initrd: str | None


def starts_itself(read: Read, *, uefi: bool) -> bool:
    """Whether firmware finds something to start on a disk."""
    first = read(0, SECTOR)
    if not uefi:
        return first[510:] == b"\x55\xaa" and any(first[:_CODE])
    types = {first[446 + 16 * number + 4] for number in range(4)} if first[510:] == b"\x55\xaa" else set()
    return _EFI_MBR in types or any(_EFI_GPT in read(size * 2, 128 * 128) for size in (SECTOR, 4096))


def command_line(root: FileSystemFound) -> str:
    """What a kernel is told that finds its root by the file system's UUID."""
    return f"root=UUID={root.uuid} ro {_CONSOLES}"


@asynccontextmanager
async def boot_files(disk: Path, *, uefi: bool, commands: Commands) -> AsyncIterator[BootFiles | None]:
    """What a machine boots that has this disk; None where the disk starts by itself, or has no kernel in sight.

    The files are gone afterwards; what an earlier try that was cut off left is gone before. Only ext2, ext3 and
    ext4 are looked into.
    """
    folder = disk.with_name(f"{disk.name}-boot")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        yield await _take_out(disk, folder, uefi=uefi, commands=commands)
    finally:
        shutil.rmtree(folder)


async def _take_out(disk: Path, folder: Path, *, uefi: bool, commands: Commands) -> BootFiles | None:
    with disk.open("rb") as file:
        read, size = reader_of(file.fileno()), file.seek(0, os.SEEK_END)
        if starts_itself(read, uefi=uefi):
            return None
        found = [one for one in file_systems(read, size) if one.type == "ext"]
    for root in found:
        listed = await _debugfs(disk, root, folder, ["ls -p /boot"], commands)
        chosen = choose(plain_files(listed))
        if chosen is None:
            continue
        wanted = [(chosen.kernel, "kernel"), *([(chosen.initrd, "initrd")] if chosen.initrd else [])]
        await _debugfs(
            disk, root, folder, [f"dump /boot/{name} {_TAKEN}/{target}" for name, target in wanted], commands
        )
        kernel, initrd = folder / "kernel", folder / "initrd"
        if kernel.is_file() and kernel.stat().st_size:
            return BootFiles(kernel, initrd if chosen.initrd else None, command_line(root))
    return None


def plain_files(listing: str) -> list[str]:
    """The plain files that `ls -p` of debugfs lists: /inode/mode/user/group/name/size/ a line."""
    rows = [line.split("/") for line in listing.splitlines()]
    return [row[5] for row in rows if len(row) == 8 and row[2].startswith(_REGULAR) and 0 < int(row[6]) <= _MOST]


def choose(names: Iterable[str]) -> _Chosen | None:
    """The newest kernel, with its initial RAM disk."""
    there = set(names)
    kernels = [match for name in there if (match := _KERNEL.fullmatch(name))]
    if not kernels:
        return None
    newest = max(kernels, key=lambda match: _by_version(match["version"]))
    initrds = [name for pattern in _INITRDS if (name := pattern.format(newest["version"])) in there]
    return _Chosen(newest[0], initrds[0] if initrds else None)


def _by_version(version: str) -> list[tuple[int, int, str]]:
    """Numbers by their value, and before words: 6.1.0-9 comes before 6.1.0-10."""
    parts = re.findall(r"\d+|[^\d]+", version)
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts]


def sandbox_argv(disk: Path, folder: Path) -> list[Arg]:
    """A sandbox with the host's programs, a disk that is only read, and a folder to write into."""
    argv: list[Arg] = ["bwrap", "--die-with-parent", "--unshare-all", "--new-session", "--clearenv"]
    argv += ["--cap-drop", "ALL", "--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev"]
    for name in ("bin", "sbin", "lib", "lib64"):
        argv += ["--symlink", f"usr/{name}", f"/{name}"]
    argv += ["--ro-bind", disk, _DISK, "--bind", folder, _TAKEN, "--"]
    return [*argv, "prlimit", f"--fsize={_MOST}", "--core=0", f"--cpu={_TIMEOUT_S:.0f}", "--"]


async def _debugfs(
    disk: Path, root: FileSystemFound, folder: Path, lines: Sequence[str], commands: Commands
) -> str:
    script = "".join(f"{line}\n" for line in lines)
    argv = [*sandbox_argv(disk, folder), "/usr/sbin/debugfs", "-f", "-", f"{_DISK}?offset={root.offset}"]
    said = await commands.run(argv, stdin=script.encode(), timeout=_TIMEOUT_S)
    return said.stdout
