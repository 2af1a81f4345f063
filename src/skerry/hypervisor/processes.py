"""Since when machines run: libvirt does not tell, but each machine is one process of QEMU.

It is found by the UUID on its command line (`-uuid`, which libvirt always gives), whoever started it and however
long ago. Its number in libvirt's own records would be another one where libvirtd lives in a container.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")
_STARTED = 19  # of the fields of /proc/PID/stat behind the name: the start, in ticks since boot; proc(5), field 22


@dataclass(frozen=True)
class _Guest:
    """A process of QEMU."""

    pid: int
    ticks: int  # when it was started; a later process of the same number differs in it
    since: datetime


class Processes:
    """The processes of machines; what was found once is only looked at to see that it is still there."""

    def __init__(self, proc: Path = _PROC) -> None:
        self._proc = proc
        self._found: dict[UUID, _Guest] = {}
        self._lock = threading.Lock()

    def running_since(self, uuid: UUID) -> datetime | None:
        """When the process of a machine was started; None where there is none, or it is not on this computer."""
        with self._lock:
            known = self._found.get(uuid)
            if known is None or self._ticks(known.pid) != known.ticks:
                self._found = self._scan()
                known = self._found.get(uuid)
            return None if known is None else known.since

    def _scan(self) -> dict[UUID, _Guest]:
        """All of them, one look at each process; those that are known keep their times, as clocks are set."""
        found: dict[UUID, _Guest] = {}
        for entry in self._proc.iterdir():
            if entry.name.isdecimal() and (uuid := self._uuid(entry)) is not None:
                ticks = self._ticks(int(entry.name))
                if ticks is not None:
                    before = self._found.get(uuid)
                    guest = _Guest(int(entry.name), ticks, _moment(ticks))
                    same = before is not None and (before.pid, before.ticks) == (guest.pid, guest.ticks)
                    found[uuid] = before if before is not None and same else guest
        return found

    def _uuid(self, process: Path) -> UUID | None:
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            return UUID(words[words.index(b"-uuid") + 1].decode()) if b"qemu" in words[0] else None
        except (OSError, ValueError, IndexError):  # gone, or another program
            return None

    def _ticks(self, pid: int) -> int | None:
        try:
            stat = (self._proc / str(pid) / "stat").read_text(errors="replace")
            return int(stat.rpartition(")")[2].split()[_STARTED])
        except (OSError, ValueError, IndexError):
            return None


def _moment(ticks: int) -> datetime:
    """The time that a moment since boot was."""
    ago = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / _TICKS
    return (datetime.now(UTC) - timedelta(seconds=ago)).replace(microsecond=0)


MACHINES = Processes()
