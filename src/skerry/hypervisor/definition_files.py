"""Changes of definitions that libvirt makes no event of.

`virsh setmem --config`, `virsh autostart` and their like change a stored definition silently. Its file changes,
though: looking at the times of files costs next to nothing, where asking for each definition would not.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

_EVERY_S = 1.0

Times = Mapping[str, tuple[int, bool]]  # machine -> when its file changed (ns), whether it starts with the host


def folder_of(uri: str) -> Path | None:
    """Where the libvirt of this URI keeps definitions; None where that cannot be said."""
    parts = urlsplit(uri)
    if parts.hostname or "socket" in parse_qs(parts.query):
        return None
    if parts.path == "/session":
        config = os.environ.get("XDG_CONFIG_HOME")
        return (Path(config) if config else Path.home() / ".config") / "libvirt" / "qemu"
    return Path("/etc/libvirt/qemu")


@contextlib.asynccontextmanager
async def watching(folder: Path | None, changed: Callable[[str], Awaitable[None]]) -> AsyncIterator[None]:
    """Meanwhile call `changed` with the name of each machine whose stored definition changes."""
    if folder is None:
        yield
        return
    task = asyncio.create_task(_watch(folder, changed), name="definition-files")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _watch(folder: Path, changed: Callable[[str], Awaitable[None]]) -> None:
    known = read_times(folder)
    while True:
        await asyncio.sleep(_EVERY_S)
        now = read_times(folder)
        for name in changes(known, now):
            await changed(name)
        known = now


def read_times(folder: Path) -> Times:
    """When each machine's file changed last; empty where the folder may not be read."""
    starts = _names(folder / "autostart")
    found: dict[str, tuple[int, bool]] = {}
    for name in _names(folder):
        with contextlib.suppress(OSError):
            found[name] = ((folder / f"{name}.xml").stat().st_mtime_ns, name in starts)
    return found


def changes(before: Times, after: Times) -> list[str]:
    """Names of machines that differ or are new: a new one may have changed since libvirt told of it."""
    return sorted(name for name, times in after.items() if before.get(name) != times)


def _names(folder: Path) -> set[str]:
    try:
        return {path.stem for path in folder.iterdir() if path.suffix == ".xml"}
    except OSError:
        return set()
