"""A root that is unpacked in a folder. Every folder on the way is opened by its name, and no link is followed."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from skerry.errors import BadImage
from skerry.images.contents.tree import LONGEST, Entry, Kind, Tree, join, name_of, parent_of

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextlib.contextmanager
def opened_root(root: Path) -> Iterator[int]:
    """The folder that the root is in, open; here a link may be followed, for it is the caller's own."""
    handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield handle
    finally:
        os.close(handle)


@contextlib.contextmanager
def opened_folder(root: int, path: str) -> Iterator[int]:
    """A folder of the root, opened one name at a time.

    Raises:
        OSError: a name on the way is missing, or is no folder: a link is none.
    """
    handle = os.dup(root)
    try:
        for name in filter(None, path.split("/")):
            if name == "..":
                raise OSError(errno.ENOENT, "a path of a tree does not climb", path)
            below = os.open(name, _FOLDER, dir_fd=handle)
            os.close(handle)
            handle = below
        yield handle
    finally:
        os.close(handle)


class FolderFiles:
    """The files below a folder, on its own file system; what is mounted there is not looked into."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._file = -1, ""  # the one that was read last, still open
        self.tree = Tree(dict(_scan(root)))

    def read(self, path: str, *, most: int, offset: int = 0) -> bytes:
        """At most `most` bytes of a file."""
        handle, name = self._file
        if name != path or handle < 0:
            self.close()
            with opened_folder(self._root, parent_of(path)) as folder:
                handle = os.open(name_of(path), _FILE, dir_fd=folder)
            self._file = handle, path
        return os.pread(handle, most, offset)

    def close(self) -> None:
        """Close what is open."""
        handle, _ = self._file
        if handle >= 0:
            os.close(handle)
        self._file = -1, ""


def _scan(root: int) -> Iterator[tuple[str, Entry]]:
    device = os.fstat(root).st_dev
    yield "", _entry(os.fstat(root), "")
    todo = [""]
    while todo:
        path = todo.pop()
        with opened_folder(root, path) as folder:
            for name in os.listdir(folder):  # noqa: PTH208 - of an open folder
                told = os.stat(name, dir_fd=folder, follow_symlinks=False)
                here = join(path, name)
                if len(here) > LONGEST:
                    raise BadImage(f"the root has a path of more than {LONGEST} characters, below {here[:80]!r}")
                if told.st_dev != device:
                    continue
                target = os.readlink(name, dir_fd=folder) if stat.S_ISLNK(told.st_mode) else ""
                yield here, _entry(told, target)
                if stat.S_ISDIR(told.st_mode):
                    todo.append(here)


def _entry(told: os.stat_result, target: str) -> Entry:
    kind = _kind(told.st_mode)
    return Entry(
        kind,
        told.st_size if kind == "file" else 0,
        target,
        stat.S_IMODE(told.st_mode),
        told.st_uid,
        told.st_gid,
        told.st_ino if told.st_nlink > 1 and kind == "file" else 0,
    )


def _kind(mode: int) -> Kind:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    if stat.S_ISLNK(mode):
        return "link"
    return "device" if stat.S_ISBLK(mode) or stat.S_ISCHR(mode) else "other"
