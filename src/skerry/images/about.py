"""What is inside a root, for people and programs: the manifests that go with every output."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from skerry.commands import Commands
from skerry.images.cache import Workspace
from skerry.images.manifest import describe
from skerry.images.words import Meaning
from skerry.progress import Progress

FORMAT = describe.FORMAT  # of the manifests; part of the step's key


@dataclass(frozen=True)
class AboutBuild:
    """A root to describe."""

    meaning: Meaning
    root_tar: Path
    packages: Path  # packages.json of the base
    workspace: Workspace
    commands: Commands
    epoch: int
    progress: Progress
    name: str


async def write_about(build: AboutBuild, folder: Path) -> None:
    """Fill the folder with the manifests."""
    await describe.describe_root(build.root_tar, build.packages, folder, name=build.name, epoch=build.epoch)
