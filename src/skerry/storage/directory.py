"""Volumes as files in a directory: qcow2 for disks, thin clones on backing files, plain ISO for CDs.

ROOT/volumes/   what libvirt's storage pool shows; each file is a whole volume
ROOT/spool/     see `skerry.storage.spool`
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import ClassVar, TypeVar
from weakref import WeakValueDictionary

from skerry.errors import BadInput, Conflict, InUse, NameTaken, NotFound, SkerryError
from skerry.progress import Progress
from skerry.sizes import format_size
from skerry.storage.blocking import Stop, file_errors, in_thread
from skerry.storage.driver import CloneKind, Feature, Grow
from skerry.storage.formats import read_header
from skerry.storage.inspection import ImageLimits
from skerry.storage.intake import take_in
from skerry.storage.pools import PoolRegistry
from skerry.storage.qemu_img import QemuImg
from skerry.storage.spool import Spool
from skerry.storage.types import StoragePool, Volume

T = TypeVar("T")

_log = logging.getLogger(__name__)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_SMALL_JOBS = 4  # qemu-img at once for making and resizing
_COPIES = 2  # qemu-img at once that read and write whole disks
_REFRESH_PAUSE_S = 0.2  # changes within it are shown to libvirt together


class Directory:
    """The driver for one directory."""

    kind: ClassVar[str] = "dir"
    features: ClassVar[Feature] = Feature.THIN_CLONE | Feature.GROW | Feature.IMPORT | Feature.PLACE

    def __init__(
        self,
        name: str,
        root: Path,
        *,
        registry: PoolRegistry,
        qemu_img: QemuImg | None = None,
        limits: ImageLimits | None = None,
    ) -> None:
        self.name = name
        self.on_change: Callable[[], None] = lambda: None
        self.limits = limits or ImageLimits()
        self.path = root / "volumes"
        self.spool = Spool(root / "spool")
        self._registry = registry
        self._qemu_img = qemu_img or QemuImg()
        self._names: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._standing: list[tuple[Path, str]] = []  # (backing file, name) of clones that are being made
        self._small_jobs = asyncio.Semaphore(_SMALL_JOBS)
        self._copies = asyncio.Semaphore(_COPIES)
        self._changed = asyncio.Event()
        self._refresher: asyncio.Task[None] | None = None
        self._not_ours: Conflict | None = None  # why libvirt does not show this folder under our name

    async def start(self) -> None:
        """Make the folders ready, and remove what a process that is gone left half-made."""
        left = await self._blocking(self._open, f"storage pool {self.name} cannot be opened")
        for part in left:
            _log.warning("removed the half-made image %s from storage pool %s", part, self.name)
        if self._refresher is None:
            self._refresher = asyncio.create_task(self._refresh(), name=f"refresh of storage pool {self.name}")

    async def announce(self) -> None:
        """Make sure that libvirt has the pool, and shows what is in it."""
        try:
            await self._registry.ensure(self.name, self.path)
        except Conflict as exc:
            self._not_ours = exc
            raise
        self._not_ours = None
        await self._registry.refresh(self.name)

    def check(self) -> None:
        """Refuse to change anything while libvirt shows another folder under our name."""
        if self._not_ours is not None:
            raise Conflict(self._not_ours.message, hint=self._not_ours.hint)

    async def stop(self) -> None:
        """Let go of the folders; may be called twice."""
        if self._refresher is not None:
            self._refresher.cancel()
            await asyncio.wait([self._refresher])
            self._refresher = None
        self.spool.close()

    async def pool(self) -> StoragePool:
        """The pool, with the figures of its file system."""
        figures = await self._blocking(lambda: os.statvfs(self.path), f"storage pool {self.name} is not readable")
        capacity, available = figures.f_blocks * figures.f_frsize, figures.f_bavail * figures.f_frsize
        return StoragePool(
            name=self.name,
            kind=self.kind,
            path=str(self.path),
            active=self._refresher is not None,
            capacity=capacity,
            allocation=capacity - figures.f_bfree * figures.f_frsize,
            available=available,
            managed=True,
        )

    async def volumes(self) -> list[Volume]:
        """All volumes, by name."""
        return await self._blocking(self._list, f"storage pool {self.name} is not readable")

    async def get(self, name: str) -> Volume:
        """One volume."""
        path = self._path(name)
        volume = await self._blocking(lambda: self._read(path), f"volume {name} is not readable")
        if volume is None:
            raise NotFound(f"there is no volume {name} in storage pool {self.name}")
        return volume

    def path_of(self, name: str) -> str:
        """Where a volume of that name is, or would be."""
        return str(self._path(name))

    def owns(self, path: str) -> str | None:
        """The name of the volume that a path would be."""
        found = Path(path)
        return found.name if found.parent == self.path and _NAME.fullmatch(found.name) else None

    async def dependents(self, name: str) -> tuple[str, ...]:
        """Names of the volumes that stand on this one."""
        path = self._path(name)
        standing = [volume.name for volume in await self.volumes() if volume.backing == str(path)]
        standing += [clone for backing, clone in self._standing if backing == path]
        return tuple(sorted(set(standing)))

    async def create(self, name: str, size: int, *, origin: str) -> Volume:
        """Make an empty qcow2 volume."""
        self._check_size(size)

        async def make(part: Path) -> None:
            async with self._small_jobs:
                await self._qemu_img.create(part, size)

        return await self._make(name, origin, make)

    async def clone(
        self,
        source: str,
        name: str,
        *,
        size: int | None,
        how: CloneKind = CloneKind.THIN,
        origin: str,
        progress: Progress,
    ) -> Volume:
        """Make a thin clone on a backing file, or a copy."""
        if earlier := await self._earlier(name, origin):
            return earlier
        backing = await self.get(source)
        wanted = backing.capacity if size is None else size
        self._check_size(wanted)
        if backing.format == "iso":
            raise BadInput(f"volume {source} is a CD image, which cannot be cloned as a disk")
        if wanted < backing.capacity:
            raise BadInput(
                f"a clone of {source} cannot be smaller than it: {format_size(backing.capacity)}",
                hint="leave the size out, or ask for more",
            )

        async def make(part: Path) -> None:
            if how is not CloneKind.THIN:
                await self._copy(backing, part, wanted, how, progress)
            else:
                async with self._small_jobs:
                    path = Path(backing.path)
                    await self._qemu_img.thin_clone(part, wanted, backing=path, backing_format=backing.format)

        async with self._name(source):  # nobody deletes it before it is entered
            await self.get(source)
            self._standing.append(entry := (Path(backing.path), name))
        try:
            return await self._make(name, origin, make)
        finally:
            self._standing.remove(entry)

    async def resize(self, name: str, size: int, *, grow: Grow | None = None) -> Volume:
        """Grow a volume."""
        self._check_size(size)
        async with self._name(name):
            self.check()
            volume = await self.get(name)
            if volume.format == "iso" or size < volume.capacity:
                raise BadInput(f"volume {name} can only grow: it has {format_size(volume.capacity)}")
            await self._refuse_standing(name)
            if size > volume.capacity and grow is not None:
                await grow(volume.path, size)
            elif size > volume.capacity:
                async with self._small_jobs:
                    await self._qemu_img.resize(Path(volume.path), volume.format, size)
            self._note_change()
            return await self.get(name)

    async def delete(self, name: str, *, missing_ok: bool = False) -> None:
        """Remove a volume."""
        path = self._path(name)
        async with self._name(name):
            self.check()
            try:
                await self.get(name)
            except NotFound:
                if not missing_ok:
                    raise
                return
            await self._refuse_standing(name)
            await self._blocking(lambda: self._remove(path), f"volume {name} cannot be deleted")
            self._note_change()

    async def import_image(
        self,
        name: str,
        source: Path,
        *,
        sha256: str | None,
        raw: bool,
        origin: str,
        progress: Progress,
        known_as: str = "",
    ) -> Volume:
        """Take an image in: disks become qcow2, CDs stay as they are."""

        async def make(part: Path) -> None:
            unpacked = self.spool.part(name, origin, "unpacked")
            try:
                async with self._copies:
                    await take_in(
                        self._qemu_img,
                        source,
                        part,
                        unpacked,
                        known_as=known_as or source.name,
                        checksum=sha256,
                        raw=raw,
                        limits=self.limits,
                        progress=progress,
                    )
            finally:
                unpacked.unlink(missing_ok=True)

        return await self._make(name, origin, make)

    async def place(self, name: str, write: Callable[[Path], Awaitable[None]], *, origin: str) -> Volume:
        """Let somebody write a file, and make it a volume when it is whole."""
        return await self._make(name, origin, write)

    async def _make(self, name: str, origin: str, make: Callable[[Path], Awaitable[None]]) -> Volume:
        """Look; then make the volume aside, and move it to its place. Nothing is left of a failure."""
        path = self._path(name)
        async with self._name(name):
            self.check()
            if earlier := await self._earlier(name, origin):
                return earlier
            failed = f"volume {name} cannot be written"
            part = await self._blocking(lambda: self.spool.part(name, origin), failed)
            try:
                with file_errors(failed):
                    await make(part)
                await self._blocking(lambda: self.spool.commit(part, path, origin), failed)
            finally:
                part.unlink(missing_ok=True)
            self._note_change()
            return await self.get(name)

    async def _earlier(self, name: str, origin: str) -> Volume | None:
        """The volume, where the same origin made it before."""
        path = self._path(name)
        made = await self._blocking(lambda: self._mine(path, origin), f"volume {name} is not readable")
        return await self.get(name) if made else None

    def _mine(self, path: Path, origin: str) -> bool:
        if not os.path.lexists(path):
            return False
        if not self.spool.made_by(path, origin):
            raise NameTaken(
                f"there is already a volume {path.name} in storage pool {self.name}", hint="choose another name"
            )
        return True

    async def _copy(self, source: Volume, part: Path, size: int, how: CloneKind, progress: Progress) -> None:
        backing = self.owns(source.backing) if source.backing and how is CloneKind.LAYER else None
        async with self._copies:
            progress.step(f"copy {source.name}")
            if backing is not None:
                base = await self.get(backing)
                await self._qemu_img.copy_layer(
                    Path(source.path), part, progress, backing=Path(base.path), backing_format=base.format
                )
            else:
                await self._qemu_img.convert(Path(source.path), source.format, part, "qcow2", progress)
            if size > source.capacity:
                await self._qemu_img.resize(part, "qcow2", size)

    async def _refuse_standing(self, name: str) -> None:
        if standing := await self.dependents(name):
            raise InUse(
                f"volume {name} is needed by {_some(standing)}, cloned from it", hint="delete the clones first"
            )

    def _check_size(self, size: int) -> None:
        if not 0 < size <= self.limits.capacity:
            most = format_size(self.limits.capacity)
            raise BadInput(f"a volume of {format_size(size)} cannot be made: at least 1 byte, at most {most}")

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise BadInput(
                f"{name[:140]!r} is not a name for a volume",
                hint="letters, digits, dot, dash and underscore, at most 128",
            )
        return self.path / name

    @asynccontextmanager
    async def _name(self, name: str) -> AsyncIterator[None]:
        """One at a time for each name."""
        lock = self._names.setdefault(name, asyncio.Lock())
        async with lock:
            yield

    async def _blocking(self, work: Callable[[], T], failed: str) -> T:
        def run(_stop: Stop) -> T:
            with file_errors(failed):
                return work()

        return await in_thread(run)

    def _open(self) -> list[str]:
        self.path.mkdir(mode=0o711, parents=True, exist_ok=True)
        self.spool.open()
        return self.spool.clean(self.path)

    def _list(self) -> list[Volume]:
        with os.scandir(self.path) as entries:
            names = sorted(entry.name for entry in entries if _NAME.fullmatch(entry.name))
        return [volume for name in names if (volume := self._read(self.path / name))]

    def _read(self, path: Path) -> Volume | None:
        """The volume in a file; None where there is no regular file."""
        with suppress(FileNotFoundError):
            found = path.lstat()
            if stat.S_ISREG(found.st_mode):
                header = read_header(path)
                return Volume(
                    storage_pool=self.name,
                    name=path.name,
                    path=str(path),
                    format=header.format,
                    capacity=header.capacity,
                    allocation=found.st_blocks * 512,
                    backing=header.backing,
                )
        return None

    def _remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self.spool.forget(path.name)

    def _note_change(self) -> None:
        self._changed.set()

    async def _refresh(self) -> None:
        """Show changes to libvirt and to whoever listens, many together."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(_REFRESH_PAUSE_S)
            self._changed.clear()
            try:
                await self.announce()
            except SkerryError as exc:
                _log.warning("libvirt was not shown the changes in storage pool %s: %s", self.name, exc)
            self.on_change()


def _some(names: Iterable[str], most: int = 5) -> str:
    found = sorted(names)
    return ", ".join(found[:most]) + (f" and {len(found) - most} more" if len(found) > most else "")
