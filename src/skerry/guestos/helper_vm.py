"""A small machine that does to a guest's disk what only a kernel can, so that no kernel of ours meets its bytes.

It is QEMU with a kernel and a busybox (`helper_image`): as nobody where we are root, with nothing but open files,
confined by QEMU's own system call filter, without a network unless one is asked for, and for a limited time. What
it is told and what it answers go through one port; disks are found by name: `disk NAME` prints the device.

    async with open_helper(image, machine, [HelperDisk("guest", path)], commands) as helper:
        said = await helper.run('mount -t xfs "$(disk guest)" /mnt && cat /mnt/etc/hostname')

What its scripts write to `$(port log)` comes line by line, while they run. `helper_running` lets foreign
definitions work there that need device mapper or mounts as root.
"""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import stat
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from skerry.commands import Arg, Commands, Output
from skerry.errors import BadInput, CommandFailed, HostError
from skerry.guestos.helper_image import HelperImage
from skerry.sizes import MIB

T = TypeVar("T")

TIMEOUT_S = 300.0
MEMORY = 512 * MIB
_MOST = 16 * MIB  # bytes of one answer
_LAST_WORDS = 6  # lines of the console that an error repeats
_NOBODY = 65534
_KVM = Path("/dev/kvm")
_LINE_LIMIT = 1024 * 1024  # bytes


@dataclass(frozen=True)
class Machine:
    """What runs it, as skerry.hypervisor.accelerator finds out."""

    emulator: str = "qemu-system-x86_64"
    accelerator: Literal["kvm", "tcg"] = "tcg"


@dataclass(frozen=True)
class HelperDisk:
    """A block device or plain file, or a part of it, that the machine has as a disk of this name."""

    name: str  # up to 20 letters
    path: Path
    read_only: bool = False
    offset: int = 0  # bytes, a multiple of 512
    size: int | None = None  # bytes; None: up to the end


@dataclass
class Helper:
    """The running machine."""

    _reader: asyncio.StreamReader
    _writer: asyncio.StreamWriter
    _ended: asyncio.Task[Output]
    _console: deque[str]

    async def run(self, script: str, *, ok: Sequence[int] = (0,)) -> bytes:
        """Run a shell script there, and return what it says.

        Raises:
            CommandFailed: its status is not in `ok`; with what it said on standard error.
            HostError, TimedOut: the machine ended meanwhile.
        """
        text = base64.encodebytes(script.encode())
        status, out, err = await self._while_it_runs(self._ask(b"run\n" + text + b".\n"))
        if status not in ok:
            words = err.decode(errors="replace").strip() or f"it ended with status {status}"
            raise CommandFailed(f"the helper machine could not do it: {words}")
        return out

    async def _ask(self, question: bytes) -> tuple[int, bytes, bytes]:
        self._writer.write(question)
        await self._writer.drain()
        words = (await self._reader.readline()).split()
        if len(words) != 4 or words[0] != b"answer":
            raise HostError("the helper machine answered nonsense")
        status, out, err = map(int, words[1:])
        if out + err > _MOST:
            raise HostError("the helper machine answered too much")
        return status, await self._reader.readexactly(out), await self._reader.readexactly(err)

    async def wait_until_ready(self) -> None:
        """Return when it takes scripts."""
        await self._while_it_runs(self._greeting())

    async def _greeting(self) -> None:
        if await self._reader.readline() != b"ready\n":
            raise HostError("the helper machine does not start as it should")

    async def end(self) -> None:
        """Let it write everything to its disks and switch itself off."""
        self._writer.write(b"end\n")
        await self._ended

    async def _while_it_runs(self, work: Coroutine[Any, Any, T]) -> T:
        task = asyncio.ensure_future(work)
        await asyncio.wait({task, self._ended}, return_when=asyncio.FIRST_COMPLETED)
        if task.done() and not task.exception():
            return task.result()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if self._ended.done():
            self._ended.result()  # a time limit, or QEMU's own complaint
        elif not task.cancelled() and isinstance(error := task.exception(), HostError):
            raise error
        words = " / ".join(line for line in self._console if line.strip())
        raise HostError(f"the helper machine stopped: {words or 'it said nothing'}")


@asynccontextmanager
async def open_helper(
    image: HelperImage,
    machine: Machine,
    disks: Sequence[HelperDisk],
    commands: Commands,
    *,
    network: bool = False,
    memory: int = MEMORY,
    timeout_s: float = TIMEOUT_S,
    on_line: Callable[[str], None] | None = None,
) -> AsyncIterator[Helper]:
    """Start the machine, and switch it off afterwards; its disks hold everything then.

    `on_line` gets what scripts write to the port `log`: all of it, when the context has ended well.

    Raises:
        HostError, CommandFailed, Unavailable: QEMU does not run, or the machine does not start.
        TimedOut: it lived longer than `timeout_s`.
    """
    console: deque[str] = deque(maxlen=_LAST_WORDS)
    async with AsyncExitStack() as stack:
        ours, theirs = _connection(stack)
        ports = {"helper": theirs.fileno()}
        log = None
        if on_line is not None:
            told, telling = _connection(stack)
            ports["log"] = telling.fileno()
            log = await stack.enter_async_context(_reading(told, on_line))
        shown = [stack.enter_context(opened(disk)) for disk in disks]
        start = [stack.enter_context(opened(HelperDisk("", each, read_only=True))) for each in image_files(image)]
        words = argv(machine, start, shown, ports, network=network, memory=memory)
        running = asyncio.create_task(
            commands.run(
                [*unprivileged_argv(os.geteuid(), _kvm_group(machine)), *words],
                timeout=timeout_s,
                on_line=console.append,
                pass_fds=[*ports.values(), *(each.descriptor for each in (*start, *shown))],
            )
        )
        reader, writer = await asyncio.open_connection(sock=ours, limit=_MOST)
        try:
            helper = Helper(reader, writer, running, console)
            await helper.wait_until_ready()
            yield helper
            await helper.end()
            if log is not None:
                telling.close()  # QEMU had a copy, so that now the other end hears the end
                await log
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            writer.close()
            with suppress(ConnectionError):  # QEMU left while we wrote
                await writer.wait_closed()


def _connection(stack: AsyncExitStack) -> tuple[socket.socket, socket.socket]:
    """Two ends, of which the caller takes the first over, and the second goes to QEMU."""
    ours, theirs = socket.socketpair()
    stack.callback(theirs.close)
    return ours, theirs


@asynccontextmanager
async def _reading(end: socket.socket, on_line: Callable[[str], None]) -> AsyncIterator[asyncio.Task[None]]:
    """Hand on what comes, line by line, until there is no more to come."""
    reader, writer = await asyncio.open_connection(sock=end, limit=_LINE_LIMIT)
    task = asyncio.create_task(_hand_on(reader, on_line))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        writer.close()


async def _hand_on(reader: asyncio.StreamReader, on_line: Callable[[str], None]) -> None:
    while True:
        try:
            raw = await reader.readuntil(b"\n")
        except asyncio.IncompleteReadError as exc:
            raw = exc.partial
        except asyncio.LimitOverrunError as exc:
            raw = await reader.read(exc.consumed)
        if not raw:
            return
        for part in raw.decode(errors="replace").rstrip("\r\n").split("\r"):
            on_line(part)


def image_files(image: HelperImage) -> tuple[Path, Path]:
    """Kernel and initial RAM disk."""
    return image.kernel, image.initrd


@dataclass(frozen=True)
class OpenedDisk:
    """A disk with its open file."""

    disk: HelperDisk
    descriptor: int
    is_block: bool = field(default=False)


@contextmanager
def opened(disk: HelperDisk) -> Iterator[OpenedDisk]:
    """Open a disk for the machine, which gets the open file and no path."""
    if disk.offset % 512:
        raise BadInput(f"a disk cannot begin at byte {disk.offset} of {disk.path}")
    flags = os.O_RDONLY if disk.read_only else os.O_RDWR
    descriptor = os.open(disk.path, flags | os.O_CLOEXEC)
    try:
        yield OpenedDisk(disk, descriptor, stat.S_ISBLK(os.fstat(descriptor).st_mode))
    finally:
        os.close(descriptor)


def _kvm_group(machine: Machine) -> int | None:
    return _KVM.stat().st_gid if machine.accelerator == "kvm" else None


def unprivileged_argv(user_id: int, group: int | None) -> list[Arg]:
    """What starts a program as nobody, with no right to become somebody, and ends it with us."""
    argv: list[Arg] = ["setpriv", "--no-new-privs", "--pdeathsig", "KILL"]
    if user_id == 0:
        groups = "--clear-groups" if group is None else f"--groups={group}"
        argv += [f"--reuid={_NOBODY}", f"--regid={_NOBODY}", groups, "--inh-caps=-all", "--bounding-set=-all"]
    return [*argv, "--"]


def argv(
    machine: Machine,
    start: Sequence[OpenedDisk],
    disks: Sequence[OpenedDisk],
    ports: Mapping[str, int],
    *,
    network: bool,
    memory: int,
) -> list[Arg]:
    """QEMU's command line; `start` are kernel and initial RAM disk, `ports` are connected sockets by name."""
    kernel, initrd = (f"/proc/self/fd/{each.descriptor}" for each in start)
    cpu = "host" if machine.accelerator == "kvm" else "max"
    words: list[Arg] = [machine.emulator, "-machine", f"q35,accel={machine.accelerator}", "-cpu", cpu]
    words += ["-m", f"{memory // MIB}M", "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"]
    words += ["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"]
    words += ["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"]
    words += ["-device", "virtio-serial-pci"]
    for name, socket_ in ports.items():
        words += ["-chardev", f"socket,id={name},fd={socket_}"]
        words += ["-device", f"virtserialport,chardev={name},name={name}"]
    words += ["-kernel", kernel, "-initrd", initrd, "-append", _kernel_arguments(network=network)]
    for number, disk in enumerate(disks):
        words += disk_argv(number, disk)
    if network:
        words += ["-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile="]
    return words


def _kernel_arguments(*, network: bool) -> str:
    return "console=ttyS0 quiet panic=-1 mitigations=off" + (" helper.network" if network else "")


def disk_argv(number: int, opened: OpenedDisk) -> list[Arg]:
    """One disk, or the part of it that the machine may see, by its open file."""
    disk, read_only = opened.disk, "on" if opened.disk.read_only else "off"
    driver = "host_device" if opened.is_block else "file"
    part = f",offset={disk.offset}" + (f",size={disk.size}" if disk.size is not None else "")
    part += "" if disk.read_only else ",discard=unmap"  # what is discarded there is a hole here
    return [
        *("-add-fd", f"fd={opened.descriptor},set={number}"),
        *(
            "-blockdev",
            f"driver={driver},node-name=file{number},filename=/dev/fdset/{number},read-only={read_only}"
            + ("" if disk.read_only else ",discard=unmap"),
        ),
        *("-blockdev", f"driver=raw,node-name=disk{number},file=file{number},read-only={read_only}{part}"),
        *("-device", f"virtio-blk-pci,drive=disk{number},serial={disk.name}"),
    ]
