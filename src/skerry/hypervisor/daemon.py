"""A libvirtd of our own, where nobody else runs one.

With systemd, libvirt is a service of the system: connecting to its socket starts it, and it is never ours. A plain
user's libvirt (`qemu:///session`) starts by itself at the first connection and ends when it is not needed. What is
left is root without systemd, as in a container: there libvirtd and virtlogd are started here, each in a session of
its own, so that Ctrl-C does not reach them. They outlive us, as machines do; `stop` (`skerry down`) ends libvirtd,
and virtlogd too when no machine runs that writes through it.

One that runs already, whoever started it, is used as it is and never stopped.
"""

from __future__ import annotations

import asyncio
import contextlib
import grp
import json
import logging
import os
import signal
import socket
import stat
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from skerry.commands import Daemon, find_daemon, start_daemon
from skerry.errors import Unavailable

_log = logging.getLogger(__name__)

SYSTEM_URI, SESSION_URI = "qemu:///system", "qemu:///session"
_KVM = Path("/dev/kvm")
_START_S = 20.0
_STOP_S = 10.0
_LOOK_S = 0.05
_LAST_WORDS = 1500  # characters of a log that an error repeats


@dataclass(frozen=True)
class Places:
    """Where libvirt's sockets are, and how systemd shows."""

    run: Path = Path("/run/libvirt")
    systemd: Path = Path("/run/systemd/system")

    @property
    def libvirt_sockets(self) -> tuple[Path, ...]:
        """Of the one daemon, and of the one for QEMU where libvirt is split in many."""
        return self.run / "libvirt-sock", self.run / "virtqemud-sock"

    @property
    def virtlogd_socket(self) -> Path:
        """Of the daemon that keeps what machines write to consoles and logs."""
        return self.run / "virtlogd-sock"

    def pid_file(self, program: str) -> Path:
        """Beside its socket, so that daemons of other places on this machine do not stand in its way."""
        return self.run / f"{program}.pid"


def default_uri() -> str:
    """The libvirt that suits who we are."""
    return SYSTEM_URI if os.geteuid() == 0 else SESSION_URI


class LibvirtDaemons:
    """Makes sure that the system's libvirt runs, and knows whether it is ours."""

    def __init__(self, folder: Path, uri: str, *, places: Places | None = None) -> None:
        """`folder` is where logs and the record of what we started are kept."""
        self._folder = folder
        self._uri = uri
        self._places = places or Places()

    @property
    def owned(self) -> bool:
        """Whether the libvirtd that runs is one that we started."""
        return self._started("libvirtd") is not None

    async def ensure(self) -> None:
        """Start what is missing; done at once where all runs. To be awaited before each connection.

        Raises:
            Unavailable: it is not installed, or did not start; the message has its last words.
        """
        if self._uri != SYSTEM_URI or self._places.systemd.is_dir():
            return
        if any(map(answers, self._places.libvirt_sockets)):
            return
        if os.geteuid() != 0:
            raise Unavailable(
                "no libvirtd runs on this machine, and only root may start it",
                hint="start it as root, or use qemu:///session",
            )
        open_kvm()
        self._folder.mkdir(parents=True, exist_ok=True)
        if not answers(self._places.virtlogd_socket):
            await self._start("virtlogd", self._places.virtlogd_socket)
        await self._start("libvirtd", self._places.libvirt_sockets[0])

    async def stop(self, *, machines_run: bool) -> None:
        """End what we started; machines go on. May be called twice."""
        for program in ("libvirtd",) if machines_run else ("libvirtd", "virtlogd"):
            daemon = self._started(program)
            if daemon is None:
                continue
            daemon.signal(signal.SIGTERM)
            if not await _until(partial(_has_gone, daemon), _STOP_S):
                daemon.signal(signal.SIGKILL)
            self._record(program).unlink(missing_ok=True)

    async def _start(self, program: str, socket_path: Path) -> None:
        log = self._folder / f"{program}.log"
        daemon = start_daemon([program, "--pid-file", self._places.pid_file(program)], log=log)
        self._record(program).write_text(json.dumps({"pid": daemon.pid, "started": daemon.started}))
        _log.info("started %s, process %d; its log is %s", program, daemon.pid, log)
        # Another one that was started at the same moment has the pid file, and then it is the one that answers.
        await _until(lambda: answers(socket_path) or not daemon.alive(), _START_S)
        if not await _until(lambda: answers(socket_path), _STOP_S):
            daemon.signal(signal.SIGTERM)
            raise Unavailable(f"{program} did not start: {_last_words(log)}", hint=f"its log is {log}")

    def _started(self, program: str) -> Daemon | None:
        """The process that we started, here or in an earlier life, if it still runs."""
        try:
            record = json.loads(self._record(program).read_text())
            pid, started = int(record["pid"]), int(record["started"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        daemon = find_daemon(program, pid)
        return daemon if daemon is not None and daemon.started == started else None

    def _record(self, program: str) -> Path:
        return self._folder / f"{program}.json"


def answers(path: Path) -> bool:
    """Whether somebody takes connections on this socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


def open_kvm(node: Path = _KVM) -> None:
    """Give /dev/kvm to the group kvm, as udev does where it runs.

    QEMU is not root. While the device is closed to it, libvirt asks QEMU anew what it can at every single
    definition and start, which takes seconds each time.
    """
    with contextlib.suppress(OSError, KeyError):
        found = node.stat()
        if stat.S_ISCHR(found.st_mode) and not found.st_mode & stat.S_IRWXG and found.st_uid == os.geteuid():
            os.chown(node, -1, grp.getgrnam("kvm").gr_gid)
            node.chmod(0o660)


async def _until(true: Callable[[], bool], limit_s: float) -> bool:
    deadline = asyncio.get_running_loop().time() + limit_s
    while not true():
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(_LOOK_S)
    return True


def _has_gone(daemon: Daemon) -> bool:
    return not daemon.alive()


def _last_words(log: Path) -> str:
    try:
        return log.read_text(errors="replace")[-_LAST_WORDS:].strip() or "it said nothing"
    except OSError:
        return "it said nothing"
