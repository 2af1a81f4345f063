"""Puts what was made where a person wants it: a name appears whole, or stays as it was."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import hashlib
import json
import os
import secrets
import shlex
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from skerry.errors import Conflict, Denied, NotFound, SkerryError
from skerry.images.cache import full_disk_explained
from skerry.images.folders import fsync, remove_tree

# A file that only a folder of ours has, by the ending of the folder; a root may have anything.
_MARKS = {".manifests": "sizes.json", ".oci": "oci-layout", ".pxe": "boot.ipxe"}


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


@dataclass(frozen=True)
class Source:
    """A finished file, or with no hash a folder."""

    path: Path
    sha256: str = ""


@dataclass(frozen=True)
class Placed:
    """Remembers what was put where, so that a file that is there already is not copied again."""

    folder: Path

    def has(self, target: Path, sha256: str) -> bool:
        """Whether this very file was put there, and nobody wrote to it since."""
        try:
            told = json.loads(self._file(target).read_text())
            return bool(told == [sha256, *state_of(target)])
        except (FileNotFoundError, json.JSONDecodeError):
            return False

    def note(self, target: Path, sha256: str) -> None:
        """A file was put there."""
        self._write(target, [sha256, *state_of(target)])

    def _write(self, target: Path, note: list[object]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self._file(target)
        part = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
        part.write_text(json.dumps(note))
        part.rename(file)

    def has_folder(self, target: Path) -> bool:
        """Whether this very folder was put there, whatever became of what is in it."""
        try:
            return bool(json.loads(self._file(target).read_text()) == _folder_note(target))
        except (FileNotFoundError, json.JSONDecodeError):
            return False

    def note_folder(self, target: Path) -> None:
        """A folder was put there."""
        self._write(target, _folder_note(target))

    def _file(self, target: Path) -> Path:
        return self.folder / hashlib.sha256(os.fsencode(target.absolute())).hexdigest()[:32]


def _folder_note(target: Path) -> list[object]:
    found = target.stat(follow_symlinks=False)
    return ["folder", found.st_dev, found.st_ino]


def state_of(target: Path) -> list[int]:
    """What changes when somebody writes to a file, or puts another in its place."""
    found = target.stat(follow_symlinks=False)
    return [found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def check_folder(folder: Path) -> None:
    """Refuse a folder that nothing can be written into, before anything is made for it.

    Raises:
        NotFound: there is none.
        Denied: it may not be written.
    """
    folder = folder.absolute()
    if not folder.is_dir():
        raise NotFound(
            f"there is no folder {folder} for what is made",
            hint=f"make it first: mkdir -p {shlex.quote(str(folder))}",
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Denied(f"{folder} cannot be written", hint="name another folder with -o")


def check_replaced(folder: Path, names: Iterable[str], placed: Placed) -> None:
    """Refuse to put anything in the place of folders that are not ours.

    Raises:
        Conflict: there is one.
    """
    for target in (folder.absolute() / name for name in names):
        if not target.is_dir() or target.is_symlink() or placed.has_folder(target):
            continue
        mark = _MARKS.get(target.suffix)
        if mark is None or not (target / mark).is_file():
            raise Conflict(
                f"{target} is a folder that no build is known to have made, so it is not replaced",
                hint="move it away or delete it; or give another folder with -o, or another name with --name",
            )


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other build places anything in a folder, and keep others waiting."""
    with writing_explained(folder):
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


@contextmanager
def writing_explained(folder: Path) -> Iterator[None]:
    """Turn what a folder's disk or its rights refuse into an error that names it."""
    try:
        with full_disk_explained(folder):
            yield
    except OSError as exc:
        kind = {PermissionError: Denied, FileNotFoundError: NotFound}.get(type(exc), SkerryError)
        raise kind(f"{exc.filename or folder} cannot be written: {exc.strerror}") from exc


def place(sources: Mapping[str, Source], folder: Path, placed: Placed, texts: Mapping[str, str]) -> None:
    """Copy finished files and folders, and write texts, into `folder` by name; then show all of them at once.

    A name appears whole, or stays as it was.

    Raises:
        Conflict: a folder that is not ours has the name.
        NoSpace, Denied, NotFound: as they say.
    """
    folder = folder.absolute()
    check_replaced(folder, (*sources, *texts), placed)
    with writing_explained(folder), part_of(folder / "skerry") as part:
        new = [name for name, each in sources.items() if not _is_there(folder / name, each, placed)]
        for name in new:
            path = sources[name].path
            if path.is_dir():
                _copy_tree(path, part / name)
            else:
                copy_file(path, part / name)
                fsync(part / name)
        for name, text in texts.items():
            (part / name).write_text(text)
        for name in (*new, *texts):
            if (folder / name).is_dir() or (part / name).is_dir():
                with contextlib.suppress(FileNotFoundError):
                    (folder / name).rename(part / f"{name}.old")
            (part / name).rename(folder / name)
    for name in new:
        if (folder / name).is_dir():
            placed.note_folder(folder / name)
        elif sources[name].sha256:
            placed.note(folder / name, sources[name].sha256)


def _is_there(target: Path, source: Source, placed: Placed) -> bool:
    return bool(source.sha256) and placed.has(target, source.sha256)


def place_text(output: Path, text: str) -> None:
    """Write a text to its place.

    Raises:
        NoSpace, Denied, NotFound: as they say.
    """
    with writing_explained(output.absolute().parent), part_of(output) as part:
        (part / "text").write_text(text)
        fsync(part / "text")
        (part / "text").rename(output)


def _copy_tree(source: Path, target: Path) -> None:
    """Copy a folder; owners too where we may."""
    shutil.copytree(source, target, symlinks=True, copy_function=_copy_with_mode)
    if os.geteuid() == 0:
        for path in (source, *source.rglob("*")):
            if path.is_dir() or path.is_symlink():
                _copy_owner(path, target / path.relative_to(source))


def _copy_with_mode(source: str, target: str) -> None:
    mode = os.lstat(source).st_mode
    if stat.S_ISFIFO(mode):
        os.mkfifo(target)
    elif stat.S_ISREG(mode):
        copy_file(Path(source), Path(target))
    else:  # devices belong to the machine that runs, and sockets to who listens
        return
    if os.geteuid() == 0:
        _copy_owner(Path(source), Path(target))
    shutil.copystat(source, target)  # last, for another owner takes some bits away


def _copy_owner(source: Path, target: Path) -> None:
    found = source.lstat()
    os.chown(target, found.st_uid, found.st_gid, follow_symlinks=False)
