"""What takes the room in an image: per package, per folder; and the limit that a build may have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from skerry.errors import TooLarge
from skerry.images.manifest.reading import About, read_about
from skerry.sizes import format_size

_NAMED = 8  # of the heaviest in a message


def by_package(about: About) -> list[tuple[str, int]]:
    """Name and bytes on disk of every package, the heaviest first."""
    return _heaviest((f"{each.name} {each.version}", each.size) for each in about.packages)


def by_folder(about: About, depth: int) -> list[tuple[str, int]]:
    """Path and bytes on disk of every folder at most so deep, with all that is in it, the heaviest first."""
    return _heaviest((path, size) for path, size in about.folders.items() if _depth(path) <= depth)


def _depth(path: str) -> int:
    return 0 if path == "/" else path.count("/")


def _heaviest(parts: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    return sorted(parts, key=lambda part: (-part[1], part[0]))


def owned_by_nobody(about: About) -> int:
    """The bytes on disk that no package brought: folders, and what scripts and programs made."""
    return about.total - sum(each.size for each in about.packages)


def leaves(folders: Mapping[str, int]) -> list[tuple[str, int]]:
    """Each folder with what is in it but not in the folders below, the heaviest first."""
    own = dict(folders)
    for path, size in folders.items():
        above = path.rpartition("/")[0] or "/"
        if path != "/" and above in own:
            own[above] -= size
    return _heaviest(own.items())


def check_size(about: Path, made: int, limit: int, *, what: str) -> None:
    """Let a build fail whose result has more bytes than it may.

    Raises:
        TooLarge: it has; with the packages and folders that weigh most.
    """
    if made <= limit:
        return
    told = read_about(about)
    packages = ", ".join(f"{name} {format_size(size)}" for name, size in by_package(told)[:_NAMED])
    folders = ", ".join(f"{path} {format_size(size)}" for path, size in leaves(told.folders)[:_NAMED])
    raise TooLarge(
        f"{what} has {format_size(made)}, {format_size(made - limit)} more than --max-size {format_size(limit)}\n"
        f"heaviest packages: {packages}\nheaviest folders: {folders}",
        hint="leave packages out, or drop files with a minimizer (docs/how-to/smaller-images.md)",
    )
