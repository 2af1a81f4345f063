"""Writes the archive that a kernel unpacks as its first root: cpio in the "newc" format.

https://docs.kernel.org/driver-api/early-userspace/buffer-format.html. Owners are root, times are zero, and numbers
follow from the order, so the same entries are the same bytes. Several archives in a row are one for the kernel, as
long as each begins at a multiple of four.
"""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

_TRAILER = "TRAILER!!!"
_ALIGNMENT = 4
MAX_SIZE = 2**32 - 1  # bytes of one file: its size is eight hexadecimal digits


@dataclass(frozen=True)
class Entry:
    """A file, link, folder or character device of the archive; `path` is relative to its root."""

    path: str
    mode: int  # with the kind, as in stat
    content: bytes | Path = b""  # of a file; of a link where it points to
    device: tuple[int, int] = (0, 0)


def file(path: str, content: bytes | Path, *, executable: bool = False) -> Entry:
    """A regular file."""
    return Entry(path, stat.S_IFREG | (0o755 if executable else 0o644), content)


def link(path: str, target: str) -> Entry:
    """A symbolic link."""
    return Entry(path, stat.S_IFLNK | 0o777, target.encode())


def folder(path: str) -> Entry:
    """A folder."""
    return Entry(path, stat.S_IFDIR | 0o755)


def console() -> list[Entry]:
    """The device that the kernel opens for its first program, which is there before /dev is."""
    return [folder("dev"), Entry("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))]


def with_parents(entries: Iterable[Entry]) -> list[Entry]:
    """The entries sorted by path, each once, with the folders that they are in."""
    known: dict[str, Entry] = {}
    for entry in entries:
        for parent in PurePosixPath(entry.path).parents:
            if str(parent) != ".":
                known.setdefault(str(parent), folder(str(parent)))
        known[entry.path] = entry
    return [known[path] for path in sorted(known)]


def write_cpio(target: BinaryIO, entries: Iterable[Entry]) -> None:
    """Append an archive of the entries, in their order; folders must come before what is in them."""
    number = 0
    for number, entry in enumerate(entries, start=1):
        size = len(entry.content) if isinstance(entry.content, bytes) else entry.content.stat().st_size
        if size > MAX_SIZE:
            raise ValueError(f"{entry.path} is larger than a cpio archive can hold")
        target.write(_header(entry.path, number, entry.mode, size, entry.device))
        if isinstance(entry.content, bytes):
            target.write(entry.content)
        else:
            with entry.content.open("rb") as source:
                shutil.copyfileobj(source, target, 1024 * 1024)
        target.write(_padding(size))
    target.write(_header(_TRAILER, 0, 0, 0, (0, 0)))


def _header(path: str, number: int, mode: int, size: int, device: tuple[int, int]) -> bytes:
    name = path.encode() + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    fields = (number, mode, 0, 0, links, 0, size, 0, 0, *device, len(name), 0)
    header = b"070701" + b"".join(b"%08X" % value for value in fields) + name
    return header + _padding(len(header))


def _padding(size: int) -> bytes:
    return bytes(-size % _ALIGNMENT)
