"""Makes the lock of a recipe.

Debian and Ubuntu tell what they would install; of the RPM family the base is made (and kept), because only the
packages themselves have all that a lock holds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from skerry.commands import Commands
from skerry.errors import CommandFailed, NotFound, SkerryError, Unavailable
from skerry.images.build import Order, begin
from skerry.images.builder import Builder, read_facts
from skerry.images.cache import Workspace
from skerry.images.installers.deb import DebInstaller, deb_archive, explain
from skerry.images.installers.deb_pins import preferences
from skerry.images.installers.deb_resolve import Wanted, resolve, wanted_packages
from skerry.images.installers.epoch import release_date
from skerry.images.installers.installer import read_packages
from skerry.images.installers.rpm import RpmInstaller
from skerry.images.lock import BadLock, Lock, LockedPackage, changes
from skerry.images.lock_file import lock_path, lock_text, read_lock
from skerry.images.outputs.filesystems.registry import WRITERS
from skerry.images.outputs.registry import OUTPUTS
from skerry.images.package_files import fill_pool
from skerry.images.placing import check_folder, place_text
from skerry.images.plan import Plan, wanted_of
from skerry.images.settings import BuildSettings
from skerry.images.tools import TOOLS_SOURCE, tools_packages
from skerry.progress import Progress


@dataclass(frozen=True)
class Locked:
    """A lock that was made, or that was there."""

    file: Path
    lock: Lock
    changes: tuple[str, ...]  # against the lock that was there before
    pool: Path | None
    fetched: int  # packages that the pool did not have


async def lock_recipe(
    order: Order,
    file: Path | None,
    pool: Path | None,
    *,
    keep: bool = False,
    settings: BuildSettings,
    progress: Progress,
    commands: Commands,
) -> Locked:
    """Write the lock of an order's recipe, beside it or in `file`, and fill the pool if one is given.

    With `keep`, the lock that is there stays.

    Raises:
        BadRecipe, BadLock, NotFound: the recipe or the lock is wrong.
        LockBroken: packages of the lock can no longer be had for the pool.
        Unavailable, CommandFailed, NoSpace, TimedOut: as they say.
    """
    file = file or lock_path(order.recipe)
    if not keep:
        check_folder(file.absolute().parent)
    order = replace(order, outputs=(), lock=file if keep else None)
    planned, builder = await begin(order, settings, commands, progress)
    lock = planned.lock or await _resolve(planned, builder, commands, progress)
    changed: tuple[str, ...] = ()
    if not keep:
        changed = _changes(file, lock)
        place_text(file, lock_text(lock, order.recipe.name))
    fetched = 0
    if pool is not None:
        progress.step(f"Filling {pool}")
        fetched = await _fill(lock, pool, planned, builder, commands, progress)
    return Locked(file, lock, changed, pool, fetched)


def _changes(file: Path, lock: Lock) -> tuple[str, ...]:
    """Against the lock that is there; one that cannot be read, such as after a merge, tells nothing."""
    try:
        return tuple(changes(read_lock(file), lock))
    except (NotFound, BadLock):
        return ()


async def _resolve(planned: Plan, builder: Builder, commands: Commands, progress: Progress) -> Lock:
    meaning, installer = planned.meaning, planned.installer
    progress.step(f"Resolving {meaning.source}")
    async with builder.cache.workspace() as workspace:
        tools = await _tools(planned, workspace, commands)
    if not isinstance(installer, DebInstaller):
        async with builder.base() as base:
            packages = tuple(
                LockedPackage(each.name, each.version, each.architecture, each.sha256)
                for each in read_packages(base)
            )
            epoch = read_facts(base)["epoch"]
        _check_hashes(packages)
        return Lock(epoch, packages, str(meaning.source), wanted_of(meaning), (), tools)
    wanted = wanted_packages(
        meaning.packages, meaning.source.suite, preferences(meaning.packages, meaning.repositories)
    )
    async with builder.cache.workspace() as workspace:
        epoch = await release_date(meaning.source, installer.deb_lines, workspace, commands)
        try:
            packages, sources = await resolve(wanted, installer.deb_lines, workspace, commands)
        except CommandFailed as exc:
            raise explain(exc, meaning, workspace.scratch.parent) from exc
    return Lock(epoch, packages, str(meaning.source), wanted_of(meaning), sources, tools)


def _check_hashes(packages: tuple[LockedPackage, ...]) -> None:
    if without := [each.name for each in packages if not each.sha256]:
        raise Unavailable(f"the file of {', '.join(without[:12])} is not there any more, so it cannot be locked")


async def _tools(planned: Plan, workspace: Workspace, commands: Commands) -> tuple[LockedPackage, ...]:
    """The tools of all outputs, so that a lock is good for each of them."""
    more = {tool for output in OUTPUTS.values() for tool in output.tools}
    more |= {tool for writer in WRITERS.values() for tool in writer.tools}
    wanted = Wanted(TOOLS_SOURCE.suite, tools_packages(tuple(more)), recommends=False)
    packages, _ = await resolve(wanted, planned.facts.tools_lines, workspace, commands)
    return packages


def _rpm_folders(planned: Plan, kept: Path) -> list[Path]:
    """Where packages are: kept by earlier builds, or in repositories on this machine."""
    folders = [kept / "rpm"]
    if isinstance(planned.installer, RpmInstaller):
        folders += [each.folder for each in planned.installer.repositories if each.folder]
    return sorted({path.parent for folder in folders for path in folder.rglob("*.rpm")})


async def _fill(
    lock: Lock, pool: Path, planned: Plan, builder: Builder, commands: Commands, progress: Progress
) -> int:
    kept = builder.cache.root / "packages"
    archives = [deb_archive(kept, TOOLS_SOURCE)]
    lines = planned.facts.tools_lines
    if isinstance(planned.installer, DebInstaller):
        archives.append(deb_archive(kept, planned.meaning.source))
        lines = tuple(dict.fromkeys([*planned.installer.mirror_lines, *lines]))
    else:
        async with builder.base():  # which fetches what is not kept yet
            archives += _rpm_folders(planned, kept)
    try:
        _, fetched = await fill_pool(lock, pool, archives, lines, commands, progress)
    except OSError as exc:
        raise SkerryError(f"the pool {pool} cannot be written: {exc.strerror}") from exc
    return fetched
