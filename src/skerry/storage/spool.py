"""The workshop beside the volumes: half-made images, and marks of who made which volume.

A volume is made here under a name that tells volume and origin, and moved to its place when it is whole. The mark
(origin and inode) is written first: so a step that was cut off and runs again recognises its own work, and nobody
else's. What is found here at start belongs to a process that is gone.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import time
from pathlib import Path
from typing import BinaryIO

from skerry.errors import Conflict

_TRIES, _PAUSE_S = 20, 0.05  # for the lock


class Spool:
    """One folder on the same file system as the volumes. Methods block, and raise OSError."""

    def __init__(self, root: Path) -> None:
        self._parts = root / "parts"
        self._marks = root / "marks"
        self._lock_path = root / "lock"
        self._lock: BinaryIO | None = None
        self.uploads = root / "uploads"

    def open(self) -> None:
        """Make the folders, and make sure that no other process works here.

        Raises:
            Conflict: another process does.
        """
        for folder in (self._parts, self._marks, self.uploads):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = self._lock_path.open("ab")
        if not _taken(lock):
            lock.close()
            raise Conflict(
                f"another host agent works in {self._lock_path.parent}",
                hint="stop it, or give this one a folder of its own",
            )
        self._lock = lock

    def close(self) -> None:
        """Let another process work here."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def clean(self, volumes: Path) -> list[str]:
        """Remove what a process that is gone left behind; returns the names of half-made images."""
        left = [part.name for part in self._parts.iterdir()]
        shutil.rmtree(self._parts)
        self._parts.mkdir(mode=0o700)
        for mark in self._marks.iterdir():
            if not (volumes / mark.name).exists():
                mark.unlink()
        return left

    def part(self, name: str, origin: str, suffix: str = "part") -> Path:
        """Where the volume is made; what a cut-off try of the same origin left there is removed."""
        path = self._parts / f"{name}.{hashlib.sha256(origin.encode()).hexdigest()[:16]}.{suffix}"
        path.unlink(missing_ok=True)
        return path

    def made_by(self, volume: Path, origin: str) -> bool:
        """Whether that origin made this very volume."""
        try:
            mark = json.loads((self._marks / volume.name).read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return False
        return bool(mark == {"origin": origin, "inode": volume.stat().st_ino})

    def commit(self, part: Path, volume: Path, origin: str) -> None:
        """Move a whole image to its place, so that it is there after a power cut too."""
        part.chmod(0o600)
        _sync(part)
        mark = self._marks / volume.name
        mark.write_text(json.dumps({"origin": origin, "inode": part.stat().st_ino}))
        _sync(mark)
        _sync(self._marks)
        part.rename(volume)
        _sync(volume.parent)

    def forget(self, name: str) -> None:
        """A volume is gone; so is its mark."""
        (self._marks / name).unlink(missing_ok=True)


def _taken(lock: BinaryIO) -> bool:
    """Take the lock; a process that was killed holds it a moment longer, until all its threads are gone."""
    for _ in range(_TRIES):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE_S)
        else:
            return True
    return False


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
