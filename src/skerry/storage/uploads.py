"""Images on their way in: files in the spool that grow, can be taken up again where they broke off, and get old.

An upload has an id that its sender chose, and no name of a volume yet: importing gives it one.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from skerry.errors import BadInput, Conflict, InUse, TooLarge
from skerry.sizes import TIB, format_size
from skerry.storage.blocking import Stop, file_errors, in_thread

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
# Managers throw uploads away after the time in their settings. What is left is of one that knows nothing of it any
# more, such as after a restore.
_STALE_S = 30 * 24 * 3600


class Uploads:
    """The uploads of one spool."""

    def __init__(self, folder: Path, *, limit: int = 2 * TIB) -> None:
        self._folder = folder
        self._limit = limit  # bytes of one upload
        self._open: set[str] = set()

    def path(self, upload: str) -> Path:
        """The file of an upload, whether anything of it has come or not."""
        if not _ID.fullmatch(upload):
            raise BadInput(f"{upload[:80]!r} is not an id for an upload", hint="letters, digits, dash, underscore")
        return self._folder / upload

    def size(self, upload: str) -> int:
        """How many bytes are there; 0 where nothing has come."""
        try:
            return self.path(upload).stat().st_size
        except FileNotFoundError:
            return 0

    def open(self, upload: str, offset: int) -> UploadStream:
        """Take bytes from `offset` on; what was there after it is dropped.

        Raises:
            Conflict: fewer bytes than `offset` are there.
            InUse: the upload is open already.
        """
        path = self.path(upload)
        if upload in self._open:
            raise InUse(f"the upload {upload} is being sent by another connection")
        if offset > (there := self.size(upload)):
            raise Conflict(f"the upload {upload} has {there} bytes, not {offset}", hint=f"go on from byte {there}")
        with file_errors(f"the upload {upload} cannot be written"):
            file = path.open("r+b" if path.exists() else "w+b", buffering=0)
            file.truncate(offset)
            file.seek(offset)
        self._open.add(upload)
        return UploadStream(upload, file, offset, self._limit, lambda: self._open.discard(upload))

    @contextmanager
    def hold(self, upload: str) -> Iterator[Path]:
        """Keep an upload as it is while it is read, and forget it when that succeeded.

        Raises:
            InUse: it is being sent, or read by somebody else.
        """
        path = self.path(upload)
        if upload in self._open:
            raise InUse(f"the upload {upload} is being sent")
        self._open.add(upload)
        try:
            yield path
            path.unlink(missing_ok=True)
        finally:
            self._open.discard(upload)

    def delete(self, upload: str) -> None:
        """Forget an upload; harmless when it is gone.

        Raises:
            InUse: it is being sent.
        """
        if upload in self._open:
            raise InUse(f"the upload {upload} is being sent")
        self.path(upload).unlink(missing_ok=True)

    def remove_stale(self) -> list[str]:
        """Remove uploads that no manager can know of any more."""
        removed = []
        for path in self._folder.iterdir():
            if path.name not in self._open and time.time() - path.stat().st_mtime > _STALE_S:
                path.unlink(missing_ok=True)
                removed.append(path.name)
        return removed


class UploadStream:
    """The open end of an upload. After `finish()`, `read()` answers with the end once all is on the disk."""

    def __init__(self, upload: str, file: BinaryIO, size: int, limit: int, on_close: Callable[[], None]) -> None:
        self.upload = upload
        self._file = file
        self._size = size
        self._limit = limit
        self._on_close = on_close
        self._finished = asyncio.Event()

    async def write(self, data: bytes) -> None:
        """Append bytes.

        Raises:
            TooLarge: more than an upload may have.
            NoSpace: the storage is full.
        """
        self._size += len(data)
        if self._size > self._limit:
            raise TooLarge(f"the upload {self.upload} is longer than {format_size(self._limit)}")
        await self._blocking(lambda: self._put(data))

    async def finish(self) -> None:
        """All has come: put it on the disk."""
        await self._blocking(self._sync)
        self._finished.set()

    async def read(self) -> bytes:
        """Nothing, after all was put on the disk."""
        await self._finished.wait()
        return b""

    async def close(self) -> None:
        """Let go of the upload; what has come so far stays, so that it can be taken up again."""
        if not self._file.closed:
            self._file.close()
            self._finished.set()
            self._on_close()

    def _put(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]

    def _sync(self) -> None:
        os.fsync(self._file.fileno())

    async def _blocking(self, work: Callable[[], object]) -> None:
        def run(_stop: Stop) -> None:
            with file_errors(f"the upload {self.upload} cannot be written"):
                work()

        await in_thread(run)
