"""The difference between two images, from their manifests: packages, licences, files, sizes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from skerry.images.manifest.files import FileRecord
from skerry.images.manifest.reading import About, PackageFacts


@dataclass(frozen=True)
class PackageChange:
    """A package that only one image has (the other version is empty), or both in different versions."""

    name: str
    architecture: str
    old: str
    new: str
    size: int  # bytes on disk more, or fewer


@dataclass(frozen=True)
class LicenseChange:
    """A package that tells of other licences than before."""

    package: str
    old: str
    new: str


@dataclass(frozen=True)
class FileChange:
    """A name that only one image has, or that is something else in the other."""

    path: str
    what: tuple[str, ...]  # "added", "removed", or what changed: kind, content, target, mode, owner
    size: int  # bytes more, or fewer


@dataclass(frozen=True)
class Difference:
    """Everything that two images differ in."""

    packages: tuple[PackageChange, ...]
    licenses_added: tuple[str, ...]  # that no package of the first image names
    licenses_removed: tuple[str, ...]
    licenses: tuple[LicenseChange, ...]
    files: tuple[FileChange, ...]
    size: int  # bytes on disk more, or fewer

    def __bool__(self) -> bool:
        return bool(self.packages or self.licenses or self.files)

    def as_json(self) -> dict[str, Any]:
        """The difference for programs."""
        return asdict(self)


def compare(old: About, new: About) -> Difference:
    """What is different in the new image.

    Raises:
        BadImage: a list of files cannot be read.
    """
    before, after = _licenses(old.packages), _licenses(new.packages)
    return Difference(
        packages=tuple(_packages(old.packages, new.packages)),
        licenses_added=tuple(sorted(after - before)),
        licenses_removed=tuple(sorted(before - after)),
        licenses=tuple(_license_changes(old.packages, new.packages)),
        files=tuple(_files(old.records(), new.records())),
        size=new.total - old.total,
    )


def _packages(old: Iterable[PackageFacts], new: Iterable[PackageFacts]) -> Iterable[PackageChange]:
    """One line a package; of those with several versions at once, the versions that come and go."""
    before, after = _by_name(old), _by_name(new)
    for key in sorted(before.keys() | after.keys()):
        was, now = before.get(key, {}), after.get(key, {})
        gone, came = sorted(was.keys() - now.keys()), sorted(now.keys() - was.keys())
        size = sum(now.values()) - sum(was.values())
        if gone or came:
            yield PackageChange(*key, ", ".join(gone), ", ".join(came), size)
        elif size:
            yield PackageChange(*key, ", ".join(sorted(was)), ", ".join(sorted(now)), size)


def _by_name(packages: Iterable[PackageFacts]) -> Mapping[tuple[str, str], dict[str, int]]:
    found: dict[tuple[str, str], dict[str, int]] = {}
    for each in packages:
        found.setdefault((each.name, each.architecture), {})[each.version] = each.size
    return found


def _licenses(packages: Iterable[PackageFacts]) -> set[str]:
    """The licences in all expressions, one by one."""
    return {
        name.strip("() ")
        for each in packages
        if each.license != "NOASSERTION"
        for name in re.split(r"\s+(?:AND|OR)\s+", each.license)
    }


def _license_changes(old: Iterable[PackageFacts], new: Iterable[PackageFacts]) -> Iterable[LicenseChange]:
    before = {(each.name, each.architecture): each.license for each in old}
    for each in new:
        was = before.get((each.name, each.architecture))
        if was is not None and was != each.license:
            yield LicenseChange(each.name, was, each.license)


def _files(old: Iterable[FileRecord], new: Iterable[FileRecord]) -> Iterable[FileChange]:
    before = {each.path: each for each in old}
    after = {each.path: each for each in new}
    for path in sorted(before.keys() | after.keys()):
        was, now = before.get(path), after.get(path)
        if was is None and now is not None:
            yield FileChange(path, ("added",), now.size)
        elif now is None and was is not None:
            yield FileChange(path, ("removed",), -was.size)
        elif was is not None and now is not None and (what := _changed(was, now)):
            yield FileChange(path, what, now.size - was.size)


def _changed(was: FileRecord, now: FileRecord) -> tuple[str, ...]:
    found = {
        "kind": was.kind != now.kind,
        "target" if now.kind == "link" else "content": was.content != now.content,
        "mode": was.mode != now.mode,
        "owner": (was.owner, was.group) != (now.owner, now.group),
    }
    return tuple(name for name, differs in found.items() if differs)
