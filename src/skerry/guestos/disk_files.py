"""A guest's disk, which is a block device or a plain file: its size, its holes, and writing it anew."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from skerry.errors import BadInput, HostError, InUse, NoSpace, NotFound

_BLKZEROOUT = 0x127F  # linux/fs.h
_KEEP_SIZE, _PUNCH_HOLE = 1, 2  # linux/falloc.h
_SECTOR = 512
_ZEROS = bytes(1024 * 1024)


@dataclass
class Disk:
    """An open disk."""

    path: Path
    descriptor: int
    size: int  # bytes
    is_block: bool

    def extents(self) -> Iterator[tuple[int, int]]:
        """Begin and end of what is not a hole; all of a block device, whose holes nobody tells."""
        if self.is_block:
            yield 0, self.size
            return
        here = 0
        while here < self.size:
            with _explained(self.path):
                try:
                    begin = os.lseek(self.descriptor, here, os.SEEK_DATA)
                except OSError as exc:
                    if exc.errno == errno.ENXIO:  # nothing but a hole follows
                        return
                    raise
                here = min(os.lseek(self.descriptor, begin, os.SEEK_HOLE), self.size)
            yield begin, here

    def read(self, offset: int, count: int) -> bytes:
        """Bytes of it; fewer only where it ends.

        Raises:
            HostError: it cannot be read.
        """
        with _explained(self.path):
            data = os.pread(self.descriptor, count, offset)
            if len(data) < min(count, self.size - offset):
                raise HostError(f"the disk {self.path} became shorter while it was read")
            return data

    def write(self, offset: int, data: bytes) -> None:
        """Write bytes into it.

        Raises:
            NoSpace, HostError: it cannot be written.
        """
        view = memoryview(data)
        with _explained(self.path):
            while view:
                done = os.pwrite(self.descriptor, view, offset)
                view, offset = view[done:], offset + done

    def empty(self) -> None:
        """Make a plain file one hole; a block device is cleared where it is passed over, by `clear`."""
        if not self.is_block:
            with _explained(self.path):
                _punch(self.descriptor, self.size)

    def clear(self, begin: int, end: int) -> None:
        """Make a range zero; for a plain file `empty` did it already."""
        if not self.is_block or begin >= end:
            return
        first, last = -(-begin // _SECTOR) * _SECTOR, end // _SECTOR * _SECTOR
        if first >= last:
            self._write_zeros(begin, end)
            return
        try:
            fcntl.ioctl(self.descriptor, _BLKZEROOUT, struct.pack("=QQ", first, last - first))
        except OSError:  # then writing tells what is wrong, if anything is
            self._write_zeros(first, last)
        self._write_zeros(begin, first)
        self._write_zeros(last, end)

    def _write_zeros(self, begin: int, end: int) -> None:
        while begin < end:
            count = min(len(_ZEROS), end - begin)
            self.write(begin, _ZEROS[:count])
            begin += count


@contextmanager
def open_disk(path: Path, *, writable: bool = False, flushed: bool = True) -> Iterator[Disk]:
    """Open a disk; one that is to be written is ours alone, and is on its medium afterwards, if it is `flushed`.

    Raises:
        NotFound, BadInput: there is none, or it is no disk.
        InUse: it is mounted, or another program holds it.
        NoSpace: it is a plain file, and there is no room for what was written.
        HostError: it cannot be opened, or what was written does not reach it.
    """
    with _explained(path):
        descriptor = _open(path, writable=writable)
    try:
        with _explained(path):
            mode = os.fstat(descriptor).st_mode
            size = os.lseek(descriptor, 0, os.SEEK_END)
        yield Disk(path, descriptor, size, stat.S_ISBLK(mode))
        if writable and flushed:
            with _explained(path):
                os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _punch(descriptor: int, size: int) -> None:
    """Make a file one hole; its size stays, so that after a kill the next try finds a disk as large."""
    libc = ctypes.CDLL(None, use_errno=True)
    length = ctypes.c_int64(size)
    if size and libc.fallocate(descriptor, _PUNCH_HOLE | _KEEP_SIZE, ctypes.c_int64(0), length) != 0:
        if ctypes.get_errno() != errno.EOPNOTSUPP:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        os.ftruncate(descriptor, 0)  # a file system without holes to punch, such as NFS before 4.2
        os.ftruncate(descriptor, size)


def _open(path: Path, *, writable: bool) -> int:
    mode = path.stat().st_mode
    if not stat.S_ISBLK(mode) and not stat.S_ISREG(mode):
        raise BadInput(f"{path} is no disk: neither a block device nor a plain file")
    flags = os.O_CLOEXEC | (os.O_RDWR if writable else os.O_RDONLY)
    if writable and stat.S_ISBLK(mode):
        flags |= os.O_EXCL  # of a block device: nobody else holds it, and nothing of it is mounted
    return os.open(path, flags)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as exc:
        raise NotFound(f"there is no disk {path}") from exc
    except OSError as exc:
        if exc.errno == errno.EBUSY:
            raise InUse(f"the disk {path} is in use: it is mounted, or another program holds it") from exc
        if exc.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise NoSpace(f"there is no room for the disk {path}") from exc
        raise HostError(f"the disk {path} cannot be used: {exc.strerror}") from exc
