"""The tree of a root as data, and how its links are followed: as a process sees them whose / is that root.

Paths have no leading slash, and the root itself is the empty one. They are text in which bytes that are no UTF-8
stand as lone surrogates, as Python's file names do. Whatever a link or a pattern says, nothing outside of the root
has a path.
"""

from __future__ import annotations

import fnmatch
import functools
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

Kind = Literal["file", "folder", "link", "device", "other"]
LONGEST = 8192  # bytes of a path; twice what programs can name at once, and deep trees of longer ones fill memory
BLOCK = 4096  # bytes; the unit in which the file systems of images give space to files
_MOST_LINKS = 40  # followed for one path, as in Linux
_SPECIAL = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Entry:
    """One name of a tree."""

    kind: Kind
    size: int = 0  # bytes, of a file
    target: str = ""  # of a link
    mode: int = 0o755  # without the kind
    owner: int = 0
    group: int = 0
    inode: int = 0  # the same for all names of one file; 0 where it has only one

    @property
    def disk_size(self) -> int:
        """The bytes that it takes on a disk; short links live in their inode."""
        if self.kind == "folder":
            return BLOCK
        return -(-self.size // BLOCK) * BLOCK if self.kind == "file" else 0


class Files(Protocol):
    """A root that can be read, wherever it is."""

    @property
    def tree(self) -> Tree:
        """All names."""
        ...

    def read(self, path: str, *, most: int, offset: int = 0) -> bytes:
        """At most `most` bytes of a file, which must be one by its entry."""
        ...


class Tree:
    """All names of a root; folders that nobody listed are there nevertheless when something is in them."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self._entries = dict(entries)
        self._entries[""] = entries.get("", Entry("folder"))
        for path in list(entries):
            self._add_parents(path)
        self._children: dict[str, list[str]] = {}
        for path in sorted(self._entries):
            if path:
                self._children.setdefault(parent_of(path), []).append(path)

    def _add_parents(self, path: str) -> None:
        while path:
            path = parent_of(path)
            if path in self._entries:
                return
            self._entries[path] = Entry("folder")

    def __contains__(self, path: str) -> bool:
        return path in self._entries

    def __getitem__(self, path: str) -> Entry:
        return self._entries[path]

    def __iter__(self) -> Iterator[str]:
        """All paths but the root's own, sorted."""
        return (path for path in sorted(self._entries) if path)

    def __len__(self) -> int:
        return len(self._entries) - 1

    def items(self) -> Iterator[tuple[str, Entry]]:
        """All names but the root's own, sorted."""
        return ((path, self._entries[path]) for path in self)

    def get(self, path: str) -> Entry | None:
        """What has this very name, no link followed."""
        return self._entries.get(path)

    def is_folder(self, path: str) -> bool:
        """Whether a folder has this very name."""
        entry = self._entries.get(path)
        return entry is not None and entry.kind == "folder"

    def children(self, path: str) -> list[str]:
        """The paths of what is in a folder, sorted."""
        return self._children.get(path, [])

    def below(self, path: str) -> Iterator[str]:
        """A path and all that is in it."""
        todo = [path]
        while todo:
            here = todo.pop()
            yield here
            todo.extend(reversed(self._children.get(here, ())))

    def without(self, gone: Collection[str]) -> Tree:
        """The tree when these names are deleted."""
        return Tree({path: entry for path, entry in self._entries.items() if path not in gone})

    def resolve(self, path: str, *, follow: bool = True) -> str | None:
        """The path without links in it that this one leads to; None where there is nothing.

        Without `follow`, a link at the very end stays itself.
        """
        here, links = "", 0
        todo = path.split("/")[::-1]
        while todo:
            name = todo.pop()
            if name in {"", "."}:
                continue
            if name == "..":
                here = parent_of(here)
                continue
            entry = self._entries.get(join(here, name))
            if entry is None:
                return None
            if entry.kind != "link" or (not todo and not follow):
                if todo and entry.kind != "folder":
                    return None
                here = join(here, name)
                continue
            links += 1
            if links > _MOST_LINKS:
                return None
            here = "" if entry.target.startswith("/") else here
            todo.extend(entry.target.split("/")[::-1])
        return here

    def glob(self, pattern: str) -> list[str]:
        """The paths that a shell pattern names, without links in them but perhaps at the end.

        `*` and `?` stay in one folder and do not match a leading dot; `**` alone is any number of folders. A slash
        at the end asks for folders, also behind a link.
        """
        found = {""}
        parts = [part for part in pattern.split("/") if part not in {"", "."}]
        for number, part in enumerate(parts):
            last = number == len(parts) - 1 and not pattern.endswith("/")
            matched = {each for folder in found for each in self._matching(folder, part)}
            if last:
                found = matched
                break
            ways = {self.resolve(each) for each in matched}
            found = {each for each in ways if each is not None and self.is_folder(each)}
        return sorted(found)

    def _matching(self, folder: str, part: str) -> Iterable[str]:
        if part == "..":
            return [parent_of(folder)]
        if part == "**":
            return self._folders_below(folder)
        if not _SPECIAL.search(part):
            path = join(folder, part)
            return [path] if path in self._entries else []
        matches = _matcher(part)
        return [
            path
            for path in self.children(folder)
            if matches(name_of(path)) and (part.startswith(".") or not name_of(path).startswith("."))
        ]

    def _folders_below(self, folder: str) -> list[str]:
        found = []
        todo = [folder]
        while todo:
            here = todo.pop()
            found.append(here)
            todo += [each for each in self.children(here) if self.is_folder(each) and name_of(each)[0] != "."]
        return found


@functools.lru_cache(maxsize=1024)
def _matcher(pattern: str) -> Callable[[str], re.Match[str] | None]:
    return re.compile(fnmatch.translate(pattern)).match


def name_matches(name: str, pattern: str) -> bool:
    """Whether a name, such as that of a package, matches a shell pattern."""
    return _matcher(pattern)(name) is not None


def parent_of(path: str) -> str:
    """The folder that a path is in; the root is in itself."""
    return path.rpartition("/")[0]


def name_of(path: str) -> str:
    """The last part of a path."""
    return path.rpartition("/")[2]


def join(folder: str, name: str) -> str:
    """The path of a name in a folder."""
    return f"{folder}/{name}" if folder else name


_HARMLESS = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]*")


def shown(path: str) -> str:
    r"""A path, with its leading slash, as one line of a manifest.

    Ordinary names stand as they are. One with control characters or with bytes that are no UTF-8 begins with a
    backslash, as in sha256sum's lists; in it, a backslash is `\\`, and such bytes are `\ooo` in octal.
    """
    if _HARMLESS.fullmatch(path):
        return f"/{path}"
    return "\\/" + "".join(map(_escaped, path))


def _escaped(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if _HARMLESS.fullmatch(character):
        return character
    return "".join(f"\\{byte:03o}" for byte in character.encode("utf-8", "surrogateescape"))
