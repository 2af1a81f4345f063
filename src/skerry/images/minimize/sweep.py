"""The program that deletes. It opens every folder by its name and never through a link: it stays inside the root.

python -m skerry.images.minimize.sweep ROOT hold < plan.json
python -m skerry.images.minimize.sweep ROOT delete < plan.json > report.json

`hold` gives the files that stay although their package goes a second name, by which `delete` brings them back.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import json
import os
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from skerry.images.contents.dpkg import INFO, list_without, sums_without
from skerry.images.contents.folder import opened_folder, opened_root
from skerry.images.contents.rpmdb import DATABASE, PLACES
from skerry.images.contents.tree import join, name_of, parent_of

_HOLD = ".skerry-held"  # a folder in the root, for the time of the removal
_GONE = {
    errno.ENOENT,
    errno.ENOTDIR,
    errno.ELOOP,
}  # the name, or a folder on the way to it, is no longer what it was


def delete(root: int, paths: Iterable[str]) -> tuple[int, list[str]]:
    """Delete names, in this order; a folder only when it is empty. How many there were, and what stayed."""
    done, left = 0, []
    for path in paths:
        try:
            with opened_folder(root, parent_of(path)) as folder:
                _delete_one(folder, name_of(path))
            done += 1
        except OSError as exc:
            if exc.errno in {errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY}:
                left.append(path)
            elif exc.errno not in _GONE:
                raise
    return done, left


def _delete_one(folder: int, name: str) -> None:
    told = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if stat.S_ISDIR(told.st_mode):
        os.rmdir(name, dir_fd=folder)
    else:
        os.unlink(name, dir_fd=folder)


def hold(root: int, held: Sequence[Mapping[str, Any]]) -> None:
    """Give files a second name in a folder of their own."""
    os.mkdir(_HOLD, 0o700, dir_fd=root)
    with opened_folder(root, _HOLD) as kept:
        for number, each in enumerate(held):
            with opened_folder(root, parent_of(each["path"])) as folder:
                name = name_of(each["path"])
                os.link(name, str(number), src_dir_fd=folder, dst_dir_fd=kept, follow_symlinks=False)


def bring_back(root: int, held: Sequence[Mapping[str, Any]]) -> None:
    """Give them their first names back where these are gone, with the folders that they were in."""
    with opened_folder(root, _HOLD) as kept:
        for number, each in enumerate(held):
            for path, mode, owner, group in each["folders"]:
                _make_folder(root, path, mode, owner, group)
            with opened_folder(root, parent_of(each["path"])) as folder, contextlib.suppress(FileExistsError):
                name = name_of(each["path"])
                os.link(str(number), name, src_dir_fd=kept, dst_dir_fd=folder, follow_symlinks=False)
            os.unlink(str(number), dir_fd=kept)
    os.rmdir(_HOLD, dir_fd=root)


def _make_folder(root: int, path: str, mode: int, owner: int, group: int) -> None:
    with opened_folder(root, parent_of(path)) as above:
        try:
            os.mkdir(name_of(path), 0o700, dir_fd=above)
        except FileExistsError:
            return
    with opened_folder(root, path) as folder:
        os.fchown(folder, owner, group)
        os.fchmod(folder, mode)


def correct_lists(root: int, files_of: Mapping[str, Sequence[str]]) -> None:
    """Take what was deleted out of dpkg's own lists, so that it neither shows nor misses it."""
    for package, paths in files_of.items():
        for suffix, without in (("list", list_without), ("md5sums", sums_without)):
            for name in (f"{package}.{suffix}", f"{package.rpartition(':')[0]}.{suffix}"):
                with contextlib.suppress(FileNotFoundError):
                    _rewrite(root, join(INFO, name), functools.partial(without, gone=set(paths)))
                    break


def _rewrite(root: int, path: str, change: Callable[[str], str]) -> None:
    """Change a file in place; it keeps its owner, rights and time."""
    with opened_folder(root, parent_of(path)) as folder:
        handle = os.open(name_of(path), os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    with os.fdopen(handle, "r+", encoding="utf-8", errors="surrogateescape", newline="") as file:
        told = os.fstat(file.fileno())
        text = file.read()
        changed = change(text)
        if changed == text:
            return
        file.seek(0)
        file.write(changed)
        file.truncate()
        file.flush()
        os.utime(file.fileno(), ns=(told.st_atime_ns, told.st_mtime_ns))


def compact_rpmdb(root: int) -> None:
    """Make one file of RPM's database again, without what it keeps while it is in use."""
    for place in PLACES:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), opened_folder(root, place) as folder:
            if not stat.S_ISREG(os.stat(DATABASE, dir_fd=folder, follow_symlinks=False).st_mode):
                continue
            with contextlib.closing(sqlite3.connect(f"/proc/self/fd/{folder}/{DATABASE}")) as database:
                database.execute("PRAGMA journal_mode = DELETE")
                database.execute("VACUUM")
            delete(root, [join(place, name) for name in (f"{DATABASE}-wal", f"{DATABASE}-shm", ".rpm.lock")])


def main(argv: Sequence[str]) -> int:
    """Do one of the two on the root that is named first."""
    told = json.load(sys.stdin)
    with opened_root(Path(argv[0])) as root:
        if argv[1] == "hold":
            hold(root, told["held"])
            return 0
        done, left = delete(root, told["paths"])
        if told["held"] and told["packages"]:
            bring_back(root, told["held"])
        delete(root, told["traces"])
        if any(each["family"] == "rpm" for each in told["packages"]):
            compact_rpmdb(root)
        correct_lists(root, told["files_of"])
    sys.stdout.write(json.dumps({"deleted": done, "left": left}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
