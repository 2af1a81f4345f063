"""What a script left behind on the host: processes, mounts, device mappings, loop devices.

Definitions work with the host's own devices, and some forget them: a daemon that a package's installation started,
a mount whose cleanup failed (2.5 of the old bug list: an `EXIT` trap that runs twice and stops at the first
failure). All of it is found by two things that outlive whoever started the script: the instance's UUID, which
every script has in its environment, and the instance's disks.
"""

from __future__ import annotations

import asyncio
import os
import re
import select
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from skerry.commands import Arg, Commands
from skerry.errors import CommandFailed, TimedOut, Unavailable

T = TypeVar("T")

_ROUNDS = 3  # what ends frees other things, and may leave others behind
_GONE_S = 5.0  # until a killed process is gone, or a loop device that nobody uses
_LOOK_S = 0.1
_COMMAND_S = 30.0
_OCTAL = re.compile(r"\\([0-7]{3})")
_DELETED = " (deleted)"


@dataclass(frozen=True)
class Process:
    """A running process."""

    pid: int
    name: str
    session: int
    places: tuple[str, ...] = ()  # its root and its current folder
    uuid: str = ""  # of the instance in its environment


@dataclass(frozen=True)
class Mount:
    """A mounted file system."""

    point: str
    source: str  # such as /dev/loop0


@dataclass(frozen=True)
class Device:
    """A block device that stands on a file (a loop device) or on other devices (a mapping)."""

    path: str  # /dev/loop0, /dev/mapper/loop0p1
    file: str = ""
    parents: tuple[str, ...] = ()  # with their partitions
    names: tuple[str, ...] = ()  # others that it has, such as /dev/dm-0, /dev/loop0p1
    let_go: bool = field(default=False, compare=False)  # a loop device that the kernel frees with its last user


@dataclass(frozen=True)
class Facts:
    """What there is on the host now."""

    processes: tuple[Process, ...] = ()
    mounts: tuple[Mount, ...] = ()  # in the order of mounting
    devices: tuple[Device, ...] = ()


@dataclass(frozen=True)
class Left:
    """What is to be removed, in this order."""

    processes: tuple[Process, ...] = ()
    mounts: tuple[Mount, ...] = ()  # the last one first
    mappings: tuple[Device, ...] = ()
    loops: tuple[Device, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.processes or self.mounts or self.mappings or self.loops)

    @property
    def ours(self) -> Left:
        """Without loop devices that are let go already.

        A mount of them may live on in another mount namespace that was made while it was there, as of a machine
        or of a build; nobody but the kernel can end it there.
        """
        return replace(self, loops=tuple(loop for loop in self.loops if not loop.let_go))

    def names(self) -> tuple[str, ...]:
        """Each for people."""
        return (
            *(f"process {one.pid} ({one.name})" for one in self.processes),
            *(f"mount {one.point} of {one.source}" for one in self.mounts),
            *(f"mapping {one.path}" for one in self.mappings),
            *(f"loop device {one.path}" for one in self.loops),
        )

    def without(self, before: Left) -> Left:
        """What was not there before."""
        return Left(
            _without(self.processes, before.processes),
            _without(self.mounts, before.mounts),
            _without(self.mappings, before.mappings),
            _without(self.loops, before.loops),
        )


def _without(found: Sequence[T], before: Sequence[T]) -> tuple[T, ...]:
    return tuple(one for one in found if one not in before)


def left_behind(facts: Facts, *, uuid: str, disks: Sequence[str], session: int | None = None) -> Left:
    """What belongs to an instance: to its disks (real paths), to its UUID, or to the session of its script."""
    devices = _devices_on(facts.devices, disks)
    names = {name for device in devices for name in (device.path, *device.names)} | set(disks)
    mounts = [mount for mount in facts.mounts if mount.source in names]
    points = tuple(mount.point for mount in mounts)
    inside = [mount for mount in facts.mounts if mount in mounts or _is_below(mount.point, points)]
    processes = [
        process
        for process in facts.processes
        if (uuid and process.uuid == uuid)
        or process.session == session
        or any(_is_below(place, points) for place in process.places)
    ]
    return Left(
        tuple(processes),
        tuple(reversed(inside)),
        tuple(reversed([device for device in devices if not device.file])),
        tuple(device for device in devices if device.file),
    )


def _devices_on(devices: Sequence[Device], disks: Sequence[str]) -> list[Device]:
    """Those that stand on the disks, each after what it stands on."""
    found: list[Device] = []
    names = set(disks)
    while True:
        more = [
            device
            for device in devices
            if device not in found and (device.file in names or not names.isdisjoint(device.parents))
        ]
        if not more:
            return found
        found += more
        names |= {name for device in more for name in (device.path, *device.names)}


def _is_below(path: str, points: Sequence[str]) -> bool:
    return any(path == point or path.startswith(f"{point.rstrip('/')}/") for point in points)


def removal_argv(left: Left) -> list[list[Arg]]:
    """The commands that remove all but the processes. A busy mount is hidden, and ends with its users."""
    found: list[list[Arg]] = [["umount", "--lazy", "--", mount.point] for mount in left.mounts]
    found += [["dmsetup", "remove", "--retry", Path(device.path).name] for device in left.mappings]
    found += [["losetup", "--detach", device.path] for device in left.loops]
    return found


async def remove_left(
    look: Callable[[], Left], commands: Commands, tell: Callable[[str], None]
) -> tuple[str, ...]:
    """Remove what `look` finds until it finds nothing; the names of what is still there after some rounds.

    A loop device that is detached, and that another mount namespace still uses, is told of and no trouble.
    """
    told: set[str] = set()
    left = await asyncio.to_thread(look)
    for _ in range(_ROUNDS):
        if not left:
            return ()
        for name in left.names():
            if name not in told:
                tell(f"left behind: {name}; removing it")
        told |= set(left.names())
        await asyncio.to_thread(_kill, [process.pid for process in left.processes])
        for argv in removal_argv(left):
            try:
                await commands.run(argv, timeout=_COMMAND_S)
            except (CommandFailed, TimedOut, Unavailable) as exc:
                tell(exc.message)
        left = await asyncio.to_thread(_settled, look)
        if left and not left.ours:
            tell(f"detached, until another mount namespace lets go of it: {', '.join(left.names())}")
            return ()
    return left.names()


def _settled(look: Callable[[], Left]) -> Left:
    """What is left when the kernel has had its time to free what was let go."""
    end = time.monotonic() + _GONE_S
    while (left := look()) and not left.ours and time.monotonic() < end:
        time.sleep(_LOOK_S)
    return left


def _kill(pids: Sequence[int]) -> None:
    """End processes at once, and wait until they are gone: what they hold cannot be let go of before."""
    waiting: dict[int, int] = {}
    poll = select.poll()
    for pid in pids:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        waiting[descriptor] = pid
        poll.register(descriptor, select.POLLIN)
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    end = time.monotonic() + _GONE_S
    while waiting and (rest := end - time.monotonic()) > 0:
        for descriptor, _ in poll.poll(rest * 1000):
            poll.unregister(descriptor)
            os.close(descriptor)
            del waiting[descriptor]
    for descriptor in waiting:
        os.close(descriptor)


# ---- looking


def read_facts(proc: Path = Path("/proc"), sys: Path = Path("/sys")) -> Facts:
    """What there is on the host now; it blocks for some milliseconds."""
    return Facts(
        tuple(_processes(proc)), tuple(read_mounts((proc / "self/mountinfo").read_text())), tuple(_devices(sys))
    )


def read_mounts(text: str) -> Iterator[Mount]:
    """What /proc/self/mountinfo says (proc_pid_mountinfo(5))."""
    for line in text.splitlines():
        words = line.split(" ")
        separator = words.index("-")
        yield Mount(_unescaped(words[4]), _unescaped(words[separator + 2]))


def _unescaped(text: str) -> str:
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), text)


def _processes(proc: Path) -> Iterator[Process]:
    for folder in proc.iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        try:
            name, _, rest = (folder / "stat").read_text(errors="replace").partition("(")[2].rpartition(")")
            fields = rest.split()
            if fields[0] in {"Z", "X"}:
                continue
            environment = (folder / "environ").read_bytes()
            places = tuple(str((folder / link).readlink()) for link in ("root", "cwd"))
        except OSError:  # it has ended, or is another user's
            continue
        yield Process(int(folder.name), name, int(fields[3]), places, _uuid_in(environment))


def _uuid_in(environment: bytes) -> str:
    """The instance's, in the environment of a definition's script and of what it started."""
    words = dict(word.partition(b"=")[::2] for word in environment.split(b"\0"))
    if b"OS_API_VERSION" not in words:
        return ""
    return words.get(b"INSTANCE_UUID", b"").decode(errors="replace")


def _devices(sys: Path) -> Iterator[Device]:
    """Loop devices that have a file, and mappings (Documentation/ABI/testing/sysfs-block of Linux)."""
    block = sys / "block"
    for folder in sorted(block.iterdir()) if block.is_dir() else ():
        try:
            if (folder / "loop/backing_file").exists():
                file = (folder / "loop/backing_file").read_text().rstrip("\n").removesuffix(_DELETED)
                let_go = (folder / "loop/autoclear").read_text().strip() == "1"
                yield Device(f"/dev/{folder.name}", file=file, names=_partitions(folder), let_go=let_go)
            elif (folder / "dm/name").exists():
                name = (folder / "dm/name").read_text().strip()
                parents = tuple(f"/dev/{parent.name}" for parent in (folder / "slaves").iterdir())
                yield Device(f"/dev/mapper/{name}", parents=parents, names=(f"/dev/{folder.name}",))
        except OSError:  # it has gone meanwhile
            continue


def _partitions(folder: Path) -> tuple[str, ...]:
    return tuple(f"/dev/{part.name}" for part in folder.iterdir() if part.name.startswith(folder.name))


def same_devices(paths: Sequence[Path]) -> tuple[str, ...]:
    """Disks as the kernel names them."""
    return tuple(dict.fromkeys(os.path.realpath(path) for path in paths))


def looker(
    uuid: str, disks: Sequence[Path], session: Callable[[], int | None], before: Left
) -> Callable[[], Left]:
    """Look for what belongs to an instance and was not there `before`."""
    names = same_devices(disks)

    def look() -> Left:
        found = left_behind(read_facts(), uuid=uuid, disks=names, session=session())
        return found.without(before)

    return look
