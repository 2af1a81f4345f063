"""Volumes that exist in memory only: for simulated hosts, and for tests of what stands on storage.

It keeps the promises of a driver, as one suite of tests shows, and holds no content.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import ClassVar

from skerry.errors import BadInput, InUse, NameTaken, NotFound
from skerry.progress import Progress
from skerry.sizes import GIB, TIB, format_size
from skerry.storage.driver import CloneKind, Feature, Grow
from skerry.storage.formats import read_header
from skerry.storage.intake import compare_checksum
from skerry.storage.types import StoragePool, Volume

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_CAPACITY = 64 * TIB


class Memory:
    """The driver for volumes in memory."""

    kind: ClassVar[str] = "memory"
    features: ClassVar[Feature] = Feature.THIN_CLONE | Feature.GROW | Feature.IMPORT | Feature.PLACE

    def __init__(self, name: str) -> None:
        self.name = name
        self.on_change: Callable[[], None] = lambda: None
        self._volumes: dict[str, tuple[Volume, str]] = {}  # with the origin of each

    async def start(self) -> None:
        """Nothing to make ready."""

    async def announce(self) -> None:
        """Nobody to tell."""

    def check(self) -> None:
        """Nobody has another one."""

    async def stop(self) -> None:
        """Nothing to let go of."""

    async def pool(self) -> StoragePool:
        """A pool of 1 TiB that fills by the allocation of its volumes."""
        used = sum(volume.allocation for volume, _ in self._volumes.values())
        return StoragePool(
            name=self.name,
            kind=self.kind,
            path=None,
            active=True,
            capacity=TIB,
            allocation=used,
            available=max(TIB - used, 0),
            managed=True,
        )

    async def volumes(self) -> list[Volume]:
        """All volumes, by name."""
        return [self._volumes[name][0] for name in sorted(self._volumes)]

    async def get(self, name: str) -> Volume:
        """One volume."""
        self.path_of(name)
        if name not in self._volumes:
            raise NotFound(f"there is no volume {name} in storage pool {self.name}")
        return self._volumes[name][0]

    def path_of(self, name: str) -> str:
        """A path that no file has."""
        if not _NAME.fullmatch(name):
            raise BadInput(f"{name[:140]!r} is not a name for a volume")
        return f"/{self.kind}/{self.name}/{name}"

    def owns(self, path: str) -> str | None:
        """The name at the end of a path of ours."""
        folder, _, name = path.rpartition("/")
        return name if folder == f"/{self.kind}/{self.name}" and _NAME.fullmatch(name) else None

    async def dependents(self, name: str) -> tuple[str, ...]:
        """Names of the volumes that stand on this one."""
        path = self.path_of(name)
        return tuple(volume.name for volume in await self.volumes() if volume.backing == path)

    async def create(self, name: str, size: int, *, origin: str) -> Volume:
        """Make an empty volume."""
        return self._made(name, origin, size)

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
        """Make a volume that stands on another one, or does not."""
        if earlier := self._earlier(name, origin):
            return earlier
        backing = await self.get(source)
        wanted = backing.capacity if size is None else size
        if backing.format == "iso":
            raise BadInput(f"volume {source} is a CD image, which cannot be cloned as a disk")
        if wanted < backing.capacity:
            raise BadInput(f"a clone of {source} cannot be smaller than it: {format_size(backing.capacity)}")
        if how is not CloneKind.THIN:
            progress.step(f"copy {source}")
        stands_on = {CloneKind.THIN: backing.path, CloneKind.LAYER: backing.backing, CloneKind.FULL: None}
        return self._made(name, origin, wanted, backing=stands_on[how])

    async def resize(self, name: str, size: int, *, grow: Grow | None = None) -> Volume:
        """Grow a volume."""
        volume = await self.get(name)
        _check_size(size)
        if volume.format == "iso" or size < volume.capacity:
            raise BadInput(f"volume {name} can only grow: it has {format_size(volume.capacity)}")
        await self._refuse_standing(name)
        if grow is not None:
            await grow(volume.path, size)
        origin = self._volumes[name][1]
        self._volumes[name] = (volume.model_copy(update={"capacity": size}), origin)
        self.on_change()
        return await self.get(name)

    async def delete(self, name: str, *, missing_ok: bool = False) -> None:
        """Remove a volume."""
        self.path_of(name)
        if name not in self._volumes and missing_ok:
            return
        await self.get(name)
        await self._refuse_standing(name)
        del self._volumes[name]
        self.on_change()

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
        """Take the size and kind of an image, and not its content; its checksum is compared."""
        del raw
        if earlier := self._earlier(name, origin):
            return earlier
        if sha256 is not None:
            await compare_checksum(source, sha256, known_as=known_as or source.name, progress=progress)
        progress.step("look at the image")
        header = read_header(source)
        return self._made(name, origin, header.capacity, image_format="iso" if header.format == "iso" else "qcow2")

    async def place(self, name: str, write: Callable[[Path], Awaitable[None]], *, origin: str) -> Volume:
        """Let somebody write a file, and keep what it was."""
        if earlier := self._earlier(name, origin):
            return earlier
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "file"
            await write(path)
            header = read_header(path)
        return self._made(name, origin, header.capacity, image_format=header.format)

    def _earlier(self, name: str, origin: str) -> Volume | None:
        self.path_of(name)
        if name not in self._volumes:
            return None
        volume, made_by = self._volumes[name]
        if made_by != origin:
            raise NameTaken(f"there is already a volume {name} in storage pool {self.name}")
        return volume

    def _made(
        self, name: str, origin: str, size: int, *, image_format: str = "qcow2", backing: str | None = None
    ) -> Volume:
        if earlier := self._earlier(name, origin):
            return earlier
        _check_size(size)
        volume = Volume(
            storage_pool=self.name,
            name=name,
            path=self.path_of(name),
            format=image_format,
            capacity=size,
            allocation=min(size, GIB),
            backing=backing,
        )
        self._volumes[name] = (volume, origin)
        self.on_change()
        return volume

    async def _refuse_standing(self, name: str) -> None:
        if standing := await self.dependents(name):
            raise InUse(f"volume {name} is needed by {', '.join(standing)}, cloned from it")


def _check_size(size: int) -> None:
    if not 0 < size <= _CAPACITY:
        raise BadInput(f"a volume of {format_size(size)} cannot be made: at most {format_size(_CAPACITY)}")
