"""From Ganeti's variables and the node's files to exports, imports and renames."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from skerry.commands import Commands
from skerry.errors import BadInput
from skerry.guestos.content import Store
from skerry.guestos.environment import read_call
from skerry.guestos.exporting import Export, export_disk
from skerry.guestos.host_names import Names
from skerry.guestos.importing import import_disk
from skerry.guestos.instance import Call, Script
from skerry.guestos.parameters import Settings
from skerry.guestos.settings import Places
from skerry.guestos.settings_files import load
from skerry.guestos.streams import DUMP_HEAD, Format, is_dump, peek
from skerry.images.cache import Cache
from skerry.images.settings import BuildSettings, load_settings
from skerry.progress import Progress
from skerry.sizes import format_size

if TYPE_CHECKING:
    from skerry.guestos.helper_vm import Machine
    from skerry.guestos.renaming import Programs
    from skerry.images.toolbox import Tools


@dataclass(frozen=True)
class Told:
    """Who tells us what to do, and whom we tell how it goes."""

    environ: Mapping[str, str]
    places: Places
    commands: Commands
    progress: Progress

    async def read(self, script: Script) -> tuple[Call, Settings]:
        """What this run is about.

        Raises:
            BadInput, BadSettings: with all that is wrong.
        """
        call = read_call(script, self.environ)
        loaded = await load(self.environ, self.places, self.commands)
        for warning in loaded.warnings:
            self.progress.log(f"note: {warning}")
        return call, loaded.settings


async def export_as_told(told: Told, target: BinaryIO, format: Format | None = None) -> None:  # noqa: A002
    """Write the disk that the variables name to a pipe.

    Raises:
        BadInput, BadSettings: the variables or settings are wrong.
        As `export_disk`.
    """
    call, settings = await told.read(Script.EXPORT)
    export = Export(_disk(call), format or settings.export_format, call.index, call.instance.name, call.size_fd)
    await asyncio.to_thread(export_disk, export, target, told.progress)


async def import_as_told(told: Told, source: BinaryIO) -> None:
    """Fill the disk that the variables name from a pipe.

    Raises:
        BadInput, BadSettings: the variables or settings are wrong.
        As `import_disk`, and for a dump as `import_dump`.
    """
    call, settings = await told.read(Script.IMPORT)
    begin, source = peek(source, DUMP_HEAD)
    if is_dump(begin):
        from skerry.guestos.dumps import import_dump  # noqa: PLC0415 - the builder, for this only

        cache = await _open_cache(load_settings(), told.commands)
        await import_dump(_disk(call), source, settings, Store(cache, told.commands, told.progress))
        told.progress.log(f"disk {call.index} was imported from a dump")
        return
    done = await asyncio.to_thread(import_disk, _disk(call), source, told.progress)
    told.progress.log(f"disk {call.index} was imported: {format_size(done.size)}")


async def rename_as_told(told: Told, machine: Callable[[], Awaitable[Machine]]) -> None:
    """Give the guest that the variables name its new name; `machine` finds out how a helper machine runs here.

    Raises:
        BadInput, BadSettings: the variables or settings are wrong.
        As `rename_guest`.
    """
    from skerry.guestos.renaming import rename_guest  # noqa: PLC0415 - much, that exports and imports do not need

    call, _ = await told.read(Script.RENAME)
    first = call.instance.disks[0]
    if not first.path:
        raise _only_uri(first.uri)
    names = Names(call.old_name, call.instance.name)
    programs = await programs_of(told.commands, machine)
    changed = await rename_guest(Path(first.path), names, programs, told.progress)
    told.progress.log(f"{names.old} is {names.new} now: {', '.join(changed) or 'nothing was left to change'}")


async def programs_of(commands: Commands, machine: Callable[[], Awaitable[Machine]]) -> Programs:
    """What renaming works with on this node."""
    from skerry.guestos.renaming import Programs  # noqa: PLC0415 - see above
    from skerry.images.tools import tools_tree  # noqa: PLC0415

    settings = load_settings()
    cache = await _open_cache(settings, commands)

    @asynccontextmanager
    async def tools() -> AsyncIterator[Tools]:
        async with tools_tree(cache, commands, debian_lines(settings)) as found:
            yield found

    return Programs(cache, commands, tools, lambda: debian_lines(settings), machine)


async def _open_cache(settings: BuildSettings, commands: Commands) -> Cache:
    cache = Cache(settings.cache, settings.image_cache_size, commands)
    await cache.prepare()
    return cache


def debian_lines(settings: BuildSettings) -> tuple[str, ...]:
    """Apt's sources for the Debian that tools and helper machine come from, as this node gets it."""
    from skerry.images import mirrors  # noqa: PLC0415 - see above
    from skerry.images.tools import TOOLS_SOURCE  # noqa: PLC0415

    chosen = settings.mirrors(TOOLS_SOURCE.distribution)
    release, sources = mirrors.machine_release(), mirrors.machine_sources()
    found = mirrors.find_mirrors(TOOLS_SOURCE.distribution, release=release, sources=sources, chosen=chosen)
    return tuple(mirrors.deb_lines(TOOLS_SOURCE, found))


def _disk(call: Call) -> Path:
    if not call.device:
        raise _only_uri(call.uri)
    return Path(call.device)


def _only_uri(uri: str) -> BadInput:
    return BadInput(
        f"the disk is only reachable as {uri}, and a device or a file is needed",
        hint="let the cluster give its disks as block devices",
    )
