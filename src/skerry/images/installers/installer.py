"""What an installer is: it turns a list of packages into a base."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from skerry.commands import Commands
from skerry.images.cache import Workspace
from skerry.images.lock import InstalledPackage, Lock
from skerry.progress import Progress

BASE_TAR = "base.tar"
PACKAGES_JSON = "packages.json"


@dataclass(frozen=True)
class BaseBuild:
    """One base to make."""

    folder: Path  # to be filled with base.tar and packages.json
    workspace: Workspace
    archive: Path  # packages that are kept between builds
    commands: Commands
    progress: Progress
    lock: Lock | None = None
    pool: Path | None = None  # a folder of packages of the lock
    tree: Path | None = None  # where the base may be left unpacked too, for the step that follows at once


class Installer(Protocol):
    """Installs the packages of one recipe."""

    @property
    def title(self) -> str:
        """What it does, while it does it."""
        ...

    @property
    def inputs(self) -> Mapping[str, object]:
        """All that decides about the base beside the lock, for the step's key; with the format's own number."""
        ...

    async def install(self, build: BaseBuild) -> int:
        """Fill the folder; returns the time that the build claims, in seconds since 1970.

        Raises:
            BadRecipe: the packages cannot be installed.
            LockBroken: the packages of the lock cannot be had.
            NoSpace, CommandFailed, TimedOut, Unavailable: as they say.
        """
        ...


def write_packages(folder: Path, packages: Sequence[InstalledPackage]) -> None:
    """Write packages.json."""
    text = json.dumps([asdict(each) for each in sorted(packages)], indent=1)
    (folder / PACKAGES_JSON).write_text(text + "\n")


def read_packages(folder: Path) -> list[InstalledPackage]:
    """The packages of a base."""
    return [InstalledPackage(**each) for each in json.loads((folder / PACKAGES_JSON).read_text())]
