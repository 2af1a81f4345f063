"""The initial RAM disk of a disk whose root cannot be written.

It is made here and not by the root's own programs, so it is the same for every family: a static busybox, the
modules that find and mount the root, and `overlay_init.sh`, which lays a layer in memory over it.
"""

from __future__ import annotations

import hashlib
from importlib.resources import files

from skerry.images.contents.tar import opened_tar
from skerry.images.outputs import cpio
from skerry.images.outputs.disk_plan import Overlay
from skerry.images.outputs.live import find_live_kernel, module_entries, run_tool
from skerry.images.outputs.modules import MEDIUM_MODULES, ROOT_MODULES
from skerry.images.outputs.output import OutputBuild

TOOLS = ("busybox-static", "zstd")
_NOT_ON_DISKS = ("fs/isofs/", "fs/fat/", "fs/exfat/", "fs/nls/", "fs/squashfs/", "drivers/block/loop")
_FOLDERS = ("etc", "proc", "sys", "run", "sysroot", "tmp")


def script() -> bytes:
    """The first program."""
    return files("skerry.images.outputs").joinpath("overlay_init.sh").read_bytes()


def script_hash() -> str:
    """For the step's key."""
    return hashlib.sha256(script()).hexdigest()


async def make_overlay(build: OutputBuild) -> Overlay:
    """Make the initial RAM disk for the newest kernel of the root.

    Raises:
        BadRecipe: the root has no kernel with its modules.
    """
    wanted = [each for each in (*ROOT_MODULES, *MEDIUM_MODULES) if not each.startswith(_NOT_ON_DISKS)]
    with opened_tar(build.root_tar) as root:
        kernel = find_live_kernel(root.tree)
        modules = await module_entries(build, root, kernel.version, wanted)
    entries = [
        *cpio.console(),
        *(cpio.folder(name) for name in _FOLDERS),
        cpio.file("init", script(), executable=True),
        cpio.file("bin/busybox", build.tools.root / "usr/bin/busybox", executable=True),
        cpio.link("bin/sh", "busybox"),
        cpio.link("sbin/modprobe", "../bin/busybox"),  # the kernel itself calls it
        cpio.link("lib", "usr/lib"),
        *modules,
    ]
    archive, packed = (build.workspace.path / f"overlay.{suffix}" for suffix in ("cpio", "img"))
    with archive.open("wb") as file:
        cpio.write_cpio(file, cpio.with_parents(entries))
    await run_tool(build, "zstd", "-q", "-f", "-10", "-T1", archive, "-o", packed)
    archive.unlink()
    return Overlay(kernel, packed.read_bytes())
