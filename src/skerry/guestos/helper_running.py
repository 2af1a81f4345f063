"""Running a script of a definition in the helper machine, where this one lacks what the script works with.

Debian's own definition wants device mapper for its partitions, which containers and small kernels do not have;
others mount, which takes root. In the machine they find what they would find here: their folder and their
configuration at the same places, Ganeti's environment, umask 077, a closed pipe and one log, udev, and as disks
the guest's, of which only the paths differ. Whatever they do reaches nothing else; when the machine is switched
off, which also happens when we die, all else is gone.

What Debian's definition keeps in /var/cache for the next time is brought there and taken back.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
import shlex
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from skerry.errors import BadInput, CommandFailed, TimedOut
from skerry.guestos.definition import Definition
from skerry.guestos.environment import environment_of
from skerry.guestos.helper_cache import KEPT, HelperCache
from skerry.guestos.instance import Call, Script
from skerry.guestos.needs import needs_of
from skerry.sizes import GIB

if TYPE_CHECKING:
    from skerry.guestos.helper_vm import Helper, HelperDisk
    from skerry.guestos.renaming import Programs
    from skerry.images.cache import Workspace

SCRIPTS = frozenset({Script.CREATE, Script.RENAME})  # the others want pipes
_SCRATCH = 64 * GIB  # of the file for what a definition writes beside the guest; it takes what is written
_LAST_LINES = 20  # as for scripts that run here
_DISK_PATH = re.compile(r"DISK_(\d+)_PATH")


@dataclass(frozen=True)
class HelperRunner:
    """Runs scripts of definitions in helper machines."""

    programs: Callable[[], Awaitable[Programs]]  # what machines are made of; asked when one is needed
    files: tuple[Path, ...] = ()  # further files and folders that definitions are to find

    async def run(
        self, definition: Definition, call: Call, *, on_line: Callable[[str], None], limit_s: float
    ) -> None:
        """Run a script to its end; on cancellation and past the limit the machine is switched off.

        Raises:
            BadInput: it is a script that cannot run there, or a file is missing.
            CommandFailed: it failed; the message has the last lines of its log.
            TimedOut: it took longer, with the making of the machine.
            NoSpace, HostError, Unavailable: there is no machine.
        """
        if call.script not in SCRIPTS:
            raise BadInput(f"the script {call.script} cannot run in the helper machine: it wants a pipe")
        log = _Log(on_line)
        try:
            async with asyncio.timeout(limit_s):
                status = await self._run(definition, call, log, limit_s)
        except TimeoutError:
            raise TimedOut(f"the {call.script} script took longer than {limit_s:g} s and was stopped") from None
        if status:
            raise CommandFailed(
                f"the {call.script} script of {call.instance.os} exited with status {status} in the helper "
                "machine:\n" + "\n".join(log.last),
                hint=f"the whole output is in the log; the definition is in {definition.path}",
            )

    async def _run(self, definition: Definition, call: Call, log: _Log, limit_s: float) -> int:
        from skerry.guestos.helper_files import write_files  # noqa: PLC0415 - the builder, for this only
        from skerry.guestos.helper_vm import HelperDisk  # noqa: PLC0415

        programs = await self.programs()
        needs = await asyncio.to_thread(needs_of, definition)
        cache = await HelperCache.of(definition, call, programs.commands)
        async with programs.cache.workspace() as workspace:
            shown = workspace.path / "files"
            await asyncio.to_thread(write_files, shown, definition, self.files)
            disks = [HelperDisk(_name(number), Path(disk.path)) for number, disk in enumerate(call.instance.disks)]
            disks += [HelperDisk("files", shown, read_only=True), _scratch(workspace, "scratch")]
            disks += [_scratch(workspace, KEPT), *cache.disks()]
            async with _machine(programs, disks, log, network=needs.network, limit_s=limit_s) as helper:
                log.line("the helper machine runs")
                words = (await helper.run(script_for(definition, call, cache))).decode().splitlines()
            status, *kept = words
            if status == "0":
                await asyncio.to_thread(cache.take, workspace.path / KEPT, kept, log.line)
            return int(status)


@asynccontextmanager
async def _machine(
    programs: Programs, disks: list[HelperDisk], log: _Log, *, network: bool, limit_s: float
) -> AsyncIterator[Helper]:
    from skerry.guestos.helper_image import helper_image  # noqa: PLC0415 - as above
    from skerry.guestos.helper_root import helper_root  # noqa: PLC0415
    from skerry.guestos.helper_vm import HelperDisk, open_helper  # noqa: PLC0415

    log.step("Preparing a helper machine")
    async with (
        helper_image(programs.cache, programs.commands, programs.deb_lines()) as image,
        helper_root(programs.cache, programs.commands, log) as root,
        open_helper(
            image,
            await programs.machine(),
            [*disks, HelperDisk("system", root, read_only=True)],
            programs.commands,
            network=network,
            timeout_s=limit_s,
            on_line=log.line,
        ) as helper,
    ):
        yield helper


def script_for(definition: Definition, call: Call, cache: HelperCache) -> str:
    """What the machine is to do: it prints the script's status, and the names and sizes of what the cache gets."""
    names = " ".join(_name(number) for number in range(len(call.instance.disks)))
    words = {
        "disks": names,
        "run": base64.b64encode(_data("helper_run.sh")).decode(),
        "call": base64.b64encode(call_script(definition, call).encode()).decode(),
    }
    begin = "".join(f"{name}={shlex.quote(value)}\n" for name, value in words.items())
    return f"{begin}{cache.fill()}\n{_data('helper_system.sh').decode()}\ncat /tmp/status\n{cache.keep()}"


def call_script(definition: Definition, call: Call) -> str:
    """Starts the definition's script as Ganeti does; the variables `disk0` … say where the disks are."""
    disks = tuple(replace(disk, backend_type="block") for disk in call.instance.disks)
    environment = environment_of(replace(call, instance=replace(call.instance, disks=disks)))
    path = definition.scripts[call.script]
    lines = [f"cd {shlex.quote(str(definition.path.absolute()))} || exit", "umask 077"]
    lines.append(f": | exec env -i {' '.join(_assignments(environment))} {shlex.quote(str(path.absolute()))}")
    return "\n".join(lines) + "\n"


def _assignments(environment: Mapping[str, str]) -> list[str]:
    found = []
    for name, value in environment.items():
        disk = _DISK_PATH.fullmatch(name)
        found.append(f'{name}="${_name(int(disk[1]))}"' if disk else shlex.quote(f"{name}={value}"))
    return found


def _name(number: int) -> str:
    """What a disk of the guest is called in the machine."""
    return f"disk{number}"


def _scratch(workspace: Workspace, name: str) -> HelperDisk:
    from skerry.guestos.helper_vm import HelperDisk  # noqa: PLC0415 - as above

    path = workspace.path / name
    path.touch(mode=0o600, exist_ok=False)
    os.truncate(path, _SCRATCH)
    return HelperDisk(name, path)


def _data(name: str) -> bytes:
    return files("skerry.guestos").joinpath(name).read_bytes()


class _Log:
    """What a run says, and the builder's progress where something is made first."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self.last: deque[str] = deque(maxlen=_LAST_LINES)
        self._on_line = on_line

    def line(self, text: str) -> None:
        """Something that the script said."""
        self.last.append(text)
        self._on_line(text)

    def step(self, name: str) -> None:
        """A part of what is made first."""
        self._on_line(name)

    def update(self, fraction: float | None, detail: str = "") -> None:
        """Nobody looks at that."""

    def log(self, line: str) -> None:
        """What the builder's programs say, which is no business of who uses a definition."""
