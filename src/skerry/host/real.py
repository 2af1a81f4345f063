"""A host on libvirt, put together from its settings."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from skerry.commands import CommandRunner
from skerry.errors import Unavailable
from skerry.guestos.helper_running import HelperRunner
from skerry.guestos.helper_vm import Machine
from skerry.host.agent import Host
from skerry.host.guest_oses import GuestOses
from skerry.host.libvirt_hypervisor import LibvirtHypervisor
from skerry.host.settings import HostSettings
from skerry.host.storage import HostStorage
from skerry.hypervisor.accelerator import EMULATORS, AcceleratorProbe
from skerry.hypervisor.connection import Hypervisor
from skerry.storage.directory import Directory
from skerry.storage.pools import LibvirtPools
from skerry.storage.uploads import Uploads

if TYPE_CHECKING:
    from skerry.guestos.renaming import Programs

__all__ = ["HostSettings", "real_host"]


def real_host(
    settings: HostSettings,
    *,
    connection: Hypervisor | None = None,
    accelerator: AcceleratorProbe | None = None,
) -> Host:
    """A host that is not started.

    `connection` may be one that starts a libvirtd of its own, `accelerator` a probe that was made before.

    Raises:
        Unavailable: the folders cannot be made, or guests could not read them.
    """
    connection = connection or Hypervisor(settings.uri, definitions=settings.libvirt_definitions)
    _make_folders(settings)
    accelerator = accelerator or AcceleratorProbe(CommandRunner())
    hypervisor = LibvirtHypervisor(connection, serial_logs=settings.serial_folder, accelerator=accelerator)
    pool = Directory(settings.storage_pool, settings.storage_folder, registry=LibvirtPools(connection))
    storage = HostStorage(
        [pool],
        Uploads(pool.spool.uploads),
        import_folders=[Path(folder) for folder in settings.import_folders],
        others=hypervisor.storage_pools,
    )
    guest_oses = GuestOses(
        [Path(folder) for folder in settings.guest_os_folders],
        helper=settings.guest_os_helper,
        helper_runner=_helper_runner(settings, accelerator),
    )
    return Host(settings.known_as, hypervisor, storage, guest_oses=guest_oses)


def _helper_runner(settings: HostSettings, accelerator: AcceleratorProbe) -> HelperRunner:
    async def machine() -> Machine:
        emulator = next((path for name in EMULATORS if (path := shutil.which(name))), None)
        if emulator is None:
            raise Unavailable("there is no QEMU for a helper machine", hint="install the package qemu-system-x86")
        return Machine(emulator, (await accelerator.result()).kind)

    async def programs() -> Programs:
        from skerry.guestos.transfers import programs_of  # noqa: PLC0415 - the builder, for this only

        return await programs_of(CommandRunner(), machine)

    return HelperRunner(programs, tuple(Path(each) for each in settings.guest_os_helper_files))


def _make_folders(settings: HostSettings) -> None:
    for folder in (settings.storage_folder, settings.serial_folder):
        try:
            folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        except OSError as exc:
            raise Unavailable(f"the folder {folder} cannot be made: {exc.strerror}") from exc
    if "/system" in settings.uri:
        _check_open(settings.storage_folder)


def _check_open(folder: Path) -> None:
    """System machines run as another user, who has to come through to their disks.

    Raises:
        Unavailable: a folder on the way is closed.
    """
    for part in (folder, *folder.parents):
        if not part.stat().st_mode & stat.S_IXOTH:
            raise Unavailable(
                f"machines cannot reach their disks in {folder}: {part} is closed to other users",
                hint=f"`chmod o+x {part}`, or choose another folder for the storage",
            )
