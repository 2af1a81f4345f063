"""Guest OS definitions on this host: installing a machine's disks with one, before the machine is there.

The disks are raw files beside the uploads, and become volumes by import: a raw volume could pretend to be qcow2
as soon as its guest wrote such a header. A file is called by its upload's id when it is whole, and by that and
`-part` before: so a step that was cut off knows its own work, and what a killed try left behind is found.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import UUID

from skerry.commands import CommandRunner, Commands
from skerry.errors import Conflict
from skerry.guestos import search
from skerry.guestos.check import Checked
from skerry.guestos.debians_own import needs_of_call
from skerry.guestos.definition import is_folder
from skerry.guestos.helper_running import HelperRunner
from skerry.guestos.instance import Call, Instance, InstanceDisk, Script
from skerry.guestos.needs import Helper, abilities, wants_helper
from skerry.guestos.running import Runner
from skerry.sizes import MIB
from skerry.storage.blocking import file_errors

_PART = "-part"
_BOOT = "-boot"


class GuestOses:
    """The definitions of this host."""

    def __init__(
        self,
        folders: Sequence[Path] = (),
        *,
        commands: Commands | None = None,
        helper: Helper = "auto",
        helper_runner: HelperRunner | None = None,
    ) -> None:
        self._folders = tuple(folders)
        self._commands = commands or CommandRunner()
        self._runner = Runner(self._commands)
        self._helper: Helper = helper
        self._helper_runner = helper_runner  # None: no machine can be started here

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where definitions are looked for: as set, or where Ganeti looks here."""
        return self._folders or search.search_path()

    def every(self) -> list[Checked]:
        """All definitions that a name can mean, valid or not; it blocks."""
        return [checked for checked, wins in search.every(self.folders) if wins and is_folder(checked.path)]

    def find(self, name: str) -> search.Found:
        """The definition and variant that a name means, where it can be run here; it blocks.

        Raises:
            NotFound, BadInput, BadDefinition: there is none, or it cannot.
        """
        found = search.find(name, self.folders)
        found.definition.check_trusted()
        return found

    async def install(
        self,
        found: search.Found,
        instance: Instance,
        parameters: dict[str, str],
        disks: Sequence[tuple[Path, int]],
        *,
        limit_s: float,
        on_line: Callable[[str], None],
    ) -> None:
        """Make the files of the disks (with their sizes) by a definition; nothing is left of a failure.

        Raises:
            BadInput: the definition refuses its parameters.
            CommandFailed, TimedOut: its script failed, or took too long.
        """
        files = [path for path, _ in disks]
        if all(path.exists() for path in files):
            return
        await self.discard(UUID(instance.uuid), files, on_line)
        parts = [_part(path) for path in files]
        sizes = [size for _, size in disks]
        call = Call(
            Script.CREATE,
            _with_disks(instance, found.name, parts, sizes),
            found.definition.api_version,
            found.variant,
            parameters,
        )
        try:
            await self._runner.verify(found.definition, call, on_line)
            with file_errors("the disk of the new machine cannot be made"):
                for part, size in zip(parts, sizes, strict=True):
                    _make_file(part, size)
            await self._run(found, call, limit_s=limit_s, on_line=on_line)
            for part, path in zip(parts, files, strict=True):
                part.rename(path)
        finally:
            for part in parts:
                part.unlink(missing_ok=True)

    async def _run(
        self, found: search.Found, call: Call, *, limit_s: float, on_line: Callable[[str], None]
    ) -> None:
        """Here, or in a helper machine where the scripts need what this host does not have."""
        needs = await needs_of_call(found.definition, call, self._commands)
        if self._helper_runner is None or not wants_helper(self._helper, needs, abilities()):
            await self._runner.run(found.definition, call, on_line=on_line, limit_s=limit_s)
        else:
            await self._helper_runner.run(found.definition, call, on_line=on_line, limit_s=limit_s)

    async def discard(self, machine: UUID, files: Sequence[Path], on_line: Callable[[str], None]) -> None:
        """Remove what was made of these disks, and all that scripts for this machine left on the host.

        Raises:
            Conflict: something cannot be removed; the message names it.
        """
        parts = [_part(path) for path in files]
        stays = await self._runner.remove_leftovers(str(machine), [*parts, *files], on_line)
        if stays:
            raise Conflict(
                f"a guest OS definition left behind what cannot be removed: {', '.join(stays)}",
                hint="remove it by hand on the host",
            )
        for path in (*parts, *files):
            path.unlink(missing_ok=True)
        for path in files:
            await asyncio.to_thread(shutil.rmtree, path.with_name(path.name + _BOOT), ignore_errors=True)


def _part(path: Path) -> Path:
    return path.with_name(path.name + _PART)


def _make_file(path: Path, size: int) -> None:
    with path.open("xb") as file:
        path.chmod(0o600)
        file.truncate(size)


def _with_disks(instance: Instance, name: str, parts: Sequence[Path], sizes: Sequence[int]) -> Instance:
    """The instance as Ganeti describes it whose disks are files."""
    now = f"{time.time():.2f}"
    disks = tuple(
        InstanceDisk(
            str(part),
            size_mib=size // MIB,
            uuid=f"{instance.uuid}-{number}",
            frontend_type="paravirtual",
            backend_type="file:loop",
        )
        for number, (part, size) in enumerate(zip(parts, sizes, strict=True))
    )
    return replace(instance, os=name, disks=disks, ctime=now, mtime=now)
