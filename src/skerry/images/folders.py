"""Folders on the disk: how large they are, how they get there for good, and how they go."""

from __future__ import annotations

import errno
import os
import re
import shutil
from pathlib import Path

_TRIES = 5  # to remove a folder


def tree_size(folder: Path) -> int:
    """The bytes that a folder takes on its disk; nothing when it is gone."""
    try:
        total = folder.lstat().st_blocks * 512
        with os.scandir(folder) as names:
            for each in names:
                if each.is_dir(follow_symlinks=False):
                    total += tree_size(Path(each.path))
                else:
                    total += each.stat(follow_symlinks=False).st_blocks * 512
    except FileNotFoundError:
        return 0
    return total


def mounts_below(folder: Path, table: str | None = None) -> list[Path]:
    """Where something is mounted in a folder, deepest first, by /proc/self/mountinfo (proc_pid_mountinfo(5))."""
    lines = (Path("/proc/self/mountinfo").read_text() if table is None else table).splitlines()
    # Blanks, tabs, line ends and backslashes are written as three octal digits.
    points = [
        re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), line.split()[4]) for line in lines
    ]
    return [point for point in map(Path, reversed(points)) if folder in point.parents or folder == point]


def remove_tree(path: Path) -> None:
    """Delete a folder, if it is there; links are deleted, not followed."""
    for _ in range(_TRIES):
        try:
            shutil.rmtree(path)
        except FileNotFoundError:
            return
        except OSError as exc:
            # A program that was just killed may have made one more file.
            if exc.errno != errno.ENOTEMPTY:
                raise


def flush(folder: Path) -> None:
    """Put every file of a folder on the disk before its name appears."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            fsync(path)
    fsync(folder)


def fsync(path: Path) -> None:
    """Put a file, or the names in a folder, on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
