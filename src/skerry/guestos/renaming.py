"""Gives a guest another name, in the files of its disk that name it and nowhere else.

Nothing is mounted on the host: an ext file system is changed by debugfs, others in the helper machine. Only plain
files in plain folders are looked at, so links of the guest lead nowhere.
"""

from __future__ import annotations

import base64
import io
import shlex
import tarfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from skerry.commands import Commands
from skerry.errors import BadImage, HostError
from skerry.guestos.disk_files import open_disk
from skerry.guestos.disk_tables import FileSystemFound, file_systems
from skerry.guestos.ext_files import MOST, ExtFiles
from skerry.guestos.helper_image import helper_image
from skerry.guestos.helper_vm import Helper, HelperDisk, Machine, open_helper
from skerry.guestos.host_names import HOSTNAME, PATHS, Names, plan_rename
from skerry.images.cache import Cache
from skerry.images.toolbox import Tools
from skerry.progress import Progress

_HOSTS = "/etc/hosts"
# Where roots are in a btrfs: at the top, or in the subvolumes of Debian's, Ubuntu's and Fedora's installers.
_TOPS = (".", "@rootfs", "@", "root")


class GuestFiles(Protocol):
    """Plain files of one file system."""

    async def read(self, paths: Sequence[str]) -> dict[str, bytes]:
        """Those that are there, by path."""
        ...

    async def write(self, contents: Mapping[str, bytes]) -> None:
        """Give files that are there a new content."""
        ...


@dataclass(frozen=True)
class Programs:
    """What renaming works with; nothing is fetched or started that is not needed."""

    cache: Cache
    commands: Commands
    tools: Callable[[], AbstractAsyncContextManager[Tools]]  # e2fsprogs
    deb_lines: Callable[[], Sequence[str]]  # apt's sources of Debian 13, for the helper machine
    machine: Callable[[], Awaitable[Machine]]  # how it runs here


async def rename_guest(disk: Path, names: Names, programs: Programs, progress: Progress) -> tuple[str, ...]:
    """Give the guest on a disk another name; returns the files that were changed.

    Raises:
        BadImage: there is no root on the disk that could be renamed.
        InvalidState: the guest calls itself something else than the old name; nothing was changed.
        NotFound, BadInput, InUse, HostError, CommandFailed, TimedOut, Unavailable: as they say.
    """
    with open_disk(disk, writable=True, flushed=False) as opened:  # nobody else has it now
        found = file_systems(opened.read, opened.size)
    for system in sorted(found, key=lambda each: each.type != "ext"):  # a helper machine takes its time
        async with _open(disk, system, programs, progress) as files:
            contents = await files.read(PATHS)
            if HOSTNAME not in contents and _HOSTS not in contents:
                continue
            renaming = plan_rename(names, contents)
            if renaming.contents:
                await files.write(renaming.contents)
            for remark in renaming.remarks:
                progress.log(f"note: {remark}")
            return tuple(renaming.contents)
    kinds = ", ".join(each.type for each in found) or "no file system that is known"
    raise BadImage(
        f"there is no {HOSTNAME} on {disk}, which has {kinds}: the guest cannot be renamed",
        hint="change its name from inside",
    )


@asynccontextmanager
async def _open(
    disk: Path, system: FileSystemFound, programs: Programs, progress: Progress
) -> AsyncIterator[GuestFiles]:
    if system.type == "ext":
        async with programs.tools() as tools, programs.cache.workspace() as workspace:
            yield ExtFiles(disk, system.offset, tools, workspace)
        return
    progress.step(f"Starting a helper machine for the {system.type} on {disk}")
    shown = HelperDisk("guest", disk, offset=system.offset, size=system.size)
    async with helper_image(programs.cache, programs.commands, programs.deb_lines()) as image:
        machine = await programs.machine()
        async with open_helper(image, machine, [shown], programs.commands) as helper:
            yield HelperFiles(helper, system.type)


_FIND = """
mkdir -p /mnt/{disk}
grep -q ' /mnt/{disk} ' /proc/mounts || mount -t {type} -o nosuid,nodev,noexec "$(disk {disk})" /mnt/{disk} || exit
cd /mnt/{disk} || exit
for top in {tops}; do
  [ -d "$top/etc" ] && [ ! -L "$top/etc" ] && [ ! -L "$top" ] && cd "$top" && break
done
plain() {{  # a plain file, in plain folders
  [ -f "$1" ] && [ ! -L "$1" ] && [ "$(stat -c %s "$1")" -le {most} ] || return 1
  above=${{1%/*}}
  while [ "$above" != "${{above%/*}}" ]; do [ ! -L "$above" ] || return 1; above=${{above%/*}}; done
  [ ! -L "$above" ]
}}
"""


@dataclass(frozen=True)
class HelperFiles:
    """The files of a file system that only a kernel can change, in the helper machine."""

    helper: Helper
    type: str
    disk: str = "guest"  # its name there

    async def read(self, paths: Sequence[str]) -> dict[str, bytes]:
        """Those that are plain files and not huge, by path."""
        words = shlex.join(path.lstrip("/") for path in paths)
        script = f'set --\nfor each in {words}; do if plain "$each"; then set -- "$@" "$each"; fi; done\n'
        said = await self.helper.run(f'{self._begin}{script}[ $# = 0 ] || tar -c -f - "$@"')
        return files_of(said, paths)

    async def write(self, contents: Mapping[str, bytes]) -> None:
        """Give plain files that are there a new content; the inode and all that it has stay.

        Raises:
            HostError: the file system did not take it.
        """
        lines = []
        for path, content in contents.items():
            name, text = shlex.quote(path.lstrip("/")), base64.b64encode(content).decode()
            lines.append(f"plain {name} && echo {text} | base64 -d > {name}")
        await self.helper.run(self._begin + " && ".join(lines) + " && sync")
        if await self.read(list(contents)) != dict(contents):
            raise HostError(f"the {self.type} cannot be changed: it holds something else afterwards")

    @property
    def _begin(self) -> str:
        return _FIND.format(type=self.type, disk=self.disk, tops=" ".join(_TOPS), most=MOST)


def files_of(tar: bytes, paths: Sequence[str]) -> dict[str, bytes]:
    """The small plain files of a tar that have these names; the tar is what a stranger's file system made of it.

    Raises:
        HostError: it is none.
    """
    found: dict[str, bytes] = {}
    if not tar:
        return found
    try:
        with tarfile.open(fileobj=io.BytesIO(tar), mode="r:") as archive:
            for member in archive:
                path = "/" + member.name.lstrip("/")
                is_small = member.isreg() and not member.issparse() and member.size <= MOST
                content = archive.extractfile(member) if is_small and path in paths else None
                if content:
                    found[path] = content.read()
    except tarfile.TarError as exc:
        raise HostError("the helper machine answered nonsense") from exc
    return found
