"""The storage of a host: its drivers, its uploads, and which files images may be imported from."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Protocol

from skerry.errors import BadInput, Denied, NotFound
from skerry.host.types import Disk, Machine, StoragePool, Volume
from skerry.storage.driver import StorageDriver
from skerry.storage.uploads import Uploads

_log = logging.getLogger(__name__)


class PoolLister(Protocol):
    """Who knows all storage pools of the hypervisor."""

    async def __call__(self) -> Sequence[StoragePool]:
        """All storage pools."""


class HostStorage:
    """Finds the driver of a pool, and the volume behind a disk."""

    def __init__(
        self,
        drivers: Sequence[StorageDriver],
        uploads: Uploads,
        *,
        import_folders: Sequence[Path],
        others: PoolLister,
    ) -> None:
        self.uploads = uploads
        self._drivers = {driver.name: driver for driver in drivers}
        self._import_folders = tuple(folder.resolve() for folder in import_folders)
        self._others = others

    async def start(self, on_change: Callable[[], None]) -> None:
        """Make all pools ready; `on_change` is called some time after volumes changed."""
        for driver in self._drivers.values():
            driver.on_change = on_change
            await driver.start()
        for upload in await asyncio.to_thread(self.uploads.remove_stale):
            _log.info("removed the stale upload %s", upload)

    async def announce(self) -> None:
        """Make all pools known to the hypervisor."""
        for driver in self._drivers.values():
            await driver.announce()

    def check_pools(self) -> None:
        """Raise Conflict where the hypervisor was found to have a pool of somebody else under the name of ours."""
        for driver in self._drivers.values():
            driver.check()

    async def stop(self) -> None:
        """Let go of all pools; may be called twice."""
        async with AsyncExitStack() as stack:
            for driver in self._drivers.values():
                stack.push_async_callback(driver.stop)

    def driver(self, storage_pool: str) -> StorageDriver:
        """The driver of a pool.

        Raises:
            NotFound: no pool of ours has that name.
        """
        try:
            return self._drivers[storage_pool]
        except KeyError:
            ours = ", ".join(sorted(self._drivers))
            raise NotFound(
                f"there is no storage pool {storage_pool} for volumes here", hint=f"there is: {ours}"
            ) from None

    async def pools(self) -> tuple[StoragePool, ...]:
        """All storage pools of the hypervisor, ours with figures of now."""
        found = {pool.name: pool for pool in await self._others()}
        for driver in self._drivers.values():
            found[driver.name] = await driver.pool()
        return tuple(found[name] for name in sorted(found))

    async def volumes_by_path(self) -> dict[str, Volume]:
        """All volumes of all our pools."""
        return {volume.path: volume for driver in self._drivers.values() for volume in await driver.volumes()}

    async def describe(self, machine: Machine) -> Machine:
        """The machine, with what is known of the volumes behind its disks."""
        volumes = {}
        for disk in machine.disks:
            path = self._path(disk)
            if path and (found := self.owner(path)):
                driver, name = found
                try:
                    volumes[path] = await driver.get(name)
                except NotFound:  # defined, and not there: the machine shows it without a size
                    continue
        return self.described(machine, volumes)

    def described(self, machine: Machine, volumes: Mapping[str, Volume]) -> Machine:
        """The machine, its disks described by the volumes at their paths."""
        disks = []
        for disk in machine.disks:
            path = self._path(disk)
            known = {"source": path} | _known(volumes.get(path or ""))
            if disk.storage_pool in self._drivers and path and self.owner(path) is None:
                # Libvirt's pool of this name shows another folder: a volume there is not ours of the same name.
                known |= {"storage_pool": None, "volume": None}
            disks.append(disk.model_copy(update=known))
        return machine.model_copy(update={"disks": tuple(disks)})

    def _path(self, disk: Disk) -> str | None:
        """The path of a disk's image; a definition may name pool and volume instead."""
        driver = self._drivers.get(disk.storage_pool or "")
        if driver is None or disk.volume is None or disk.source is None or disk.source.startswith("/"):
            return disk.source
        try:
            return driver.path_of(disk.volume)
        except BadInput:  # a name that no volume of ours has
            return disk.source

    async def boot_file(self, path: str) -> None:
        """Make sure that a machine may boot from a file of the host: an import folder or a volume.

        Raises:
            Denied, NotFound: it may not; there is none.
        """
        if found := self.owner(path):
            await found[0].get(found[1])
        elif not self._importable(path):
            raise Denied(
                f"machines cannot boot from {path}",
                hint=f"kernels lie in the folders of the setting import_folders, which are: {self._folders()}",
            )
        elif not Path(path).is_file():
            raise NotFound(f"there is no file {path}")

    @contextmanager
    def image(self, *, upload: str | None, path: str | None) -> Iterator[Path]:
        """The file of an image that comes in: an upload, which is gone afterwards, or a file of the host.

        Raises:
            Denied: the file is in none of the import folders.
            InUse: the upload is being sent.
        """
        if upload is not None:
            with self.uploads.hold(upload) as held:
                yield held
        else:
            yield self.import_file(path or "")

    def import_file(self, path: str) -> Path:
        """A file of the host that an image may be imported from.

        Raises:
            Denied: it is in none of the import folders.
        """
        if not self._importable(path):
            raise Denied(f"images cannot be imported from {path}", hint=f"folders for that are: {self._folders()}")
        return Path(path).resolve()

    def _importable(self, path: str) -> bool:
        found = Path(path).resolve()
        return any(found.is_relative_to(folder) for folder in self._import_folders)

    def _folders(self) -> str:
        return ", ".join(map(str, self._import_folders)) or "none"

    def owner(self, path: str) -> tuple[StorageDriver, str] | None:
        """The driver and the name of the volume that a path would be; None where it is in none of our pools."""
        for driver in self._drivers.values():
            if name := driver.owns(path):
                return driver, name
        return None


def _known(volume: Volume | None) -> dict[str, object]:
    if volume is None:
        return {}
    return {
        "storage_pool": volume.storage_pool,
        "volume": volume.name,
        "size": volume.capacity,
        "allocation": volume.allocation,
    }
