"""What the helper machine starts from: a kernel of Debian 13 and a small root in memory, made once and cached.

Like the tools that write images, both come from Debian's packages, unpacked and not installed: the kernel with
those of its modules that find disks and read file systems, and a static busybox.
"""

from __future__ import annotations

import asyncio
import hashlib
import lzma
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from skerry.commands import Arg, Commands
from skerry.errors import BadImage
from skerry.images.cache import Cache, Workspace, key_of
from skerry.images.outputs import cpio
from skerry.images.outputs.modules import ModuleLists, parse_lists, plain
from skerry.images.toolbox import Tools
from skerry.images.tools import TOOLS_SOURCE, extract_argv

FORMAT = 1
PACKAGES = ("busybox-static", "kmod", "linux-image-cloud-amd64", "zstd")
# Partitions and loops of Debian's own definition, and whatever file system a guest may have.
MODULES = (
    *("drivers/virtio/", "drivers/block/virtio_blk", "drivers/char/virtio_console", "drivers/block/loop"),
    *("drivers/net/virtio_net", "net/packet/af_packet", "drivers/md/dm-mod", "drivers/md/dm-snapshot"),
    *("fs/ext4/", "fs/xfs/", "fs/btrfs/", "fs/fat/", "fs/erofs/", "fs/squashfs/", "fs/overlayfs/"),
    *("fs/nls/nls_ascii", "fs/nls/nls_cp437", "crypto/crc32", "arch/x86/crypto/crc32", "lib/libcrc32c"),
)
_SCRIPTS = ("helper_init.sh", "helper_disk.sh", "helper_port.sh")
_KERNEL, _INITRD = "vmlinuz", "initrd"


@dataclass(frozen=True)
class HelperImage:
    """Files that the helper machine starts from; anybody may read them."""

    kernel: Path
    initrd: Path


@asynccontextmanager
async def helper_image(cache: Cache, commands: Commands, deb_lines: Sequence[str]) -> AsyncIterator[HelperImage]:
    """The image, made when it is not in the cache yet; `deb_lines` are apt's sources for Debian 13.

    Raises:
        CommandFailed, NoSpace, TimedOut, Unavailable: the packages cannot be had.
    """

    async def make(workspace: Workspace, folder: Path) -> None:
        await _make(workspace, folder, commands, deb_lines)

    key = key_of("helper", FORMAT, PACKAGES, MODULES, str(TOOLS_SOURCE), [_digest(each) for each in _SCRIPTS])
    async with cache.use("helper", key, make) as entry:
        yield HelperImage(entry / _KERNEL, entry / _INITRD)


async def _make(workspace: Workspace, folder: Path, commands: Commands, deb_lines: Sequence[str]) -> None:
    tar, tree = workspace.path / "packages.tar", workspace.path / "tree"
    tree.mkdir()
    await commands.run(
        extract_argv(tar, deb_lines, user_id=os.geteuid(), packages=PACKAGES),
        env={"TMPDIR": str(workspace.path)},
        timeout=1200,
        pass_fds=[workspace.lock],
    )
    unpack: list[Arg] = [
        "tar",
        "--extract",
        "--no-same-owner",
        "--exclude=./dev",
        "--file",
        tar,
        "--directory",
        tree,
    ]
    await commands.run(unpack, timeout=300)
    if not (tree / "lib").exists():  # the link is in a package that is not among these
        (tree / "lib").symlink_to("usr/lib")
    version = kernel_version(tree)
    tools = Tools(tree, commands)
    await tools.run("depmod", "--basedir", tree, version)
    archive = workspace.path / "initrd.cpio"
    await asyncio.to_thread(_write_archive, archive, tree, version)
    await tools.run("zstd", "-q", "-6", archive, "-o", folder / _INITRD)
    (folder / _KERNEL).write_bytes((tree / f"boot/vmlinuz-{version}").read_bytes())
    for name in (_KERNEL, _INITRD):
        (folder / name).chmod(0o644)  # whatever the umask: the machine runs as nobody


def kernel_version(tree: Path) -> str:
    """The version of the one kernel of a tree.

    Raises:
        BadImage: there is none, or several.
    """
    found = [path.name.removeprefix("vmlinuz-") for path in (tree / "boot").glob("vmlinuz-*")]
    if len(found) != 1:
        raise BadImage(f"the packages of the helper machine bring {len(found)} kernels")
    return found[0]


def _write_archive(archive: Path, tree: Path, version: str) -> None:
    base = tree / "usr/lib/modules" / version
    names = ("modules.dep", "modules.alias", "modules.softdep")
    lists = parse_lists(*((base / name).read_text(errors="replace") for name in names))
    entries = [
        *cpio.console(),
        *(cpio.folder(name) for name in ("etc", "mnt", "proc", "sbin", "sys", "tmp")),
        cpio.file("init", _script(_SCRIPTS[0]), executable=True),
        cpio.file("sbin/disk", _script(_SCRIPTS[1]), executable=True),
        cpio.file("sbin/port", _script(_SCRIPTS[2]), executable=True),
        cpio.file("bin/busybox", tree / "usr/bin/busybox", executable=True),
        cpio.link("bin/sh", "busybox"),
        cpio.link("sbin/modprobe", "../bin/busybox"),  # the kernel itself calls it
        cpio.link("lib", "usr/lib"),
        *_module_entries(lists, base, version),
    ]
    with archive.open("wb") as target:
        cpio.write_cpio(target, cpio.with_parents(entries))


def _module_entries(lists: ModuleLists, base: Path, version: str) -> list[cpio.Entry]:
    chosen, target = lists.chosen(MODULES), f"usr/lib/modules/{version}"
    entries = [
        cpio.file(f"{target}/modules.dep", lists.dep_file(chosen).encode()),
        cpio.file(f"{target}/modules.alias", lists.alias_file(chosen).encode()),
    ]
    for path in chosen:
        content = (base / path).read_bytes()
        content = lzma.decompress(content) if path.endswith(".xz") else content
        entries.append(cpio.file(f"{target}/{plain(path)}", content))
    return entries


def _script(name: str) -> bytes:
    return files("skerry.guestos").joinpath(name).read_bytes()


def _digest(name: str) -> str:
    return hashlib.sha256(_script(name)).hexdigest()
