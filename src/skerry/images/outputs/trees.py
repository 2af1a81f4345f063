"""Which files of a root go into which file system.

A tar is cut along the places where file systems are mounted: a mount point stays as an empty folder in the one
above, and becomes the top of its own. Files that only an output knows (fstab, the boot menu) come last and win.
"""

from __future__ import annotations

import copy
import io
import os
import tarfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from skerry.images.contents.tar import opened_tar


@dataclass(frozen=True)
class Tree:
    """What goes into one file system."""

    tar: Path
    files: Mapping[str, bytes] = field(default_factory=dict)  # by absolute path; over what is in the tar
    size: int = 0  # bytes of all files


@dataclass(frozen=True)
class Place:
    """A folder of the root that is a file system of its own, or a part of one."""

    mountpoint: str  # /, /home …
    device: str
    prefix: str = ""  # the folder of the file system that appears there: a subvolume


@dataclass(frozen=True)
class Contents:
    """What a root's tar says of its files."""

    names: frozenset[str]  # absolute, of everything but folders
    links: Mapping[str, str]  # symbolic ones, by name: where they point to
    size: int  # bytes


def look_into(tar: Path) -> Contents:
    """The names in a tar."""
    with opened_tar(tar) as root:
        entries = [("/" + path, entry) for path, entry in root.tree.items()]
    files = {entry.inode or path: entry.size for path, entry in entries if entry.kind == "file"}
    return Contents(
        names=frozenset(path for path, entry in entries if entry.kind != "folder"),
        links={path: entry.target for path, entry in entries if entry.kind == "link"},
        size=sum(files.values()),
    )


def read_files(tar: Path, paths: Collection[str]) -> dict[str, bytes]:
    """The bytes of regular files, by their absolute paths."""
    with opened_tar(tar) as root:
        return {path: root.read(path[1:], most=root.tree[path[1:]].size) for path in paths}


def tree_of(files: Mapping[str, bytes], tar: Path, epoch: int) -> Tree:
    """A tree with only these files."""
    with tar.open("wb") as target:
        part = _Part(tar, target, target, epoch)
        part.need_folder("/")
        for path, content in files.items():
            part.add_ours(path, content)
        return part.finish()


def absolute(name: str) -> str:
    """`./etc/fstab` as `/etc/fstab`."""
    return "/" + name.removeprefix(".").strip("/")


def place_of(path: str, places: Iterable[Place]) -> Place:
    """Where a path is: the place with the longest mount point above it."""
    found = [each for each in places if _is_below(path, each.mountpoint)]
    return max(found, key=lambda each: len(each.mountpoint))


def _is_below(path: str, mountpoint: str) -> bool:
    return mountpoint in {"/", path} or path.startswith(mountpoint + "/")


def inside(path: str, place: Place) -> str:
    """The path inside of the file system, absolute."""
    rest = path if place.mountpoint == "/" else path.removeprefix(place.mountpoint)
    prefix = f"/{place.prefix.strip('/')}" if place.prefix else ""
    return (prefix + rest).rstrip("/") or "/"


def split(
    tar: Path,
    places: Sequence[Place],
    files: Mapping[str, bytes],
    folder: Path,
    epoch: int,
    links: Mapping[str, str] | None = None,
) -> dict[str, Tree]:
    """Write a tar for each file system into `folder`, with files and links of ours; the trees by device."""
    with ExitStack() as stack:
        ours: dict[str, bytes | str] = {**files, **(links or {})}
        source = stack.enter_context(tarfile.open(tar, "r:"))
        data = stack.enter_context(tar.open("rb"))
        parts = {}
        for number, device in enumerate(sorted({each.device for each in places})):
            file = folder / f"part-{number}.tar"
            parts[device] = _Part(file, stack.enter_context(file.open("wb")), data, epoch)
        for member in source:
            path = absolute(member.name)
            if path in ours:
                continue
            for place, name in _names_of(path, places):
                parts[place.device].add(member, name, _link_of(member, place, places), source)
        for place in sorted(places, key=lambda each: each.mountpoint):
            above = [each for each in places if each is not place and _is_below(place.mountpoint, each.mountpoint)]
            if above:  # the mount point itself
                parts[place_of(place.mountpoint, above).device].need_folder(
                    inside(place.mountpoint, place_of(place.mountpoint, above))
                )
            parts[place.device].need_folder(inside(place.mountpoint, place))
        for path, content in ours.items():
            place = place_of(path, places)
            parts[place.device].add_ours(inside(path, place), content)
        return {device: part.finish() for device, part in parts.items()}


def _names_of(path: str, places: Sequence[Place]) -> Iterator[tuple[Place, str]]:
    """Where a path goes: a mount point goes into the file system above too."""
    place = place_of(path, places)
    yield place, inside(path, place)
    if path == place.mountpoint and path != "/":
        above = place_of(path, [each for each in places if each is not place])
        yield above, inside(path, above)


def _link_of(member: tarfile.TarInfo, place: Place, places: Sequence[Place]) -> str | None:
    """The new name of a hard link's target; None where it is in another file system."""
    if not member.islnk():
        return None
    target = absolute(member.linkname)
    there = place_of(target, places)
    return inside(target, place) if there.device == place.device and there.prefix == place.prefix else None


class _Part:
    """A tar that grows."""

    def __init__(self, path: Path, target: BinaryIO, data: BinaryIO, epoch: int) -> None:
        self._path = path
        self._target = target
        self._data = data
        self._epoch = epoch
        self._folders: set[str] = set()
        self._size = 0

    def add(self, member: tarfile.TarInfo, name: str, link: str | None, source: tarfile.TarFile) -> None:
        """Add a member of the source by a new name."""
        made = copy.copy(member)
        made.pax_headers = {
            key: value for key, value in member.pax_headers.items() if key.startswith("SCHILY.xattr")
        }
        made.name = f".{name}" if name != "/" else "."
        content = member
        if member.islnk() and link is not None:
            made.linkname = f".{link}"
        elif member.islnk():  # its bytes are in another file system
            content = source.getmember(member.linkname)
            made.type, made.size = tarfile.REGTYPE, content.size
        if member.isdir():
            self._folders.add(name)
        self._target.write(made.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape"))
        if made.isreg():
            self._size += made.size
            self._copy(content.offset_data, made.size)

    def _copy(self, begin: int, size: int) -> None:
        self._target.flush()
        here, end = begin, begin + size
        while here < end:
            here += os.sendfile(self._target.fileno(), self._data.fileno(), here, end - here)
        self._target.seek(0, io.SEEK_END)
        self._target.write(bytes(-size % tarfile.BLOCKSIZE))

    def need_folder(self, path: str) -> None:
        """Make a folder, and those that it is in, where the tar has none."""
        if path in self._folders:
            return
        if path != "/":
            self.need_folder(path.rpartition("/")[0] or "/")
        made = self._new(path)
        made.type, made.mode = tarfile.DIRTYPE, 0o755
        self._folders.add(path)
        self._target.write(made.tobuf(tarfile.PAX_FORMAT))

    def add_ours(self, path: str, content: bytes | str) -> None:
        """Add a file of root's that anybody may read; a link if `content` is where it points to."""
        self.need_folder(path.rpartition("/")[0] or "/")
        made = self._new(path)
        if isinstance(content, str):
            made.type, made.mode, made.linkname = tarfile.SYMTYPE, 0o777, content
            self._target.write(made.tobuf(tarfile.PAX_FORMAT))
            return
        made.mode, made.size = 0o644, len(content)
        self._size += len(content)
        self._target.write(made.tobuf(tarfile.PAX_FORMAT))
        self._target.write(content + bytes(-len(content) % tarfile.BLOCKSIZE))

    def _new(self, path: str) -> tarfile.TarInfo:
        made = tarfile.TarInfo(f".{path}" if path != "/" else ".")
        made.mtime = self._epoch
        return made

    def finish(self) -> Tree:
        """End the tar."""
        self._target.write(bytes(2 * tarfile.BLOCKSIZE))
        self._target.flush()
        return Tree(self._path, size=self._size)
