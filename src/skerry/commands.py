"""The only place that starts processes.

argv lists, never a shell string; standard input closed unless given; a clean environment with C.UTF-8; a time
limit; a process group of its own that is killed when the limit passes or the caller is cancelled; secrets print
as stars; a failure names the program, its status and its last words. `CommandRunner` is the real thing; tests
give a fake through the `Commands` protocol.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from skerry.errors import CommandFailed, TimedOut, Unavailable

_log = logging.getLogger(__name__)

# What a child may see of our environment. Everything else (tokens, LD_PRELOAD, PYTHONPATH …) stays here.
# Proxies, certificates and mirrors are the machine's own configuration, and package installers need them.
KEPT_ENVIRONMENT = frozenset(
    {
        *("HOME", "LOGNAME", "PATH", "TMPDIR", "TZ", "USER", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"),
        *("XDG_DATA_HOME", "XDG_RUNTIME_DIR"),
        *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"),
    }
)
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LAST_WORDS = 12  # lines of output that a failure repeats
_PREPARING = frozenset({"bwrap", "setpriv", "unshare"})
GRACE_S = 3.0  # between asking a group to end and killing it
_DRAIN_S = 1.0  # for output that is still in the pipes
_LINE_LIMIT = 1024 * 1024  # bytes; a longer line of output is cut, so that a flood cannot fill memory


@dataclass(frozen=True)
class Secret:
    """A word of an argv or environment that must not be shown."""

    value: str

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"


Arg = str | Path | Secret


@dataclass(frozen=True)
class Output:
    """What a program left behind; `stdout` and `stderr` are decoded, wrong bytes replaced."""

    status: int
    stdout: str
    stderr: str


class Commands(Protocol):
    """Runs programs; the one port to processes."""

    async def run(
        self,
        argv: Sequence[Arg],
        *,
        stdin: bytes | None = None,
        env: Mapping[str, str | Secret] | None = None,
        cwd: Path | None = None,
        timeout: float = 60.0,  # noqa: ASYNC109 - the limit is the program's, and ends its whole group
        ok: Sequence[int] = (0,),
        on_line: Callable[[str], None] | None = None,
        stdout_to: IO[bytes] | None = None,
        pass_fds: Sequence[int] = (),
        grace: float = GRACE_S,
    ) -> Output:
        """Run a program to its end.

        `env` is added to the kept environment. With `on_line`, each line of both outputs is handed over as it
        comes, and the returned outputs hold only the last words. With `stdout_to`, standard output goes to that
        file and the returned one is empty. When it is to be stopped, its group may take `grace` seconds to end.

        Raises:
            CommandFailed: its status is not in `ok`.
            TimedOut: it ran longer than `timeout` seconds; its process group is gone.
            Unavailable: there is no such program.
        """
        ...


def shown(argv: Sequence[Arg]) -> str:
    """The command as a line that can be pasted into a shell, secrets as stars."""
    return shlex.join(str(word) for word in argv)


def program_of(argv: Sequence[Arg]) -> str:
    """The name of the program that a command is about, behind those that only prepare its surroundings."""
    words = list(argv)
    while Path(str(words[0])).name in _PREPARING and "--" in words[:-1]:
        words = words[words.index("--") + 1 :]
    return Path(str(words[0])).name


def clean_environment(extra: Mapping[str, str | Secret] | None = None) -> dict[str, str]:
    """The environment that children get: what is kept of ours, C.UTF-8, and `extra`."""
    env = {name: value for name, value in os.environ.items() if name in KEPT_ENVIRONMENT}
    env["PATH"] = _path_with_sbin(env.get("PATH", DEFAULT_PATH))
    env["LC_ALL"] = "C.UTF-8"
    for name, value in (extra or {}).items():
        env[name] = value.value if isinstance(value, Secret) else value
    return env


def _path_with_sbin(path: str) -> str:
    """System tools live in sbin, which a plain user's PATH leaves out; the venv's own programs come first."""
    folders = [str(Path(sys.executable).parent), *path.split(":")]
    folders += [folder for folder in DEFAULT_PATH.split(":") if folder not in folders]
    return ":".join(dict.fromkeys(folders))


def _plain(argv: Sequence[Arg]) -> list[str]:
    return [word.value if isinstance(word, Secret) else str(word) for word in argv]


def _hide(text: str, argv: Sequence[Arg], env: Mapping[str, str | Secret] | None) -> str:
    secrets = [word for word in (*argv, *(env or {}).values()) if isinstance(word, Secret)]
    for secret in secrets:
        if secret.value:
            text = text.replace(secret.value, "***")
    return text


class CommandRunner:
    """Runs programs for real."""

    async def run(
        self,
        argv: Sequence[Arg],
        *,
        stdin: bytes | None = None,
        env: Mapping[str, str | Secret] | None = None,
        cwd: Path | None = None,
        timeout: float = 60.0,  # noqa: ASYNC109 - the limit is the program's, and ends its whole group
        ok: Sequence[int] = (0,),
        on_line: Callable[[str], None] | None = None,
        stdout_to: IO[bytes] | None = None,
        pass_fds: Sequence[int] = (),
        grace: float = GRACE_S,
    ) -> Output:
        """Run a program to its end; see `Commands.run`."""
        _log.debug("run: %s", shown(argv))
        process = await self._start(argv, stdin, env, cwd, stdout_to, pass_fds)
        try:
            async with asyncio.timeout(timeout):
                stdout, stderr = await _talk(process, stdin, on_line)
        except TimeoutError:
            raise TimedOut(
                f"{program_of(argv)} took longer than {timeout:g} s and was stopped",
                hint=f"the command was: {shown(argv)}",
            ) from None
        finally:
            await _end_group(process, grace)
            await _close_pipes(process)
        status = process.returncode if process.returncode is not None else -1
        if status not in ok:
            raise _failure(argv, env, status, stderr or stdout)
        return Output(status, stdout, stderr)

    async def _start(
        self,
        argv: Sequence[Arg],
        stdin: bytes | None,
        env: Mapping[str, str | Secret] | None,
        cwd: Path | None,
        stdout_to: IO[bytes] | None,
        pass_fds: Sequence[int],
    ) -> asyncio.subprocess.Process:
        try:
            return await asyncio.create_subprocess_exec(
                *_plain(argv),
                stdin=asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE,
                stdout=stdout_to if stdout_to is not None else asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=clean_environment(env),
                cwd=cwd,
                start_new_session=True,
                pass_fds=pass_fds,
                limit=_LINE_LIMIT,
            )
        except FileNotFoundError as exc:
            if cwd is not None and not cwd.is_dir():
                raise Unavailable(f"the folder {cwd} does not exist") from exc
            raise Unavailable(
                f"the program {argv[0]} is not installed", hint="`make setup` installs what Skerry needs"
            ) from exc
        except OSError as exc:
            raise Unavailable(f"{argv[0]} cannot be started: {exc.strerror}") from exc


async def _talk(
    process: asyncio.subprocess.Process, stdin: bytes | None, on_line: Callable[[str], None] | None
) -> tuple[str, str]:
    if on_line is None:
        out, err = await process.communicate(stdin)
        return (out or b"").decode(errors="replace"), (err or b"").decode(errors="replace")
    async with asyncio.TaskGroup() as group:
        if stdin is not None:
            group.create_task(_feed(process, stdin))
        out_lines = group.create_task(_lines(process.stdout, on_line))
        err_lines = group.create_task(_lines(process.stderr, on_line))
        group.create_task(process.wait())
    return "\n".join(out_lines.result()), "\n".join(err_lines.result())


async def _feed(process: asyncio.subprocess.Process, stdin: bytes) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may end without reading all
        process.stdin.write(stdin)
        await process.stdin.drain()
    process.stdin.close()


async def _lines(stream: asyncio.StreamReader | None, on_line: Callable[[str], None]) -> deque[str]:
    last: deque[str] = deque(maxlen=LAST_WORDS)
    if stream is None:
        return last
    while True:
        try:
            raw = await stream.readuntil(b"\n")
        except asyncio.IncompleteReadError as exc:
            raw = exc.partial
            if not raw:
                return last
        except asyncio.LimitOverrunError as exc:
            raw = await stream.read(exc.consumed)
        for part in raw.decode(errors="replace").rstrip("\r\n").split("\r"):
            last.append(part)
            on_line(part)


async def _end_group(process: asyncio.subprocess.Process, grace: float) -> None:
    """Leave nothing of the process group behind: first ask, then kill. Harmless when all have ended."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        if process.returncode is None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(process.wait()), grace)
    if process.returncode is None:
        await process.wait()


async def _close_pipes(process: asyncio.subprocess.Process) -> None:
    """Read what nobody wants to its end: only there asyncio closes a pipe. Who left the group may hold it open."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_S):
            for stream in filter(None, (process.stdout, process.stderr)):
                while await stream.read(_LINE_LIMIT):
                    pass


def _failure(
    argv: Sequence[Arg], env: Mapping[str, str | Secret] | None, status: int, output: str
) -> CommandFailed:
    how = f"ended with status {status}" if status >= 0 else f"was ended by {signal.Signals(-status).name}"
    words = [line for line in _hide(output, argv, env).splitlines() if line.strip()][-LAST_WORDS:]
    message = f"{program_of(argv)} {how}"
    if words:
        message += ": " + "\n".join(words)
    return CommandFailed(message, hint=f"the command was: {shown(argv)}")


@dataclass(frozen=True)
class Daemon:
    """A program that was started to stay, in a session of its own so that Ctrl-C does not reach it."""

    name: str
    pid: int
    started: int  # clock ticks since boot; with the pid it names one process for good (proc(5), field 22)

    def alive(self) -> bool:
        """Whether this very process still runs (a zombie does not)."""
        state, started = _process_state(self.pid)
        return started == self.started and state not in {"Z", "X", ""}

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if the process is still this one."""
        if self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def start_daemon(
    argv: Sequence[Arg], *, log: Path, env: Mapping[str, str | Secret] | None = None, cwd: Path | None = None
) -> Daemon:
    """Start a program that outlives us; its output is appended to `log`.

    Raises:
        Unavailable: there is no such program.
    """
    _log.debug("start: %s", shown(argv))
    try:
        with log.open("ab") as output:
            process = subprocess.Popen(
                _plain(argv),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=clean_environment(env),
                cwd=cwd,
                start_new_session=True,
            )
    except OSError as exc:
        raise Unavailable(f"{argv[0]} cannot be started: {exc.strerror}") from exc
    _reap_when_done(process)
    return Daemon(Path(str(argv[0])).name, process.pid, _process_state(process.pid)[1])


@dataclass(frozen=True)
class Script:
    """A running program of somebody else; whoever started it sees to its end."""

    pid: int  # and the number of its session and group
    output: IO[bytes]  # what it says; to be closed
    _process: subprocess.Popen[bytes]

    def status(self) -> int:
        """Wait for its end, which frees its pid; its status, or minus the signal that ended it."""
        return self._process.wait()


def start_script(
    argv: Sequence[Arg],
    *,
    env: Mapping[str, str],
    cwd: Path,
    umask: int,
    stdin: IO[bytes] | None = None,
    stdout: IO[bytes] | None = None,
    pass_fds: Sequence[int] = (),
) -> Script:
    """Start a program that is not ours, with `env` only, a closed pipe to read, one pipe to write, or files."""
    reading, writing = os.pipe()
    try:
        process = subprocess.Popen(
            _plain(argv),
            stdin=subprocess.PIPE if stdin is None else stdin,
            stdout=writing if stdout is None else stdout,
            stderr=writing,
            env=dict(env),
            cwd=cwd,
            umask=umask,
            start_new_session=True,
            pass_fds=pass_fds,
        )
    except OSError as exc:
        os.close(reading)
        raise Unavailable(f"{argv[0]} cannot be started: {exc.strerror}") from exc
    finally:
        os.close(writing)
    if process.stdin is not None:
        process.stdin.close()
    return Script(process.pid, os.fdopen(reading, "rb", buffering=0), process)


def run_on_terminal(argv: Sequence[Arg], *, pass_fds: Sequence[int] = ()) -> int:
    """Run a person's own program, such as their editor, on their terminal with their environment; its exit status.

    Raises:
        Unavailable: there is no such program.
    """
    try:
        return subprocess.run(_plain(argv), check=False, pass_fds=pass_fds).returncode
    except OSError as exc:
        raise Unavailable(f"{argv[0]} cannot be started: {exc.strerror}") from exc


def find_daemon(name: str, pid: int) -> Daemon | None:
    """The running process with this pid, for a pid read from a file; None when it has gone."""
    state, started = _process_state(pid)
    return Daemon(name, pid, started) if state not in {"Z", "X", ""} else None


def _process_state(pid: int) -> tuple[str, int]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return "", 0
    fields = text.rpartition(")")[2].split()  # the name before it may hold blanks
    return fields[0], int(fields[19])


def _reap_when_done(process: subprocess.Popen[bytes]) -> None:
    """Collect the exit status when it comes, so that no zombie stays."""
    threading.Thread(target=process.wait, name=f"reap-{process.pid}", daemon=True).start()
