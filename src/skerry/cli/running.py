"""One `skerry up` for one data folder: the lock it holds, and the note by which others find and stop it.

The lock is the kernel's, so it goes with the process however that ends. The note names the process by pid and
start time: a pid that was given to another program meanwhile is not taken for ours.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from skerry.commands import Daemon, find_daemon
from skerry.errors import Conflict, SkerryError, TimedOut, Unavailable

_log = logging.getLogger(__name__)

_LOCK = "lock"
_NOTE = "running.json"


class AlreadyRunning(Conflict):
    """Another Skerry works on this data folder."""

    code = "already-running"


class NotRunning(Conflict):
    """No Skerry works on this data folder."""

    code = "not-running"


@dataclass(frozen=True)
class Running:
    """What a running `skerry up` says of itself."""

    pid: int
    started: int  # clock ticks since boot, as in skerry.commands.Daemon
    url: str
    version: str
    fingerprint: str = ""  # of its certificate

    def daemon(self) -> Daemon:
        """The process, to ask whether it lives and to signal it."""
        return Daemon("skerry up", self.pid, self.started)


@contextlib.contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Hold the data folder for ourselves.

    Raises:
        AlreadyRunning: somebody else holds it.
        Unavailable: the folder cannot be written.
    """
    try:
        data_dir.mkdir(
            parents=True, exist_ok=True, mode=0o711
        )  # QEMU, another user, walks through it to its disks
        lock = os.open(data_dir / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise Unavailable(
            f"the data folder {data_dir} cannot be used: {exc.strerror}", hint="name another one with --data-dir"
        ) from exc
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise _already_running(data_dir) from exc
        yield
    finally:
        os.close(lock)


def _already_running(data_dir: Path) -> AlreadyRunning:
    running = find(data_dir)
    who = f" (process {running.pid}, {running.url})" if running else ""
    return AlreadyRunning(
        f"another Skerry already works on {data_dir}{who}",
        hint="stop it with `skerry down`, or name another folder with --data-dir",
    )


@contextlib.contextmanager
def announced(data_dir: Path, url: str, version: str, fingerprint: str = "") -> Iterator[None]:
    """Leave the note by which `skerry down` and the command line find us, as long as we run."""
    me = find_daemon("skerry up", os.getpid())
    assert me is not None
    note = data_dir / _NOTE
    new = note.with_suffix(".new")
    running = Running(me.pid, me.started, url, version, fingerprint)
    new.write_text(json.dumps(asdict(running)) + "\n", encoding="utf-8")
    new.replace(note)
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def find(data_dir: Path) -> Running | None:
    """The Skerry that runs on this data folder, if one does."""
    try:
        running = Running(**json.loads((data_dir / _NOTE).read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as exc:
        raise Unavailable(f"{data_dir} belongs to somebody else", hint="run this as that user") from exc
    except (ValueError, TypeError):  # cut off by a full disk, or of another version
        return None
    return running if running.daemon().alive() else None


async def stop(data_dir: Path, *, timeout_s: float) -> Running:
    """Ask the Skerry on this data folder to stop, and wait until it has.

    Raises:
        NotRunning: there is none.
        TimedOut: it still runs after `timeout_s`.
    """
    running = find(data_dir)
    if running is None:
        raise NotRunning(f"no Skerry runs on {data_dir}", hint="--data-dir names another folder")
    try:
        handle = os.pidfd_open(running.pid)
    except ProcessLookupError:
        return running
    try:
        if running.daemon().alive():  # still the same one, now that we hold it
            _ask_to_stop(handle, running)
            await _ended(handle, running, timeout_s)
    finally:
        os.close(handle)
    return running


def _ask_to_stop(handle: int, running: Running) -> None:
    try:
        signal.pidfd_send_signal(handle, signal.SIGTERM)
    except ProcessLookupError:
        return
    except PermissionError as exc:
        raise SkerryError(f"process {running.pid} belongs to somebody else", hint="run this as that user") from exc


async def _ended(handle: int, running: Running, timeout_s: float) -> None:
    """Wait until the process behind the handle has ended: the handle becomes readable then."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(handle, ended.set)
    try:
        async with asyncio.timeout(timeout_s):
            await ended.wait()
    except TimeoutError as exc:
        raise TimedOut(
            f"Skerry (process {running.pid}) still runs after {timeout_s:g} s",
            hint="its log says what it waits for",
        ) from exc
    finally:
        loop.remove_reader(handle)


def tell_systemd(state: str) -> None:
    """Tell systemd how far we are (sd_notify), where it waits for that."""
    where = os.environ.get("NOTIFY_SOCKET")
    if not where:
        return
    address = "\0" + where[1:] if where.startswith("@") else where
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to_systemd:
        try:
            to_systemd.sendto(state.encode(), address)
        except OSError as exc:
            _log.warning("systemd cannot be told %s: %s", state, exc.strerror)


def under_systemd() -> bool:
    """Whether what we print goes to the journal, and stays there."""
    return "JOURNAL_STREAM" in os.environ and not os.isatty(1)
