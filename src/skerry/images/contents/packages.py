"""Packages as both families' databases tell of them, in one form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from skerry.images.contents.tree import Tree

Family = Literal["deb", "rpm"]


@dataclass(frozen=True, eq=False)
class Package:
    """One installed package; each is only equal to itself."""

    family: Family
    name: str
    version: str  # of a deb as dpkg writes it; of an RPM without release and epoch
    architecture: str
    release: str = ""  # of an RPM
    epoch: str = ""  # of an RPM that has one
    source: str = ""  # the file name of the source package
    license: str = ""  # as the package itself says it; a deb says it in its copyright file
    signature: str = "(none)"
    summary: str = ""
    vendor: str = ""  # who made the package
    homepage: str = ""
    files: tuple[str, ...] = ()  # paths in the tree, without links on the way
    requires: tuple[tuple[str, ...], ...] = ()  # each by names of which one must be there
    provides: tuple[str, ...] = ()

    @property
    def full_version(self) -> str:
        """Version, and release where the family has one."""
        return f"{self.version}-{self.release}" if self.release else self.version

    @property
    def full_name(self) -> str:
        """Name, version, release and architecture in one word, as manifests name it."""
        return f"{self.name}-{self.full_version}.{self.architecture}"


@dataclass(frozen=True)
class Installed:
    """All packages of a root, by family and name."""

    packages: tuple[Package, ...] = ()
    _owners: dict[str, list[Package]] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        for package in self.packages:
            for path in package.files:
                self._owners.setdefault(path, []).append(package)

    def __iter__(self) -> Iterator[Package]:
        return iter(self.packages)

    def owners(self, path: str) -> list[Package]:
        """The packages that a path belongs to; folders have many."""
        return self._owners.get(path, [])


def in_tree(tree: Tree, paths: Iterable[str]) -> tuple[str, ...]:
    """The paths of a database as those of a tree: without links on the way, and without what is not there.

    A database may say /lib/x where /lib is a link to /usr/lib.
    """
    folders: dict[str, str | None] = {}
    found = []
    for path in paths:
        plain = path.strip("/")
        folder, slash, name = plain.rpartition("/")
        if folder not in folders:
            folders[folder] = tree.resolve(folder)
        real = folders[folder]
        here = None if real is None else f"{real}/{name}" if slash and real else name
        if here and here in tree:
            found.append(here)
    return tuple(found)


def dependents(installed: Installed) -> Mapping[str, list[tuple[Package, str]]]:
    """Who needs each package, by its full name, and by which word; a need that others meet too names nobody."""
    providers: dict[str, list[Package]] = {}
    for package in installed:
        for word in {package.name, *package.provides}:
            providers.setdefault(word, []).append(package)
    found: dict[str, list[tuple[Package, str]]] = {}
    for package in installed:
        for words in package.requires:
            met = {
                each.full_name
                for word in words
                for each in (*providers.get(word, ()), *_file_owners(installed, word))
            }
            if len(met) == 1 and (one := met.pop()) != package.full_name:
                found.setdefault(one, []).append((package, " | ".join(words)))
    return found


def _file_owners(installed: Installed, word: str) -> list[Package]:
    return installed.owners(word[1:]) if word.startswith("/") else []
