"""The programs that write file systems and boot loaders: one set, whatever the host runs.

They are Debian 13's own packages, unpacked (not installed) into the cache and started through their own dynamic
loader. So a build needs no root, no chroot and nothing of the host but mmdebstrap, tar and qemu-img; a host with
Debian 12 or Ubuntu makes the same disks as one with Debian 13.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from skerry.commands import Arg, Commands
from skerry.images.cache import Cache, Workspace, key_of
from skerry.images.installers.deb_repository import write_repository
from skerry.images.lock import Lock
from skerry.images.package_files import Stock
from skerry.images.toolbox import Tools
from skerry.images.words import Source

TOOLS_SOURCE = Source("debian", "trixie")
TOOLS_PACKAGES = (
    "dosfstools",  # mkfs.vfat
    "e2fsprogs",  # mke2fs, debugfs
    "fdisk",  # sfdisk
    "grub-common",  # grub-mkimage
    "grub-efi-amd64-bin",
    "grub-pc-bin",
    "libarchive13t64",  # mke2fs opens it to read a tar
    "mtools",  # mcopy
)
_FORMAT = 1  # of the tree


@asynccontextmanager
async def tools_tree(
    cache: Cache,
    commands: Commands,
    deb_lines: Sequence[str],
    more: Sequence[str] = (),
    stock: Stock | None = None,
) -> AsyncIterator[Tools]:
    """The tools, made when they are not in the cache yet (5 seconds and 68 MB); `more` are further packages.

    With a stock, they are those of its lock.
    """

    async def make(workspace: Workspace, folder: Path) -> None:
        tar = workspace.path / "tools.tar"
        lines = deb_lines if stock is None else [await _locked_line(stock, workspace, commands)]
        await commands.run(
            extract_argv(tar, lines, user_id=os.geteuid(), packages=tools_packages(more)),
            env={"TMPDIR": str(workspace.path)},
            timeout=1200,
            pass_fds=[workspace.lock],
        )
        await commands.run(
            ["tar", "--extract", "--no-same-owner", "--exclude=./dev", "--file", tar, "--directory", folder],
            timeout=300,
        )

    async with cache.use("tools", tools_key(more, stock.lock if stock else None), make) as root:
        yield Tools(root, commands)


async def _locked_line(stock: Stock, workspace: Workspace, commands: Commands) -> str:
    """A repository of the tools of a lock, as a line of apt's sources."""
    lock = stock.lock
    files = await stock.gather(lock.tools, workspace, commands)
    return await write_repository(workspace.path / "locked", TOOLS_SOURCE.suite, files, lock.epoch, commands)


def tools_packages(more: Sequence[str] = ()) -> tuple[str, ...]:
    """The packages of a tree: the common ones and what an output asks for."""
    return tuple(sorted({*TOOLS_PACKAGES, *more}))


def tools_key(more: Sequence[str] = (), lock: Lock | None = None) -> str:
    """The tree is named by its packages; which mirror they came from is no part of it."""
    locked = (lock.tools_key,) if lock else ()
    return key_of("tools", _FORMAT, tools_packages(more), str(TOOLS_SOURCE), *locked)


def extract_argv(
    tar: Path, deb_lines: Sequence[str], *, user_id: int, packages: Sequence[str] = TOOLS_PACKAGES
) -> list[Arg]:
    """The command that unpacks the packages; nothing runs in the tree, so a plain user needs no namespace."""
    return [
        "mmdebstrap",
        "--variant=extract",
        f"--mode={'root' if user_id == 0 else 'chrootless'}",
        "--format=tar",
        "--architectures=amd64",
        f"--include={','.join(packages)}",
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
        TOOLS_SOURCE.suite,
        tar,
        *deb_lines,
    ]
