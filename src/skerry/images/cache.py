"""What was made once and may be used again: entries named by a hash of all that went into them.

An entry is a folder that appears whole, by a rename, or not at all. Whoever makes or reads one holds a lock on it,
so that two builds at once make it once, and nothing is thrown away under a reader. Work is done in a folder of its
own that is locked too, and the lock is inherited by the programs that work there: after a kill, the next build
removes what nobody holds any more. The whole cache may be deleted at any time.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from skerry.commands import Commands
from skerry.errors import CommandFailed, NoSpace, SkerryError, Unavailable
from skerry.images.folders import flush, fsync, mounts_below, remove_tree, tree_size
from skerry.sizes import format_size

_HIDDEN = 0o711  # roots have password hashes: who cannot list the keys finds none; namespaces get through
_LOOK_AGAIN_S = 0.1  # between two tries for a lock that another build holds
# As the C library says it, and as apt and tar do.
_FULL = re.compile(
    "No space left on device|Disk quota exceeded|enough free space|IO Error saving source cache|Cannot write:"
)


def key_of(*parts: object) -> str:
    """A name for everything that went into a step: 32 hexadecimal digits."""
    text = json.dumps(parts, sort_keys=True, default=str, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Workspace:
    """A folder to work in."""

    path: Path
    scratch: Path  # where programs in a user namespace may work too; not on the cache's file system then
    lock: int  # an open file that programs started here must inherit


Make = Callable[[Workspace, Path], Awaitable[None]]


class Cache:
    """The folder of one user's entries on this machine."""

    def __init__(self, root: Path, limit: int, commands: Commands) -> None:
        self.root = root
        self.limit = limit  # bytes
        self._commands = commands
        self._removals: list[asyncio.Task[None]] | None = None  # None while nobody lets them run beside
        self._entries = root / "entries"
        self._locks = root / "locks"
        self._tmp = root / "tmp"

    async def prepare(self) -> None:
        """Make the folders, and remove what earlier builds left when they were killed.

        Raises:
            Unavailable: the folder cannot be written.
        """
        try:
            for folder in (self._entries, self._locks, self._tmp):
                folder.mkdir(mode=_HIDDEN, parents=True, exist_ok=True)
        except OSError as exc:
            raise Unavailable(
                f"the image cache {self.root} cannot be used: {exc.strerror}",
                hint="set SKERRY_IMAGE_CACHE to a folder that you may write",
            ) from exc
        for lock in self._tmp.glob("*.lock"):
            await self._remove_if_abandoned(lock)

    def has(self, kind: str, key: str) -> bool:
        """Whether an entry is there."""
        return self._entry(kind, key).is_dir()

    def made(self, kind: str, key: str) -> float | None:
        """When an entry was made, in seconds since 1970; None when it is not there."""
        try:
            with os.scandir(self._entry(kind, key)) as files:
                return max((each.stat(follow_symlinks=False).st_ctime for each in files), default=None)
        except FileNotFoundError:
            return None

    @asynccontextmanager
    async def use(self, kind: str, key: str, make: Make) -> AsyncIterator[Path]:
        """The folder of an entry, made by `make` when it is not there; it stays while the context is open.

        `make` gets a workspace and an empty folder in it to fill.
        """
        entry = self._entry(kind, key)
        with self._lock_file(kind, key) as lock:
            await _acquire(lock, fcntl.LOCK_SH)
            while not entry.is_dir():
                await _acquire(lock, fcntl.LOCK_EX)
                if not entry.is_dir():
                    await self._make(entry, make)
                await _acquire(lock, fcntl.LOCK_SH)  # not in one step with the above, so the loop looks again
            with self._deletion_explained(entry):
                os.utime(entry)
                yield entry

    async def _make(self, entry: Path, make: Make) -> None:
        async with self.workspace() as workspace:
            folder = workspace.path / "entry"
            with self._deletion_explained(workspace.path), full_disk_explained(self.root):
                folder.mkdir()
                await make(workspace, folder)
                await asyncio.to_thread(flush, folder)
                entry.parent.mkdir(mode=_HIDDEN, parents=True, exist_ok=True)
                try:
                    folder.rename(entry)
                except OSError as exc:
                    # Locks were deleted with the cache, so that somebody else could make it too.
                    if exc.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                        raise
                fsync(entry.parent)

    @contextmanager
    def _deletion_explained(self, needed: Path) -> Iterator[None]:
        """Turn what fails because somebody deleted the cache under us into an error that says so."""
        try:
            yield
        except (OSError, SkerryError) as exc:
            if needed.exists():
                raise
            raise Unavailable(
                f"the image cache {self.root} was deleted while it was in use; nothing half-made is kept",
                hint="run the build again",
            ) from exc

    @asynccontextmanager
    async def workspace(self) -> AsyncIterator[Workspace]:
        """A new empty folder on the cache's file system, gone afterwards."""
        name = secrets.token_hex(8)
        path = self._tmp / name
        with full_disk_explained(self.root):
            self._tmp.mkdir(mode=_HIDDEN, parents=True, exist_ok=True)
            lock = _open_locked(path.with_suffix(".lock"))
        try:
            with full_disk_explained(self.root):
                await self._spread(self._tmp)
                path.mkdir()
                scratch = await self._make_scratch(path)
            yield Workspace(path, scratch, lock)
        finally:
            if self._removals is None:
                await self._give_up(path, lock)
            else:
                self._removals.append(asyncio.create_task(self._give_up(path, lock)))

    async def _spread(self, folder: Path) -> None:
        """Let each folder made in this one begin in a part of the disk of its own (T of chattr(1), of ext4).

        ext4 looks at all inodes freed in the last minutes before it takes one (`recently_deleted`, ialloc.c): ten
        thousand files take ten seconds where as many were just removed, and less than one elsewhere.
        """
        with contextlib.suppress(Unavailable):  # no such program: then it is slower
            await self._commands.run(["chattr", "-f", "+T", folder], ok=range(256), timeout=60)

    async def _make_scratch(self, workspace: Path) -> Path:
        folder = scratch_of(workspace, os.geteuid())
        folder.mkdir(mode=0o711, exist_ok=folder == workspace)
        folder.chmod(0o711)  # whatever the umask: users of a namespace must get through
        if folder == workspace:
            return folder
        await self._spread(folder)
        scratch = folder / workspace.name
        scratch.mkdir(mode=0o711)
        scratch.chmod(0o711)
        return scratch

    @asynccontextmanager
    async def removing_beside(self) -> AsyncIterator[None]:
        """Let the next steps begin while the workspaces of the last are removed; at the end all of them are gone.

        A root has some ten thousand files, which a disk that is busy needs seconds to forget.
        """
        removals: list[asyncio.Task[None]] = []
        self._removals = removals
        try:
            yield
        finally:
            self._removals = None
            await asyncio.gather(*removals)

    async def _give_up(self, path: Path, lock: int) -> None:
        try:
            await self._remove(path)
        finally:
            os.close(lock)

    async def _remove(self, path: Path) -> None:
        """Remove a workspace, its scratch folder, and last its lock."""
        for folder in {path, scratch_of(path, os.geteuid())}:
            # What is mounted below belongs to somebody else, such as /proc to the kernel: it is never deleted.
            for mounted in mounts_below(folder):
                await self._commands.run(["umount", "--lazy", mounted], timeout=60)
            # A program of its own leaves this one free; what it must leave (1) is for the next two.
            await self._commands.run(["rm", "-rf", "--one-file-system", folder], ok=(0, 1), timeout=300)
            try:
                await asyncio.to_thread(remove_tree, folder)
            except PermissionError:
                await self._remove_protected(folder)
        path.with_suffix(".lock").unlink(missing_ok=True)

    async def _remove_protected(self, folder: Path) -> None:
        if os.geteuid() == 0:
            # What a script made immutable, or fit only to be added to.
            await self._commands.run(["chattr", "-R", "-f", "-i", "-a", folder], ok=range(256), timeout=300)
            await asyncio.to_thread(remove_tree, folder)
            return
        # What a build without root left: files of the users of its namespace, who must remove them.
        enter = ("unshare", "--user", "--map-auto", "--map-root-user")
        await self._commands.run([*enter, "rm", "-rf", "--one-file-system", folder], timeout=300)

    async def _remove_if_abandoned(self, lock_path: Path) -> None:
        try:
            lock = os.open(lock_path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            if _try(lock, fcntl.LOCK_EX):
                await self._remove(lock_path.with_suffix(""))
        finally:
            os.close(lock)

    async def trim(self, *, limit: int | None = None, unused_since: float | None = None) -> int:
        """Delete entries until the cache is within its limit, longest unused first; returns the bytes won.

        What a build uses now stays, and so does what was used after `unused_since` (seconds since 1970).
        """
        sized = await asyncio.to_thread(self._sized)
        excess = sum(size for _, size, _ in sized) - (self.limit if limit is None else limit)
        won = 0
        for used, size, entry in sorted(sized):
            if won >= excess or (unused_since is not None and used > unused_since):
                break
            with self._lock_file(*entry.name.rsplit("-", 1)) as lock:
                if _try(lock, fcntl.LOCK_EX):
                    await self._discard(entry)
                    won += size
        return won

    async def forget(self, kind: str, key: str) -> None:
        """Delete an entry that nobody uses now."""
        with self._lock_file(kind, key) as lock:
            if _try(lock, fcntl.LOCK_EX):
                await self._discard(self._entry(kind, key))

    def _sized(self) -> list[tuple[float, int, Path]]:
        found: list[tuple[float, int, Path]] = []
        with contextlib.suppress(FileNotFoundError):  # somebody deletes the cache
            found += [(entry.stat().st_mtime, tree_size(entry), entry) for entry in self._entries.iterdir()]
        return found

    async def _discard(self, entry: Path) -> None:
        """Delete at once for everybody: first the name, then the bytes."""
        async with self.workspace() as workspace:
            with contextlib.suppress(FileNotFoundError):
                entry.rename(workspace.path / "discarded")

    def _entry(self, kind: str, key: str) -> Path:
        return self._entries / f"{kind}-{key}"

    @contextmanager
    def _lock_file(self, kind: str, key: str) -> Iterator[int]:
        self._locks.mkdir(mode=_HIDDEN, parents=True, exist_ok=True)
        lock = os.open(self._locks / f"{kind}-{key}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield lock
        finally:
            os.close(lock)


def scratch_of(workspace: Path, user_id: int) -> Path:
    """Where the installer unpacks: elsewhere without root, as users of a namespace cannot pass a private home."""
    if user_id == 0:
        return workspace
    return Path(os.environ.get("TMPDIR") or "/var/tmp") / f"skerry-{user_id}-{workspace.name}"  # noqa: S108


@contextmanager
def full_disk_explained(folder: Path) -> Iterator[None]:
    """Turn a full disk, met by us or by a program, into an error that says what to do."""
    try:
        yield
    except OSError as exc:
        if exc.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise no_space(folder) from exc
        raise
    except CommandFailed as exc:
        if disk_was_full(exc.message):
            raise no_space(folder) from exc
        raise


def disk_was_full(words: str) -> bool:
    """Whether a program's last words tell of a full disk."""
    return _FULL.search(words) is not None


def no_space(folder: Path) -> NoSpace:
    """The error for a disk that filled up while building in `folder`."""
    free = format_size(shutil.disk_usage(folder).free) if folder.exists() else "nothing"
    return NoSpace(
        f"building needs more than the {free} that are free on the disk of {folder}; nothing half-made is kept",
        hint="free some space, or let SKERRY_IMAGE_CACHE name a folder on a larger disk; the cache may be deleted",
    )


def _open_locked(path: Path) -> int:
    """A new lock file, held. One that a clean-up removed before it was locked is made again."""
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists() and os.fstat(lock).st_ino == path.stat().st_ino:
            return lock
        os.close(lock)


def _try(lock: int, how: int) -> bool:
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _acquire(lock: int, how: int) -> None:
    """Wait for a lock in a way that can be cancelled; the kernel tells nobody when it is free."""
    while not _try(lock, how):  # noqa: ASYNC110
        await asyncio.sleep(_LOOK_AGAIN_S)
