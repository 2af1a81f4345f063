"""Takes the exports of older definitions: streams of dump(8), unpacked by restore(8), without a mount.

What they hold is the files of an ext2, ext3 or ext4, and neither partitions nor a boot loader. So they are
unpacked into a folder of the cache's, in a sandbox, and written to the disk as `create` writes a guest, with the
partition style of the settings. The file system has the UUID or label that the guest's fstab calls its root by, so
that whatever names it stays true. A dump has no checksum of what is in its files: only one that is cut off is
noticed.
"""

from __future__ import annotations

import asyncio
import os
import re
import stat
import time
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from skerry.commands import DEFAULT_PATH
from skerry.errors import CommandFailed, Unavailable
from skerry.guestos.content import COPIED, Content, Store
from skerry.guestos.content_build import open_root, open_tools, output_build
from skerry.guestos.disk_files import open_disk
from skerry.guestos.disk_writing import DiskWriter
from skerry.guestos.edits import Edit, apply_to_folder
from skerry.guestos.parameters import Settings
from skerry.guestos.streams import PIECE, BadStream
from skerry.guestos.target import DiskPlan, firmwares, flush, fresh_identities, plan_disk
from skerry.images.cache import Workspace, disk_was_full, no_space
from skerry.images.layout import FileSystem
from skerry.images.outputs.filesystems.registry import find_writer
from skerry.images.outputs.filesystems.writer import Job
from skerry.images.outputs.trees import Tree
from skerry.images.session import Session, open_session
from skerry.images.toolbox import Tools

_TIMEOUT_S = 24 * 3600.0
_MOST = 256 * 1024  # bytes of an fstab
_SYMTABLE = "restoresymtable"  # that restore leaves for a next, incremental dump
_LINE = re.compile(r"^(?P<device>[^\s#]\S*)(?P<rest>[ \t]+/[ \t]+(?P<kind>\S+).*)$", re.MULTILINE)
_UUID = re.compile(r'UUID="?([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})"?')
_LABEL = re.compile(r'LABEL="?([A-Za-z0-9_./-]{1,16})"?')
_DEVICE = re.compile(r"/dev/(sd|hd|vd)[a-z]\d*")  # whose names another hypervisor gives otherwise
# What kernels and boot loaders of the time when there were dumps do not know.
_FEATURES = "-O ^metadata_csum,^metadata_csum_seed,^64bit,^orphan_file"


@dataclass(frozen=True)
class RootEntry:
    """What an fstab says of the root."""

    kind: str = ""  # ext2, ext3, ext4; "" when it says nothing
    uuid: str = ""
    label: str = ""


def read_fstab(text: str) -> RootEntry:
    """The root's entry."""
    match = _LINE.search(text)
    if match is None:
        return RootEntry()
    uuid, label = _UUID.fullmatch(match["device"]), _LABEL.fullmatch(match["device"])
    kind = match["kind"] if match["kind"] in COPIED else ""
    return RootEntry(kind, uuid[1].lower() if uuid else "", label[1] if label else "")


def with_root(text: str, uuid: str) -> str:
    """An fstab whose root is called by its UUID, if it was called by a device that may have another name now."""
    match = _LINE.search(text)
    if match is None or not _DEVICE.fullmatch(match["device"]):
        return text
    return f"{text[: match.start()]}UUID={uuid}{match['rest']}{text[match.end() :]}"


async def import_dump(disk: Path, source: BinaryIO, settings: Settings, store: Store) -> None:
    """Write the guest that comes as a dump from a pipe.

    Raises:
        BadStream: it is cut off, or restore cannot read it; the disk is as it was.
        BadInput: the disk is too small, or the settings cannot be meant.
        Unavailable: restore is not installed.
        NotFound, InUse, HostError, NoSpace, CommandFailed, TimedOut: as they say.
    """
    _check_restore()
    with open_disk(disk) as opened:
        plan_disk(settings, opened.size, frozenset())  # before anything is unpacked
    async with AsyncExitStack() as stack:
        workspace = await stack.enter_async_context(store.cache.workspace())
        session = await stack.enter_async_context(open_session(workspace, store.commands, None))
        store.progress.step("Unpacking the dump")
        await _restore(session, source)
        await _Import(disk, settings, store, workspace, session, stack).write()


def _check_restore() -> None:
    if not any((Path(folder) / "restore").exists() for folder in DEFAULT_PATH.split(":")):
        raise Unavailable(
            "the stream is a dump(8) of an older definition, and restore is not installed here",
            hint="install the package dump",
        )


async def _restore(session: Session, source: BinaryIO) -> None:
    """Unpack into the session's root, which restore cannot leave: the rest of the machine is read-only for it."""
    reading, writing = os.pipe()
    pump = asyncio.create_task(asyncio.to_thread(_pump, source, writing))
    try:
        await session.run(
            ["restore", "-r", "-f", f"/dev/fd/{reading}"], timeout=_TIMEOUT_S, network=False, pass_fds=[reading]
        )
    except CommandFailed as exc:
        if disk_was_full(exc.message):
            raise no_space(session.root) from exc
        if "Mount tape volume" in exc.message:  # it asks for the rest
            raise BadStream("the dump ends too early: it was cut off") from exc
        raise BadStream(f"the dump cannot be unpacked: {exc.message}") from exc
    finally:
        os.close(reading)  # the pump, should it still have something, ends then
        await pump
    await session.tool("rm", "-f", session.root / _SYMTABLE)
    # It is empty, and mke2fs makes it anew.
    await session.tool("rmdir", "--ignore-fail-on-non-empty", session.root / "lost+found")


def _pump(source: BinaryIO, writing: int) -> None:
    with os.fdopen(writing, "wb", 0) as pipe, suppress(BrokenPipeError):
        while data := source.read(PIECE):
            pipe.write(data)


@dataclass(frozen=True)
class _Import:
    """A dump that was unpacked, on its way to a disk."""

    disk: Path
    settings: Settings
    store: Store
    workspace: Workspace
    session: Session
    stack: AsyncExitStack

    async def write(self) -> None:
        fstab = _plain_text(self.session.root, "etc", "fstab")
        entry, fresh = read_fstab(fstab), fresh_identities()
        uuid = entry.uuid or fresh("root")
        if (text := with_root(fstab, uuid)) != fstab:
            edit = Edit("/etc/fstab", text.encode(errors="surrogateescape"))
            await asyncio.to_thread(apply_to_folder, [edit], self.session.root)
        kind = entry.kind or (self.settings.filesystem if self.settings.filesystem in COPIED else "ext4")
        tools, _ = await self.stack.enter_async_context(open_tools([kind], self.store))
        plan, image = await self._write_image(FileSystem(kind, "/", entry.label, _FEATURES), uuid, tools)

        def identity(name: str) -> str:
            return uuid if name == "root" else fresh(name)

        writer = DiskWriter(self.disk, kind, identity, tools, self.store, self.workspace, self.stack)
        await writer.write(plan, image)
        await asyncio.to_thread(flush, self.disk)

    async def _write_image(self, system: FileSystem, uuid: str, tools: Tools) -> tuple[DiskPlan, Path]:
        tar, image = self.workspace.path / "guest.tar", self.workspace.path / "root.img"
        menu = os.path.lexists(self.session.root / "boot/grub/grub.cfg")
        await self.session.pack(tar, int(time.time()))
        content = Content("debian", "dump", "amd64", (), (), "", "", tar)
        _, facts = await self.stack.enter_async_context(open_root(content, self.store))
        with open_disk(self.disk) as disk:
            plan = plan_disk(self.settings, disk.size, firmwares(self.settings, kernel=facts.kernel and menu))
        self.store.progress.step(f"Writing {system.type}")
        with image.open("wb") as file:
            file.truncate(plan.root.size)
        build = output_build(content, facts, tar, tools, self.store, self.workspace)
        tree = Tree(tar, size=facts.size)
        await find_writer(system.type).write(Job(build, "root", system, uuid, plan.root.size, image, 0, tree))
        return plan, image


def _plain_text(root: Path, folder: str, name: str) -> str:
    """A small plain file of the guest, without going through a link; empty where there is none."""
    try:
        above = os.open(root / folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return ""
    try:
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=above)
    except OSError:
        return ""
    finally:
        os.close(above)
    with os.fdopen(handle, "rb") as file:
        is_plain = stat.S_ISREG(os.fstat(handle).st_mode)
        return file.read(_MOST).decode(errors="surrogateescape") if is_plain else ""
