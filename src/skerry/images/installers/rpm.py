"""Bases of the RPM family, such as Fedora and CentOS Stream, by dnf.

First everything is fetched and its signatures are checked; then it is installed without a network, so that no
scriptlet can reach one. Metadata and packages are kept for the next build, by links both ways. rpm's database and
the files that decide about later updates are put as the image will want them.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from skerry.errors import CommandFailed, NotFound, Unavailable
from skerry.images.cache import key_of
from skerry.images.comps import Comps, read_comps
from skerry.images.installers import rpm_database
from skerry.images.installers.dnf import (
    Place,
    configuration,
    contained_argv,
    dnf_argv,
    needs_comps,
    offline_environment,
    rpm_macros,
    specs,
)
from skerry.images.installers.dnf_output import Follow, explain
from skerry.images.installers.installer import BASE_TAR, BaseBuild, write_packages
from skerry.images.installers.rpm_archive import copy_whole, epoch_of, keep, link_or_copy, link_tree
from skerry.images.installers.rpm_database import Listed
from skerry.images.installers.rpm_root import DNF_4, KEYS, LEFT_BEHIND, forget_when, inside, is_address, remembered
from skerry.images.lock import InstalledPackage, Lock, LockBroken, LockedPackage, differences
from skerry.images.package_files import find_files, moved_on
from skerry.images.recipe import Packages
from skerry.images.repositories import RpmRepository, check_repository
from skerry.images.sandbox import bubblewrap_argv, whole_end
from skerry.images.session import Session, namespace_argv, open_session
from skerry.images.sums import sha256_of

FORMAT = 1  # of what is done here; part of the step's key
TIMEOUT_S = 3600.0


@dataclass(frozen=True)
class RpmInstaller:
    """Installs the packages of a recipe from these repositories."""

    source: str  # as the recipe names it
    release: str  # what $releasever stands for; "" for a repository by address
    packages: Packages
    repositories: tuple[RpmRepository, ...]
    program: str  # dnf's version
    kept: tuple[RpmRepository, ...] = ()  # repositories that the image itself uses too

    @property
    def title(self) -> str:
        """What it does."""
        return f"Installing {self.source}"

    @property
    def inputs(self) -> Mapping[str, object]:
        """All that decides about the result beside a lock, for the step's key."""
        return {
            "format": FORMAT,
            "source": self.source,
            "mirrors": [each.inputs for each in self.repositories],
            "packages": vars(self.packages),
            "kept": [each.name for each in self.kept],
            "program": self.program,
        }

    async def install(self, build: BaseBuild) -> int:
        """Install a base; see `Installer.install`.

        Raises:
            BadSignature: a package is not signed by a trusted key.
        """
        for repository in self.repositories:
            check_repository(repository)
            if repository.folder and not repository.folder.is_dir():
                raise NotFound(
                    f"there is no repository {repository.folder}", hint="`createrepo_c FOLDER` makes one"
                )
        async with open_session(build.workspace, build.commands, None) as session:
            return await _Installation(self, build, session).run()


class _Installation:
    """One run of an installer."""

    def __init__(self, installer: RpmInstaller, build: BaseBuild, session: Session) -> None:
        self._installer = installer
        self._build = build
        self._session = session
        self._place = Place(session.root.resolve(), build.workspace.path.resolve() / "dnf")
        self._follow = Follow(build.progress)

    async def run(self) -> int:
        """Do all of it; returns the epoch."""
        build = self._build
        await asyncio.to_thread(self._prepare)
        keys = sorted((self._place.work / "keys").iterdir())
        await rpm_database.import_keys(self._session, keys)
        try:
            epoch = await (self._install() if build.lock is None else self._install_locked(build.lock))
        finally:
            await asyncio.to_thread(self._keep)
        listed = await rpm_database.installed_packages(self._session)
        installed = await asyncio.to_thread(self._hashed, listed)
        if build.lock and (lines := differences(build.lock, installed)):
            raise LockBroken("what was installed is not what the lock says:\n" + "\n".join(lines))
        await self._finish(epoch)
        build.progress.update(0.95, "packing")
        await self._session.pack(build.folder / BASE_TAR, epoch)
        write_packages(build.folder, installed)
        if build.tree is not None:
            self._session.root.rename(build.tree)
        return epoch

    async def _install(self) -> int:
        """What the recipe asks for, in the newest versions."""
        wanted = specs(self._installer.packages)
        if needs_comps(self._installer.packages):
            wanted += await self._special_groups()
        await self._dnf("install", "--downloadonly", "--", *wanted)
        epoch = epoch_of(self._place.cache)
        await self._dnf("install", "--", *wanted, offline=True, epoch=epoch)
        return epoch

    async def _install_locked(self, lock: Lock) -> int:
        """The very packages of a lock: files of the pool or the archive, else fetched by their whole names."""
        files = await asyncio.to_thread(self._locked_files, lock)
        if missing := [each for each in lock.packages if each not in files]:
            names = [f"{each.name}-{each.version}.{each.architecture}" for each in missing]
            await self._dnf("install", "--downloadonly", "--", *names, *map(str, files.values()))
            files = await asyncio.to_thread(self._locked_files, lock)
        if missing := [each for each in lock.packages if each not in files]:
            raise moved_on(missing)
        self._follow.lines.clear()
        names = sorted(map(str, files.values()))
        await self._dnf("install", "--disablerepo=*", "--", *names, offline=True, epoch=lock.epoch)
        return lock.epoch

    def _locked_files(self, lock: Lock) -> dict[LockedPackage, Path]:
        """Links to the files that are there with the right hash."""
        pool = self._build.pool
        if pool is not None and not pool.is_dir():
            raise NotFound(f"there is no pool {pool}", hint="`skerry image lock RECIPE --download POOL` makes one")
        folders = [*([pool] if pool else []), self._place.cache]
        folders += [each.folder for each in self._installer.repositories if each.folder]
        there = {path.parent for folder in folders for path in folder.rglob("*.rpm")}
        found = find_files(lock.packages, sorted(there), lambda package: package.rpm_name)
        target = self._place.work / "locked"
        target.mkdir(exist_ok=True)
        return {package: link_or_copy(file, target / package.rpm_name) for package, file in found.items()}

    def _prepare(self) -> None:
        place = self._place
        place.cache.mkdir(parents=True)
        (place.work / "keys").mkdir()
        for repository in self._installer.repositories:
            link_tree(self._kept(repository), place.cache)
        repositories = [self._with_own_keys(each) for each in self._installer.repositories]
        packages = self._installer.packages
        if self._build.lock:
            packages = replace(packages, weak_dependencies=False, ignore_missing=False, ignore_broken=False)
        (place.work / "dnf.conf").write_text(configuration(place, packages, repositories))
        (place.work / ".rpmmacros").write_text(rpm_macros(packages))

    def _kept(self, repository: RpmRepository) -> Path:
        """The folder of what was fetched from a repository, whatever recipes call it."""
        return self._build.archive / "rpm" / key_of(repository.address, repository.url)

    def _keep(self) -> None:
        """In the cache of dnf, what belongs to a repository begins with its name."""
        for repository in self._installer.repositories:
            keep(self._place.cache, repository.name, self._kept(repository))

    def _with_own_keys(self, repository: RpmRepository) -> RpmRepository:
        """Key files are copied to where dnf can read them; addresses are dnf's to fetch."""
        keys = []
        for number, key in enumerate(repository.keys):
            if is_address(key):
                keys.append(key)
                continue
            source = Path(key.removeprefix("file://"))
            copy = self._place.work / "keys" / f"{repository.name}-{number}"
            try:
                shutil.copyfile(source, copy)
            except OSError as exc:
                raise Unavailable(
                    f"the key {source} of the repository {repository.name} cannot be read: {exc.strerror}",
                    hint="the package distribution-gpg-keys has those of releases; SKERRY_RPM_KEYS names others",
                ) from exc
            keys.append(copy.as_uri())
        return replace(repository, keys=tuple(keys))

    async def _dnf(
        self,
        *words: str,
        offline: bool = False,
        epoch: int | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        folders = [each.folder for each in self._installer.repositories if each.folder]
        contained = [*bubblewrap_argv(), *contained_argv(self._place, folders, network=not offline)]
        home = self._place.work
        env = {"HOME": str(home)} if epoch is None else offline_environment(epoch, home)
        clean = [] if epoch is None else ["env", "-i", *(f"{name}={value}" for name, value in env.items())]
        argv = dnf_argv(self._place, self._installer.release, *words, offline=offline)
        try:
            async with whole_end() as info_fd:
                await self._build.commands.run(
                    [*namespace_argv(os.geteuid()), *contained, "--info-fd", str(info_fd), "--", *clean, *argv],
                    env=env,
                    cwd=home,
                    timeout=TIMEOUT_S,
                    on_line=on_line or self._follow.line,
                    pass_fds=[self._build.workspace.lock, info_fd],
                )
        except CommandFailed as exc:
            where = self._build.workspace.scratch.parent
            failure = explain(exc, self._follow, self._installer.source, where)
            if self._build.lock and "has no package" in failure.message:
                hint = "the lock names it: --pool gives a folder that has it; `skerry image lock` makes a new lock"
                failure = LockBroken(f"the mirror has moved on: {failure.message}", hint=hint)
            raise failure from exc

    async def _special_groups(self) -> list[str]:
        """The packages of the groups that dnf cannot take as they are asked for, as far as there are any."""
        await self._dnf("--quiet", "group", "list", "--hidden")
        files = [
            *self._place.cache.glob("*/repodata/gen/groups.xml"),
            *self._place.cache.glob("*/repodata/*comps*.xml"),
        ]
        comps = read_comps(file.read_text(errors="replace") for file in files)
        names, groups = special_groups(self._installer.packages, comps)
        answers: list[str] = []
        ask = ("--quiet", "repoquery", "--queryformat", "%{name}", "--", *names)
        await self._dnf(*ask, offline=True, on_line=answers.append)
        found = {line.strip() for line in answers}
        return [*(f"@{group}" for group in groups), *(name for name in names if name in found)]

    def _hashed(self, listed: Sequence[Listed]) -> list[InstalledPackage]:
        """The packages with the hashes of their files; files of this machine's own repositories are kept, too."""
        names = {each.file for each in listed}
        files = {path.name: path for path in (self._place.work / "locked").glob("*.rpm")}
        for repository in self._installer.repositories:
            if repository.folder:
                kept = self._kept(repository) / "packages"
                kept.mkdir(parents=True, exist_ok=True)
                own = [path for path in repository.folder.rglob("*.rpm") if path.name in names - files.keys()]
                files |= {path.name: copy_whole(path, kept / path.name) for path in own}
        fetched = [path for path in self._place.cache.rglob("*.rpm") if path.name in names - files.keys()]
        files |= {path.name: path for path in fetched}
        sums = {name: sha256_of(file) for name, file in files.items()}
        return [replace(each.package, sha256=sums.get(each.file, "")) for each in listed]

    async def _finish(self, epoch: int) -> None:
        """What dnf left, and what the image shall remember."""
        root, packages = self._session.root, self._installer.packages
        self._build.progress.update(0.9, "package database")
        await rpm_database.settle(self._session, epoch)
        for name in LEFT_BEHIND:
            await self._remove(name)
        history = inside(root, "var/lib/dnf")
        if history and not any((root / name).exists() for name in DNF_4):
            await self._remove("var/lib/dnf")  # which only dnf 4 reads
        elif history and (history / "history.sqlite").is_file():
            forget_when(history / "history.sqlite", epoch)
        texts = remembered(packages, self._installer.kept, root)
        if (root / "etc/machine-id").exists():
            texts["etc/machine-id"] = ""  # made at the first boot
        for key in (self._place.work / "keys").iterdir():
            if any(key.name.rpartition("-")[0] == each.name for each in self._installer.kept):
                texts[f"{KEYS}/{key.name}"] = key.read_text()
        for name, text in texts.items():
            await self._write(name, text)

    async def _write(self, name: str, text: str) -> None:
        """Write a file of the root with the rights of its owner; its mode stays."""
        if path := inside(self._session.root, name):
            new = self._build.workspace.path / "new"
            new.write_text(text)
            script = 'mkdir -p "$(dirname "$2")" && cat "$1" >"$2"'
            await self._session.tool("sh", "-c", script, "sh", new, path)

    async def _remove(self, name: str) -> None:
        if path := inside(self._session.root, name):
            await self._session.tool("rm", "-rf", "--one-file-system", path)


def special_groups(packages: Packages, comps: Comps) -> tuple[list[str], list[str]]:
    """Names of packages, and ids of groups, for what dnf has no words for.

    Raises:
        BadInput: there is no such group or environment.
    """
    names: list[str] = []
    for word in packages.mandatory_groups:
        names += comps.group(word)[1].mandatory
    for word in packages.whole_groups:
        group = comps.group(word)[1]
        names += [*group.mandatory, *group.default, *group.optional]
    groups: list[str] = []
    if packages.environment and packages.excluded_groups:
        unwanted = {comps.group(word)[0] for word in packages.excluded_groups}
        groups = [each for each in comps.environment(packages.environment) if each not in unwanted]
    return list(dict.fromkeys(names)), groups
