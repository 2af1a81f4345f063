"""What a build made: for people, for `--json`, and for the next build of the same recipe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from skerry.images.minimize.run import RuleWon


@dataclass(frozen=True)
class BuiltFile:
    """A file in its place."""

    path: Path
    size: int  # bytes
    sha256: str


@dataclass(frozen=True)
class BuiltFolder:
    """A folder in its place."""

    path: Path
    size: int  # bytes of all files in it


@dataclass(frozen=True)
class BuiltOutput:
    """One output: its files and folders."""

    name: str
    files: tuple[BuiltFile, ...]
    folders: tuple[BuiltFolder, ...]
    from_cache: bool

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(file.size for file in self.files) + sum(folder.size for folder in self.folders)


@dataclass(frozen=True)
class StepTime:
    """How long a step took, without those that it waited for; 0 when the cache had it."""

    name: str
    seconds: float
    from_cache: bool


@dataclass(frozen=True)
class Built:
    """A finished build."""

    name: str
    outputs: tuple[BuiltOutput, ...]
    steps: tuple[StepTime, ...]
    manifests: Path | None
    heaviest: tuple[tuple[str, int], ...]  # packages and their bytes in the root
    minimized: tuple[RuleWon, ...]  # what each line of the recipe's minimizers won
    seconds: float
