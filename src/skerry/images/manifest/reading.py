"""The manifests of an image that is there: beside it, in it, or in a folder of their own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from skerry.errors import BadImage, NotFound
from skerry.images.contents import iso9660
from skerry.images.manifest import files
from skerry.images.manifest.files import FileRecord, read_records

SUFFIX = ".manifests"  # of the folder beside an image
_NAMES = ("packages.json", "sizes.json", files.NAME)
_MOST = 256 * 1024 * 1024


@dataclass(frozen=True)
class PackageFacts:
    """What packages.json says of one package."""

    name: str
    version: str
    architecture: str
    license: str
    size: int


@dataclass(frozen=True)
class About:
    """What an image says of itself."""

    name: str
    total: int  # bytes on disk
    packages: tuple[PackageFacts, ...]
    folders: Mapping[str, int]  # bytes on disk, with all that is in them, by path
    files: bytes = field(repr=False)

    def records(self) -> Iterator[FileRecord]:
        """Every name in it.

        Raises:
            BadImage: the list cannot be read.
        """
        return read_records(self.files)


def read_about(image: Path) -> About:
    """Find the manifests of an image, or of the folder that it was made in, and read them.

    Raises:
        NotFound: there is no such image, or no manifests are in it or beside it.
        BadImage: they cannot be read.
    """
    if image.is_dir():
        found = [each for each in (image, *sorted(image.glob(f"*{SUFFIX}"))) if _is_about(each)]
        if len(found) > 1 and found[0] != image:
            raise NotFound(f"{image} has several images", hint="name one of them")
        if not found:
            raise NotFound(f"{image} has no manifests", hint="name an image that `skerry image build` made")
        return _read(lambda name: _bounded(found[0] / name), str(image))
    if not image.is_file():
        raise NotFound(f"there is no image {image}")
    beside = next((each for each in places(image) if _is_about(each)), None)
    if beside is not None:
        return _read(lambda name: _bounded(beside / name), str(image))
    inside = _inside(image)
    if inside is None:
        raise NotFound(
            f"no manifests of {image} are found: none in it, and no folder of them beside it",
            hint=f"`skerry image build` leaves them in NAME{SUFFIX} beside the image; name that folder",
        )
    return _read(inside.__getitem__, str(image))


def places(image: Path) -> list[Path]:
    """The folders beside an image that may be its manifests', the surest first."""
    names = [image.name]
    while "." in names[-1].lstrip("."):
        names.append(names[-1].rpartition(".")[0])
    return [image.with_name(f"{name}{SUFFIX}") for name in names]


def _is_about(folder: Path) -> bool:
    return all((folder / name).is_file() for name in _NAMES)


def _bounded(path: Path) -> bytes:
    if path.stat().st_size > _MOST:
        raise BadImage(f"{path} is too large to be a manifest")
    return path.read_bytes()


def _inside(image: Path) -> dict[str, bytes] | None:
    """The manifests in an ISO image."""
    with image.open("rb") as file:
        if not iso9660.is_iso(file.fileno()):
            return None
        for _, names in iso9660.folders(file.fileno()):
            if set(_NAMES) <= names.keys():
                return {name: iso9660.read(file.fileno(), names[name]) for name in _NAMES}
    return None


def _read(read: Callable[[str], bytes], shown: str) -> About:
    try:
        sizes, packages = json.loads(read("sizes.json")), json.loads(read("packages.json"))
        return About(
            name=str(sizes["name"]),
            total=int(sizes["total"]),
            packages=tuple(map(_facts, packages)),
            folders={str(path): int(size) for path, size in sizes["folders"].items()},
            files=read(files.NAME),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise BadImage(f"the manifests of {shown} cannot be read: {exc}") from exc


def _facts(told: Mapping[str, Any]) -> PackageFacts:
    return PackageFacts(
        str(told["name"]), str(told["version"]), str(told["architecture"]), str(told["license"]), int(told["size"])
    )
