"""The files of locked packages: from a pool, from what the cache keeps, or from a mirror, always by their hash.

A pool is a folder of packages that a person keeps beside a lock (`skerry image lock --download POOL`), for the day
when the mirror has moved on. Files appear in it whole and verified; what a fetch that was cut off left is in the
folder .partial, and the next one goes on from there.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from skerry.commands import Arg, Commands
from skerry.errors import CommandFailed, NotFound
from skerry.images.cache import Workspace, full_disk_explained
from skerry.images.folders import fsync
from skerry.images.lock import Lock, LockBroken, LockedPackage
from skerry.images.sums import sha256_of
from skerry.progress import Progress

PARTIAL = ".partial"
TIMEOUT_S = 3600.0
_HELPER = "/usr/lib/apt/apt-helper"  # fetches as apt would: its proxies, its certificates, its resuming
_OPTIONS = ("-oAcquire::Retries=2", "-oAcquire::http::Timeout=30", "-oAPT::Sandbox::User=")
_SOURCE = re.compile(r"deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)")
_SHOWN = 12  # packages that an error names


def find_files(
    packages: Iterable[LockedPackage], folders: Sequence[Path], name_of: Callable[[LockedPackage], str]
) -> dict[LockedPackage, Path]:
    """Where the files of packages are, in the first folder that has them with the right hash."""
    found = {}
    for package in packages:
        for folder in folders:
            file = folder / name_of(package)
            with contextlib.suppress(FileNotFoundError):  # another build may trim just now
                if sha256_of(file) == package.sha256:
                    found[package] = file
                    break
    return found


def addresses(url: str, old: Sequence[str], new: Sequence[str]) -> list[str]:
    """Where a package may be now: below this machine's mirrors of the suite that it came from, then as before.

    `old` and `new` are apt's lines of the lock and of this machine.
    """
    if not url:
        return []
    sources = [(match[1].rstrip("/"), match[2]) for match in map(_SOURCE.match, old) if match]
    base = max((each for each, _ in sources if url.startswith(f"{each}/")), key=len, default="")
    suites = {suite for each, suite in sources if each == base}
    found = [
        match[1].rstrip("/") + url[len(base) :]
        for match in map(_SOURCE.match, new)
        if base and match and match[2] in suites
    ]
    return list(dict.fromkeys([*found, url]))


async def fetch_debs(
    packages: Sequence[LockedPackage],
    folder: Path,
    sources: tuple[Sequence[str], Sequence[str]],
    commands: Commands,
    *,
    partial: Path | None = None,
    pass_fds: Sequence[int] = (),
) -> list[LockedPackage]:
    """Fetch packages into a folder; `sources` are apt's lines of the lock and of this machine.

    What is not whole yet is in `partial`, on the same file system, or else in a folder that the next fetch goes
    on with. Returns the packages that are nowhere any more.

    Raises:
        NoSpace, TimedOut: as they say.
    """
    partial = partial or folder / PARTIAL
    await asyncio.to_thread(partial.mkdir, parents=True, exist_ok=True)
    places = {each: addresses(each.url, *sources) for each in packages}
    missing = list(packages)
    for turn in range(max(map(len, places.values()), default=0)):
        wanted = [(each, places[each][turn]) for each in missing if turn < len(places[each])]
        if wanted:
            with full_disk_explained(folder):
                await _fetch(wanted, partial, commands, pass_fds)
            missing = await asyncio.to_thread(_take_over, missing, partial, folder)
    with contextlib.suppress(OSError):  # something may be left to go on with
        await asyncio.to_thread(partial.rmdir)
    return missing


async def _fetch(
    wanted: Sequence[tuple[LockedPackage, str]], partial: Path, commands: Commands, pass_fds: Sequence[int]
) -> None:
    words: list[Arg] = []
    for package, url in wanted:
        # A file: address would be used in its place, and not copied.
        words += [re.sub("^file:", "copy:", url), partial / package.deb_name, f"SHA256:{package.sha256}"]
    with contextlib.suppress(CommandFailed):  # what did not come is seen by its file
        await commands.run(
            [_HELPER, *_OPTIONS, "download-file", *words], cwd=partial, timeout=TIMEOUT_S, pass_fds=pass_fds
        )


def _take_over(missing: Sequence[LockedPackage], partial: Path, folder: Path) -> list[LockedPackage]:
    came = find_files(missing, [partial], lambda package: package.deb_name)
    for package, file in came.items():
        fsync(file)
        file.chmod(0o644)
        file.rename(folder / package.deb_name)
    return [package for package in missing if package not in came]


@dataclass(frozen=True)
class Stock:
    """Where the files of a lock's packages may be."""

    lock: Lock
    archive: Path  # of the cache; gets what was fetched
    pool: Path | None
    lines: tuple[str, ...]  # of apt's sources, as this machine has them

    async def gather(
        self, packages: Sequence[LockedPackage], workspace: Workspace, commands: Commands
    ) -> dict[LockedPackage, Path]:
        """The files of packages, all of them checked.

        Raises:
            LockBroken: a package can no longer be had; it is named.
            NotFound: there is no such pool.
            NoSpace, TimedOut: as they say.
        """
        if self.pool is not None and not self.pool.is_dir():
            raise NotFound(
                f"there is no pool {self.pool}", hint="`skerry image lock RECIPE --download POOL` makes one"
            )
        folders = [each for each in (self.pool, self.archive) if each is not None]
        found = await asyncio.to_thread(find_files, packages, folders, _deb_name)
        if missing := [each for each in packages if each not in found]:
            await asyncio.to_thread(self.archive.mkdir, parents=True, exist_ok=True)
            gone = await fetch_debs(
                missing,
                self.archive,
                (self.lock.sources, self.lines),
                commands,
                partial=workspace.path / "fetched",
                pass_fds=[workspace.lock],
            )
            if gone:
                raise moved_on(gone)
            found |= {each: self.archive / each.deb_name for each in missing}
        for file in found.values():
            with contextlib.suppress(OSError):  # the pool may be read-only
                os.utime(file)
        return found


def _deb_name(package: LockedPackage) -> str:
    return package.deb_name


def moved_on(gone: Sequence[LockedPackage]) -> LockBroken:
    """The error for packages that a lock names and nobody has any more."""
    named = ", ".join(f"{each.name} {each.version}" for each in gone[:_SHOWN])
    more = f" and {len(gone) - _SHOWN} more" if len(gone) > _SHOWN else ""
    return LockBroken(
        f"the mirror has moved on: it no longer has {named}{more} of the lock",
        hint="give a folder that has them with --pool (`skerry image lock --download POOL` fills one in time), "
        "or make a new lock with `skerry image lock`",
    )


async def fill_pool(
    lock: Lock,
    pool: Path,
    archives: Sequence[Path],
    lines: Sequence[str],
    commands: Commands,
    progress: Progress,
) -> tuple[int, int]:
    """Put the files of all packages of a lock into a pool; returns how many are there, and how many are new.

    It can be cut off at any moment and begun again: what is in the pool is whole, and what is there is kept.

    Raises:
        LockBroken: packages can no longer be had; the others are in the pool.
        NoSpace, TimedOut: as they say.
    """
    pool = pool.absolute()  # apt works in a folder of its own
    pool.mkdir(parents=True, exist_ok=True)
    packages = list(dict.fromkeys([*lock.packages, *lock.tools]))
    rpms = {each for each in lock.packages if not lock.source.startswith(("debian:", "ubuntu:"))}

    def name_of(package: LockedPackage) -> str:
        return package.rpm_name if package in rpms else package.deb_name

    there = await asyncio.to_thread(find_files, packages, [pool], name_of)
    wanted = [each for each in packages if each not in there]
    kept = await asyncio.to_thread(find_files, wanted, archives, name_of)
    for number, (package, file) in enumerate(kept.items()):
        progress.update(0.5 * number / len(kept), package.name)
        with full_disk_explained(pool):
            await asyncio.to_thread(_copy, file, pool / name_of(package))
    rest = [each for each in wanted if each not in kept]
    progress.update(0.5, f"{len(rest)} from the mirror" if rest else "")
    gone = [each for each in rest if each in rpms]
    gone += await fetch_debs([each for each in rest if each not in rpms], pool, (lock.sources, lines), commands)
    if gone:
        raise moved_on(gone)
    return len(packages), len(wanted)


def _copy(source: Path, target: Path) -> None:
    part = target.parent / PARTIAL / target.name
    part.parent.mkdir(exist_ok=True)
    shutil.copyfile(source, part)
    fsync(part)
    part.rename(target)
