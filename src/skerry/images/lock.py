"""A lock: the very packages of an image, so that the same recipe gives the same bytes on another day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from skerry.errors import SkerryError


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


@dataclass(frozen=True)
class Lock:
    """The packages of a base and the time that its build claims."""

    epoch: int  # seconds since 1970
    packages: tuple[InstalledPackage, ...]


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
