"""Puts what was made where a person wants it: a name appears whole, or stays as it was."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from skerry.images.cache import remove_tree


def copy_file(source: Path, target: Path) -> None:
    """Copy a file to a new name; holes stay holes, and blocks are shared where the file system can."""
    with target.open("wb") as file:
        file.truncate(source.stat().st_size)
        copy_sparse(source, file.fileno(), 0)


def copy_sparse(source: Path, target: int, offset: int, *, begin: int = 0, size: int | None = None) -> None:
    """Copy a file, or `size` bytes of it from `begin`, into an open one at `offset`; holes stay holes."""
    with source.open("rb") as file:
        handle, here = file.fileno(), begin
        last = source.stat().st_size if size is None else begin + size
        while here < last:
            try:
                here = os.lseek(handle, here, os.SEEK_DATA)
            except OSError as exc:
                if exc.errno == errno.ENXIO:  # nothing but a hole follows
                    return
                raise
            end = min(os.lseek(handle, here, os.SEEK_HOLE), last)
            while here < end:
                here += _copy_some(handle, target, here, offset + here - begin, end - here)


def _copy_some(source: int, target: int, begin: int, to: int, count: int) -> int:
    """Copy inside the kernel: by reference where the file systems can, else byte for byte."""
    try:
        copied = os.copy_file_range(source, target, count, begin, to)
    except OSError as exc:
        if exc.errno not in {errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS}:
            raise
        os.lseek(target, to, os.SEEK_SET)
        copied = os.sendfile(target, source, begin, count)
    if not copied:
        raise OSError(errno.EIO, "the file became shorter while it was copied")
    return copied


@contextmanager
def part_of(output: Path) -> Iterator[Path]:
    """A locked folder beside `output` for what is not whole yet; what killed builds left there goes."""
    output = output.absolute()
    for left in output.parent.glob(f".{glob.escape(output.name)}.*.part"):
        _remove_if_abandoned(left)
    part = output.parent / f".{output.name}.{secrets.token_hex(4)}.part"
    part.mkdir()
    lock = os.open(part, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield part
    finally:
        remove_tree(part)
        os.close(lock)


def _remove_if_abandoned(part: Path) -> None:
    """Remove what a killed build left; one that is at work holds a lock."""
    with contextlib.suppress(FileNotFoundError):
        lock = os.open(part, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove_tree(part)
        except BlockingIOError:
            pass
        finally:
            os.close(lock)


def place_file(source: Path, output: Path, sha256: str) -> None:
    """Copy a finished file to its place, with its checksum beside it."""
    output = output.absolute()
    with part_of(output) as part:
        copy_file(source, part / "file")
        _fsync(part / "file")
        (part / "sums").write_text(f"{sha256}  {output.name}\n")
        (part / "file").rename(output)
        (part / "sums").rename(output.with_name(output.name + ".sha256"))


def place_all(entries: Mapping[str, Path], folder: Path, texts: Mapping[str, str]) -> None:
    """Copy finished files and folders, and write texts, into `folder` by name; then show all of them at once."""
    with part_of(folder / "skerry") as part:
        for name, source in entries.items():
            if source.is_dir():
                shutil.copytree(source, part / name, symlinks=True, copy_function=_copy_with_mode)
            else:
                copy_file(source, part / name)
                _fsync(part / name)
        for name, text in texts.items():
            (part / name).write_text(text)
        for name in (*entries, *texts):
            if (folder / name).is_dir() and not (folder / name).is_symlink():
                (folder / name).rename(part / f"{name}.old")
            (part / name).rename(folder / name)


def _copy_with_mode(source: str, target: str) -> None:
    copy_file(Path(source), Path(target))
    shutil.copystat(source, target)


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
