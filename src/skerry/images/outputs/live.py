"""What all live media share: the root as one read-only image, and the small initial RAM disk that starts it.

The initial RAM disk is made here and not by the root's own programs, so every root with a kernel can be a live
system, of whatever family: a static busybox of the tools tree, the modules that find and mount the image, and
`live_init.sh`. It knows its image by id and SHA-256, and starts no other.
"""

from __future__ import annotations

import asyncio
import hashlib
import lzma
import os
import shlex
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import ClassVar

from skerry.commands import Arg
from skerry.images.cache import Workspace
from skerry.images.contents.tar import TarFiles, opened_tar
from skerry.images.contents.tree import Tree
from skerry.images.kernels import Kernel, kernels_in
from skerry.images.outputs import cpio
from skerry.images.outputs.modules import (
    ModuleLists,
    firmware_names,
    parse_lists,
    plain,
)
from skerry.images.outputs.output import OutputBuild, identity
from skerry.images.outputs.signed import SignedPrograms, read_signed
from skerry.images.placement import lay_out
from skerry.images.placing import copy_file
from skerry.images.recipe import BadRecipe
from skerry.images.sums import sha256_of
from skerry.images.words import Meaning
from skerry.sizes import MIB

FORMAT = 1
TOOLS = (
    "busybox-static",
    "erofs-utils",
    "gzip",
    "pxelinux",
    "squashfs-tools",
    "syslinux-common",
    "systemd-boot-efi",
    "xorriso",
    "zstd",
)  # one list for all media, so that they share one tree
GRUB_SERIAL = "serial --unit=0 --speed=115200\nterminal_input console serial\nterminal_output console serial\n"
_MEMORY = 256  # MiB that mksquashfs may use
_BLOCK = MIB  # compressed together; the largest that squashfs has


def inputs(meaning: Meaning) -> dict[str, object]:
    """What decides about every live medium."""
    return {
        "live": FORMAT,
        "source": str(meaning.source),
        "arguments": meaning.kernel_arguments,
        "type": image_type(meaning),
        "timeout": meaning.loader_timeout_s,
        "scripts": {name: hashlib.sha256(_script(name)).hexdigest() for name in ("live_init.sh", "live_dhcp.sh")},
    }


class LiveMedium:
    """What all outputs share that start a live system."""

    tools: ClassVar[tuple[str, ...]] = TOOLS
    format: ClassVar[int]  # part of the step's key

    def inputs(self, meaning: Meaning) -> Mapping[str, object]:
        """The loader's options and the scripts of the initial RAM disk."""
        return {"format": self.format, **inputs(meaning)}


def find_live_kernel(tree: Tree) -> Kernel:
    """The newest kernel whose modules are in the root; its own initial RAM disk is not needed.

    Raises:
        BadRecipe: there is none.
    """
    for kernel in kernels_in(path for path, entry in tree.items() if entry.kind == "file"):
        if tree.resolve(f"lib/modules/{kernel.version}/modules.dep"):
            return kernel
    raise BadRecipe(
        "the live system could not start: the root has no kernel with its modules",
        hint="add a kernel to %packages: linux-image-amd64, linux-image-cloud-amd64 or kernel-core",
    )


@dataclass(frozen=True)
class LiveImage:
    """The root as a read-only file system in a file."""

    path: Path
    type: str  # squashfs, erofs
    size: int  # bytes
    sha256: str


@dataclass(frozen=True)
class Live:
    """The parts of a live medium, in the workspace."""

    image: LiveImage
    id: str  # by which the initial RAM disk knows its medium
    kernel: Path
    initrd: Path
    version: str  # of the kernel
    signed: SignedPrograms | None = None  # what starts it under Secure Boot

    def facts(self, name: str) -> str:
        """The file /live/image, on the medium and in the initial RAM disk: what the live system is."""
        image = self.image
        return (
            f"NAME={shlex.quote(name)}\nID={self.id}\nVERSION={self.version}\nFILE=root.{image.type}\n"
            f"FSTYPE={image.type}\nSIZE={image.size}\nSHA256={image.sha256}\n"
        )


def image_type(meaning: Meaning) -> str:
    """Erofs where the recipe asks for it (`part / --fstype=erofs`), else squashfs, which is smaller."""
    return "erofs" if lay_out(meaning.storage).root.file_system.type == "erofs" else "squashfs"


async def make_live(build: OutputBuild, modules: Sequence[str]) -> Live:
    """Make the image of the root and an initial RAM disk with these modules.

    Raises:
        BadRecipe: the root has no kernel.
        NoSpace, CommandFailed, TimedOut: as they say.
    """
    with opened_tar(build.root_tar) as root:
        kernel = find_live_kernel(root.tree)
        vmlinuz = build.workspace.path / "vmlinuz"
        vmlinuz.write_bytes(_read(root, kernel.image))
        parts = await module_entries(build, root, kernel.version, modules)
        signed = _signed_programs(root, build.meaning)
    image = await _root_image(build, image_type(build.meaning))
    initrd = build.workspace.path / "initrd.img"
    live = Live(image, build.identity("live"), vmlinuz, initrd, kernel.version, signed)
    await write_initrd(build, live, parts)
    return live


def _signed_programs(root: TarFiles, meaning: Meaning) -> SignedPrograms | None:
    names = {f"/{path}" for path, entry in root.tree.items() if entry.kind == "file"}
    return read_signed(
        names, meaning.source.distribution, lambda paths: {path: _read(root, path[1:]) for path in paths}
    )


async def _root_image(build: OutputBuild, type: str) -> LiveImage:  # noqa: A002 - the field's word
    """The root as an image in the workspace; outputs of one root share it by way of the cache."""
    build.progress.update(0.1, f"the root as {type}")
    name = f"root.{type}"
    path = build.workspace.path / name

    async def make(workspace: Workspace, folder: Path) -> None:
        await _pack_root(build, workspace, folder / name, type)

    if build.shared is None:
        await make(build.workspace, build.workspace.path)
    else:
        inputs = {"format": FORMAT, "type": type, "epoch": build.epoch, "tools": build.tools.root.name}
        async with build.shared("live", inputs, make) as entry:
            await asyncio.to_thread(copy_file, entry / name, path)
    digest = await asyncio.to_thread(sha256_of, path)
    return LiveImage(path, type, path.stat().st_size, digest)


async def _pack_root(
    build: OutputBuild,
    workspace: Workspace,
    path: Path,
    type: str,  # noqa: A002 - the field's word
) -> None:
    argv: list[Arg]
    if type == "erofs":
        argv = build.tools.argv("mkfs.erofs", *erofs_words(build.epoch), path, build.root_tar)
    else:
        # sqfstar reads standard input only. The script is fixed; what varies are its words.
        argv = ["sh", "-c", 'exec "$@" <"$0"', build.root_tar]
        argv += build.tools.argv("sqfstar", *sqfstar_words(build.epoch), path)
    await build.commands.run(argv, cwd=workspace.path, timeout=3600, pass_fds=[workspace.lock])


def sqfstar_words(epoch: int) -> tuple[str, ...]:
    """Options by which one tar always gives one image, in a bounded memory."""
    return (
        *("-quiet", "-no-progress", "-reproducible", "-mem", f"{_MEMORY}M", "-mkfs-time", str(epoch)),
        *("-root-time", str(epoch), "-root-mode", "755", "-root-uid", "0", "-root-gid", "0"),
        *("-comp", "zstd", "-Xcompression-level", "15", "-b", str(_BLOCK)),
    )


def erofs_words(epoch: int) -> tuple[str, ...]:
    """The same for erofs; its UUID has nothing of the output, which only borrows it."""
    uuid = identity("live", str(epoch))
    return "--quiet", "--tar=f", f"-T{epoch}", f"-U{uuid}", "-zlz4hc,9", "-C65536"


async def module_entries(
    build: OutputBuild, root: TarFiles, version: str, wanted: Sequence[str]
) -> list[cpio.Entry]:
    """The wanted modules without compression, their lists, and the firmware that they may load."""
    base = f"lib/modules/{version}"
    texts = (_read(root, f"{base}/modules.{name}") for name in ("dep", "alias", "softdep"))
    lists = parse_lists(*(text.decode(errors="replace") for text in texts))
    chosen = lists.chosen(wanted)
    target = f"usr/lib/modules/{version}"
    entries = _list_entries(lists, chosen, target)
    for path in chosen:
        module = await _expanded(build, path, _read(root, f"{base}/{path}"))
        entries.append(cpio.file(f"{target}/{plain(path)}", module))
        entries += _firmware_entries(root, module)
    return entries


def _list_entries(lists: ModuleLists, chosen: Sequence[str], target: str) -> list[cpio.Entry]:
    return [
        cpio.file(f"{target}/modules.dep", lists.dep_file(chosen).encode()),
        cpio.file(f"{target}/modules.alias", lists.alias_file(chosen).encode()),
    ]


def _firmware_entries(root: TarFiles, module: bytes) -> list[cpio.Entry]:
    paths = [f"lib/firmware/{name}{end}" for name in firmware_names(module) for end in ("", ".xz", ".zst")]
    return [cpio.file(f"usr/{path}", _read(root, path)) for path in paths if root.tree.resolve(path)]


def _read(root: TarFiles, path: str) -> bytes:
    """A whole file of the root, as programs in it would read it; nothing where there is none."""
    real = root.tree.resolve(path)
    return root.read(real, most=root.tree[real].size) if real else b""


async def _expanded(build: OutputBuild, path: str, content: bytes) -> bytes:
    """A module without its compression: the archive as a whole is compressed better."""
    if path.endswith(".xz"):
        return lzma.decompress(content)
    if path.endswith(".gz"):
        return zlib.decompress(content, wbits=31)
    if path.endswith(".zst"):
        packed, module = build.workspace.path / "module.ko.zst", build.workspace.path / "module.ko"
        packed.write_bytes(content)
        await run_tool(build, "zstd", "-q", "-d", "-f", packed, "-o", module)
        return module.read_bytes()
    return content


async def write_initrd(build: OutputBuild, live: Live, parts: Sequence[cpio.Entry]) -> None:
    """Write the initial RAM disk at `live.initrd`."""
    entries = [
        *cpio.console(),
        *(cpio.folder(name) for name in ("etc", "proc", "sys", "run", "sysroot", "tmp")),
        cpio.file("init", _script("live_init.sh"), executable=True),
        cpio.file("live/dhcp", _script("live_dhcp.sh"), executable=True),
        cpio.file("live/image", live.facts(build.name).encode()),
        cpio.file("bin/busybox", build.tools.root / "usr/bin/busybox", executable=True),
        cpio.link("bin/sh", "busybox"),
        cpio.link("sbin/modprobe", "../bin/busybox"),  # the kernel itself calls it
        cpio.link("lib", "usr/lib"),
        *parts,
    ]
    archive = live.initrd.with_suffix(".cpio")
    with archive.open("wb") as target:
        cpio.write_cpio(target, cpio.with_parents(entries))
    await run_tool(build, "zstd", "-q", "-f", "-19", "-T1", archive, "-o", live.initrd)
    archive.unlink()


def live_arguments(meaning: Meaning, *words: str) -> str:
    """The kernel's command line: how to find the root, then what the recipe's `bootloader --append` says."""
    return " ".join([*words, *meaning.kernel_arguments.split()])


def title(name: str) -> str:
    """A name as menus and shell-like files can have it between double quotes."""
    return "".join("_" if char in '"\\$`{}' or not char.isprintable() else char for char in name)


def volume_label(name: str) -> str:
    """The label of a medium: what old loaders and ISO 9660 take, A to Z, digits and _, at most 32 characters."""
    label = "".join(char if char.isascii() and char.isalnum() else "_" for char in name.upper())
    return label[:32].strip("_") or "LIVE"


def copy_manifests(about: Path, target: Path) -> None:
    """Put the manifests of the root on a medium."""
    target.mkdir()
    for manifest in sorted(about.iterdir()):
        if manifest.is_file():
            copy_file(manifest, target / manifest.name)


def write_sums(folder: Path, *, but: Sequence[str] = ()) -> None:
    """Write SHA256SUMS of all files of a folder, without those of these names."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in but]
    lines = [f"{sha256_of(path)}  {path.relative_to(folder)}\n" for path in paths]
    (folder / "SHA256SUMS").write_text("".join(lines))


def settle(folder: Path, epoch: int) -> None:
    """Give a folder and all in it ordinary modes and one time."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (epoch, epoch))


async def run_tool(build: OutputBuild, program: str, *words: Arg, env: Mapping[str, str] | None = None) -> str:
    """Run a program of the tools tree in the workspace."""
    output = await build.tools.run(
        program, *words, env=env, cwd=build.workspace.path, pass_fds=[build.workspace.lock]
    )
    return output.stdout + output.stderr


def _script(name: str) -> bytes:
    return files("skerry.images.outputs").joinpath(name).read_bytes()
