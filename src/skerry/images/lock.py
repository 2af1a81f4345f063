"""A lock: the very packages of an image, so that the same recipe gives the same bytes on another day.

It holds the packages of the image and those of the tools that write it, each with version and hash, the time that
the build claims, and what the image's own package sources say. How it looks on the disk is in `lock_file`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from skerry.errors import BadInput, SkerryError
from skerry.images.cache import key_of


class BadLock(BadInput):
    """A lock file cannot be read, or is of another recipe."""

    code = "bad-lock"


class LockBroken(SkerryError):
    """What was installed, or can be had now, is not what the lock says."""

    code, http_status = "lock-broken", 409


@dataclass(frozen=True, order=True)
class InstalledPackage:
    """A package that is in a base."""

    name: str
    version: str
    architecture: str
    sha256: str = ""  # of the package's file; empty where it is not known


@dataclass(frozen=True, order=True)
class LockedPackage(InstalledPackage):
    """A package that must be in a base, and where it was found; the hash is always known."""

    url: str = ""
    priority: str = ""  # as the archive says, where it decides what is installed

    @property
    def deb_name(self) -> str:
        """How apt calls its file."""
        return f"{self.name}_{self.version.replace(':', '%3a')}_{self.architecture}.deb"

    @property
    def rpm_name(self) -> str:
        """How repositories call its file: without the epoch."""
        return f"{self.name}-{self.version.rpartition(':')[2]}.{self.architecture}.rpm"


@dataclass(frozen=True)
class Lock:
    """The packages of a base and the time that its build claims."""

    epoch: int  # seconds since 1970
    packages: tuple[LockedPackage, ...]
    source: str = ""  # as the recipe names it
    wanted: str = ""  # a hash of what the recipe asked for when the lock was made
    sources: tuple[str, ...] = ()  # the lines of apt's sources that the image keeps
    tools: tuple[LockedPackage, ...] = ()

    @property
    def key(self) -> str:
        """A hash of what decides about a base; where packages were found does not."""
        return key_of(self.epoch, self.sources, _identities(self.packages))

    @property
    def tools_key(self) -> str:
        """A hash of the tools."""
        return key_of(_identities(self.tools))


def _identities(packages: Iterable[LockedPackage]) -> list[tuple[str, str, str, str]]:
    return [(each.name, each.version, each.architecture, each.sha256) for each in sorted(packages)]


def differences(lock: Lock, installed: Sequence[InstalledPackage]) -> list[str]:
    """How what was installed differs from the lock, one line each."""
    wanted = {(each.name, each.architecture): each for each in lock.packages}
    there = {(each.name, each.architecture): each for each in installed}
    lines = []
    for name in sorted(wanted.keys() | there.keys()):
        one, other = wanted.get(name), there.get(name)
        if one is None or other is None:
            lines.append(f"{name[0]}: {'not in the lock' if one is None else 'missing'}")
        elif one.version != other.version:
            lines.append(f"{name[0]}: {other.version} instead of {one.version}")
        elif one.sha256 and other.sha256 and one.sha256 != other.sha256:
            lines.append(f"{name[0]} {one.version}: its file is another one")
    return lines


def changes(old: Lock, new: Lock) -> list[str]:
    """What a new lock has that the old one did not, one line each, as a person reads it."""
    lines = []
    for title, before, after in (("", old.packages, new.packages), ("tool ", old.tools, new.tools)):
        first = {(each.name, each.architecture): each.version for each in before}
        then = {(each.name, each.architecture): each.version for each in after}
        for name in sorted(first.keys() | then.keys()):
            one, other = first.get(name), then.get(name)
            if one == other:
                continue
            what = f"new, {other}" if one is None else "gone" if other is None else f"{one} → {other}"
            lines.append(f"{title}{name[0]}: {what}")
    return lines
