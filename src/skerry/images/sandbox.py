"""bubblewrap: programs with processes, mounts and few rights of their own, and the end of all of them."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from skerry.commands import Arg

# What a container's root may do, without making devices and without leaving a chroot by a number.
_CAPABILITIES = (
    *("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "SETFCAP"),
    *("NET_BIND_SERVICE", "SYS_CHROOT", "AUDIT_WRITE"),
)
_FIRST = re.compile(rb'"child-pid": (\d+)')  # bwrap(1), --info-fd


def bubblewrap_argv() -> list[Arg]:
    """The beginning of every bubblewrap here: own processes, few rights; what is to be seen follows."""
    argv: list[Arg] = ["bwrap", "--die-with-parent"]
    argv += ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--cap-drop", "ALL"]
    for name in _CAPABILITIES:
        argv += ["--cap-add", f"CAP_{name}"]
    return argv


@asynccontextmanager
async def whole_end() -> AsyncIterator[int]:
    """The descriptor to give one bubblewrap as --info-fd; afterwards all that ran in it has ended.

    Without it, bubblewrap hands on the status of its program, or dies, while the kernel still ends the others.
    """
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    try:
        yield writing
    finally:
        os.close(writing)
        told = b""  # stays so where bubblewrap did not come to start a program
        with suppress(BlockingIOError):
            told = os.read(reading, 4096)
        os.close(reading)
        if first := _FIRST.search(told):
            await _end_of(int(first[1]))


async def _end_of(first: int) -> None:
    """Wait for the first process of a sandbox: it is over when all others are (pid_namespaces(7))."""
    try:
        descriptor = os.pidfd_open(first)
    except ProcessLookupError:
        return
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    try:
        if _is_first(first):
            loop.add_reader(descriptor, over.set)
            await over.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _is_first(pid: int) -> bool:
    """Whether it is the first of a namespace, and not one that got the number since (proc_pid_status(5))."""
    with suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("NSpid:"):
                return line.split()[-1] == "1"
    return False
