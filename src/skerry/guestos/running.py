"""Running a script of a definition as Ganeti would (ganeti-os-interface(7), `OSEnvironment` in lib/backend.py).

The environment is what Ganeti sets and nothing else, the umask is 077, standard input is a closed pipe, the
current folder is the definition's, both outputs are one log, and status 0 is success. Beyond Ganeti there are a
time limit, an end that can be asked for, and an account of what the script left behind, all of which is removed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

from skerry.commands import Arg, CommandRunner, Commands, Script, start_script
from skerry.errors import BadInput, CommandFailed, TimedOut
from skerry.guestos.definition import VERIFY, Definition
from skerry.guestos.environment import core_environment, environment_of
from skerry.guestos.instance import Call
from skerry.guestos.leftovers import Left, looker, remove_left

T = TypeVar("T")

UMASK = 0o077  # the node daemon's
LAST_LINES = 20  # of the log, in the message of a failure; as Ganeti's
_GRACE_S = 5.0  # between asking a script to end, so that it cleans up, and killing it
_DRAIN_S = 1.0  # for output that is still in the pipe
_VERIFY_S = 60.0
_LINE_LIMIT = 1024 * 1024  # bytes
_VERIFIED = 20  # from this version of the interface on there is a script that verifies


@dataclass(frozen=True)
class Streams:
    """Where the data of `export` goes and that of `import` comes from; their words go to the log as always."""

    stdin: IO[bytes] | None = None
    stdout: IO[bytes] | None = None
    pass_fds: tuple[int, ...] = ()


_NONE = Streams()
_SessionOf = Callable[[], int | None]
_LookFor = Callable[[_SessionOf], Callable[[], Left]]


class Runner:
    """Runs the scripts of definitions."""

    def __init__(self, commands: Commands | None = None) -> None:
        self._commands = commands or CommandRunner()

    async def verify(self, definition: Definition, call: Call, on_line: Callable[[str], None]) -> None:
        """Let a definition look at its parameters, where it can.

        Raises:
            BadInput: it refuses them; the message has its words.
        """
        if definition.api_version < _VERIFIED:
            return
        environment = core_environment(
            call.instance.os, api_version=call.api_version, variant=call.variant, parameters=call.parameters
        )
        argv = (definition.scripts[VERIFY], "parameters")
        order = _Order(argv, environment, definition.path, _VERIFY_S)
        ran = await self._run(order, on_line, lambda session: looker("", (), session, Left()))
        if ran.status:
            words = "\n".join(ran.last) or f"its verify script {_how(ran.status)}"
            raise BadInput(f"os_parameters: {call.instance.os} refuses them: {words}")

    async def run(
        self,
        definition: Definition,
        call: Call,
        *,
        on_line: Callable[[str], None],
        limit_s: float,
        streams: Streams = _NONE,
    ) -> None:
        """Run a script to its end; on cancellation and past the limit it is ended. Nothing of it is left then.

        Raises:
            CommandFailed: it failed; the message has the last lines of its log.
            TimedOut: it took longer.
        """
        before = await asyncio.to_thread(_everything_of(call))
        script = definition.scripts[call.script]
        environment = environment_of(call)

        def look_for(session: _SessionOf) -> Callable[[], Left]:
            return looker(call.instance.uuid, _disks(call), session, before)

        order = _Order((script,), environment, definition.path, limit_s, streams)
        ran = await self._run(order, on_line, look_for)
        if ran.status:
            raise CommandFailed(
                f"the {call.script} script of {call.instance.os} {_how(ran.status)}:\n" + "\n".join(ran.last),
                hint=f"the whole output is in the log; the definition is in {definition.path}",
            )

    async def remove_leftovers(
        self, uuid: str, disks: Sequence[Path], on_line: Callable[[str], None]
    ) -> tuple[str, ...]:
        """Remove all that belongs to an instance that a run which was cut off may have left; what stays is named.

        Nobody but definitions may use these disks.
        """
        return await remove_left(looker(uuid, disks, lambda: None, Left()), self._commands, on_line)

    async def _run(self, order: _Order, on_line: Callable[[str], None], look_for: _LookFor) -> _Ran:
        streams = order.streams
        script = start_script(
            order.argv,
            env=order.environment,
            cwd=order.folder,
            umask=UMASK,
            stdin=streams.stdin,
            stdout=streams.stdout,
            pass_fds=streams.pass_fds,
        )
        log = _Log(script, on_line)
        ended = _Ended(script.pid)
        try:
            async with asyncio.timeout(order.limit_s):
                await ended.wait()
        except TimeoutError:
            name = Path(str(order.argv[0])).name
            raise TimedOut(f"the {name} script took longer than {order.limit_s:g} s and was stopped") from None
        finally:
            look = look_for(lambda: script.pid)
            await _to_the_end(_finish(script, ended, log, lambda: remove_left(look, self._commands, on_line)))
        return _Ran(script.status(), tuple(log.last))


@dataclass(frozen=True)
class _Order:
    """What to start, and how long it may take."""

    argv: tuple[Arg, ...]
    environment: Mapping[str, str]
    folder: Path
    limit_s: float
    streams: Streams = _NONE


@dataclass(frozen=True)
class _Ran:
    """How a script ended, and its last lines."""

    status: int
    last: tuple[str, ...]


class _Log:
    """Reads what a script says, line by line."""

    def __init__(self, script: Script, on_line: Callable[[str], None]) -> None:
        self.last: deque[str] = deque(maxlen=LAST_LINES)
        self._on_line = on_line
        self._reading = asyncio.create_task(self._read(script.output), name="output of a script")

    async def _read(self, output: IO[bytes]) -> None:
        reader = asyncio.StreamReader(limit=_LINE_LIMIT)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), output)
        try:
            while raw := await _line(reader):
                for part in raw.decode(errors="replace").rstrip("\r\n").split("\r"):
                    self.last.append(part)
                    self._on_line(part)
        finally:
            transport.close()

    async def close(self) -> None:
        """Read what is there still; a process that nobody found may hold the pipe open, and is not waited for."""
        await asyncio.wait([self._reading], timeout=_DRAIN_S)
        self._reading.cancel()
        await asyncio.wait([self._reading])


async def _line(reader: asyncio.StreamReader) -> bytes:
    """The next line, or a piece of one that is too long; empty at the end."""
    try:
        return await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError as exc:
        return exc.partial
    except asyncio.LimitOverrunError as exc:
        return await reader.read(exc.consumed)


class _Ended:
    """Whether a process has ended. It is not reaped, so that its number stays its own."""

    def __init__(self, pid: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._descriptor = os.pidfd_open(pid)
        self._event = asyncio.Event()
        self._loop.add_reader(self._descriptor, self._note)

    def _note(self) -> None:
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)
        self._event.set()

    async def wait(self) -> None:
        """Wait until it has."""
        await self._event.wait()

    async def within(self, seconds: float) -> bool:
        """Whether it ends in this time."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return False
        return True


async def _finish(
    script: Script, ended: _Ended, log: _Log, clean_up: Callable[[], Awaitable[tuple[str, ...]]]
) -> None:
    """End what runs, remove what was left behind, and read the last words."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if await ended.within(0):
            break
        os.killpg(script.pid, number)
        await ended.within(_GRACE_S)
    await clean_up()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(script.pid, signal.SIGKILL)
    script.status()
    await log.close()


async def _to_the_end(work: Awaitable[T]) -> T:
    """Wait for work that must be done, also while we are cancelled; the cancellation goes on afterwards."""
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError
    return task.result()


def _how(status: int) -> str:
    """In Ganeti's words."""
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"exited with status {status}"


def _disks(call: Call) -> list[Path]:
    return [Path(disk.path) for disk in call.instance.disks if disk.path]


def _everything_of(call: Call) -> Callable[[], Left]:
    return looker(call.instance.uuid, _disks(call), lambda: None, Left())
